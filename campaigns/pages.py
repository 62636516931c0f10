"""Build, preview, launch, watch: the pages of one campaign. Its result is feedback's."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from campaigns import approval, audience, lifecycle, recommended, rendering
from campaigns.enums import Arm, CampaignState
from campaigns.forms import CampaignForm, LaunchForm
from campaigns.merge_fields import FIELDS
from campaigns.models import Campaign
from campaigns.progress import progress_of
from core import clock
from core.states import IllegalMoveError, LostRaceError
from customers.masking import may_see_addresses
from customers.models import Customer
from customers.screens import page, row_key, staff_page


REFUSALS = (lifecycle.NotReadyError, IllegalMoveError, LostRaceError)
CONFIRM_ABOVE = 1_000  # recipients; from here on the number has to be typed


def _campaign(campaign_id: int) -> Campaign:
    return get_object_or_404(
        Campaign.objects.select_related("segment", "model_version", "created_by"), pk=campaign_id
    )


def _staff(request: HttpRequest) -> User:
    return cast("User", request.user)  # the page has let nobody else in


def _page(
    request: HttpRequest, template: str, campaign: Campaign | None, step: str, **context: Any
) -> HttpResponse:
    return page(
        request,
        template,
        title=campaign.name if campaign else "New campaign",
        opts=Campaign._meta,
        object=campaign,
        campaign=campaign,
        step=step,
        is_draft=campaign is None or campaign.state == CampaignState.DRAFT,
        **context,
    )


# ------------------------------------------------------------------ build
@staff_page("campaigns.add_campaign")
def new(request: HttpRequest) -> HttpResponse:
    form = CampaignForm(request.POST or None, initial={"segment": request.GET.get("segment")})
    if request.method == "POST" and form.is_valid():
        campaign = form.save_draft(now=clock.now(), user=_staff(request))
        messages.success(request, "Saved as a draft. Nothing is sent before you launch it.")
        return redirect("campaign_pages:preview", campaign.pk)
    return _page(
        request,
        "pages/campaign_form.html",
        None,
        "build",
        form=form,
        merge_fields=list(FIELDS.items()),
    )


@staff_page("campaigns.view_campaign")
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """To the page that matters now."""
    found = _campaign(campaign_id)
    if found.state == CampaignState.DRAFT:
        may_edit = request.user.has_perm("campaigns.change_campaign")
        return redirect(f"campaign_pages:{'edit' if may_edit else 'preview'}", found.pk)
    if found.state == CampaignState.FINISHED:
        return redirect("admin:campaign_result", found.pk)
    return redirect("campaign_pages:progress", found.pk)


@staff_page("campaigns.change_campaign")
def edit(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _campaign(campaign_id)
    if found.state != CampaignState.DRAFT:
        messages.warning(
            request,
            "This campaign has been launched: what it says and to whom is frozen. "
            "Duplicate it to make another one.",
        )
        return redirect("campaign_pages:progress", found.pk)
    form = CampaignForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        try:
            form.save_draft(now=clock.now(), user=_staff(request))
        except LostRaceError as error:
            messages.error(request, f"Not saved: {error}")
            return redirect("campaign_pages:progress", found.pk)
        messages.success(request, "Saved.")
        return redirect("campaign_pages:preview", found.pk)
    # the name that is stored, not the one just typed and refused
    return _page(
        request,
        "pages/campaign_form.html",
        _campaign(campaign_id),
        "build",
        form=form,
        merge_fields=list(FIELDS.items()),
    )


@require_POST
@staff_page("campaigns.add_campaign")
def duplicate(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _campaign(campaign_id)
    stem, number = found.name[:140], 2
    while Campaign.objects.filter(name=f"{stem} ({number})").exists():
        number += 1
    copied = {
        name: getattr(found, name)
        for name in (
            "segment", "purpose", "with_soft_opt_ins", "from_name", "from_email", "subject", "body_html", "targeting",
            "holdout_share", "explore_share", "min_days_between", "rest_after_bad_days",
            "discount_percent",
            "contact_cost_cents", "unsubscribe_cost_cents", "outcome_days",
        )
    }  # fmt: skip
    draft = Campaign.objects.create(
        name=f"{stem} ({number})",
        created_at=clock.now(),
        created_by=_staff(request),
        salt=secrets.token_hex(16),
        **copied,
    )
    messages.success(request, f"This is a draft with everything of “{found.name}”.")
    return redirect("campaign_pages:edit", draft.pk)


# ------------------------------------------------------------------ preview
@staff_page("campaigns.view_campaign", "customers.view_customer")
def preview(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _campaign(campaign_id)
    is_draft = found.state == CampaignState.DRAFT
    plan = audience.preview(found, now=clock.now()) if is_draft else None
    suggested = _suggested_customers(plan.examples if plan else _planned(found))
    chosen, not_found = _chosen_customer(request, suggested)
    rendered, error = None, ""
    if chosen is not None:
        try:
            rendered = rendering.preview(
                found, chosen, now=clock.now(),
                recommendations=recommended.of_customer(found, chosen),
            )  # fmt: skip
        except rendering.RenderError as failure:
            error = str(failure)
    return _page(
        request,
        "pages/campaign_preview.html",
        found,
        "preview",
        # a launched campaign's audience is history, told on the progress page
        audience=plan,
        problems=_problems(found, plan) if plan else [],
        needs_approval=plan is not None and approval.is_needed(plan.will_receive),
        is_approved=plan is not None and approval.is_approved(found, recipients=plan.will_receive),
        approved_rules=approval.in_words(found.approved_rules),
        rules=approval.in_words(approval.rules_behind(found)),
        approve_above=settings.APPROVE_ABOVE,
        digest=approval.digest(found),
        by_address=may_see_addresses(request.user),
        suggested=suggested,
        chosen=chosen,
        not_found=not_found,
        rendered=rendered,
        render_error=error,
    )


def _problems(campaign: Campaign, plan: audience.AudiencePreview) -> list[str]:
    found = lifecycle.problems(campaign)
    return found if plan.will_receive else [*found, lifecycle.NOBODY]


def _planned(campaign: Campaign) -> list[int]:
    """Some of whom a launched campaign is, or was, for."""
    rows = campaign.deliveries.filter(arm=Arm.TREATED, customer__erased_at=None)
    return list(rows.order_by("pk").values_list("customer_id", flat=True)[: audience.EXAMPLES])


def _suggested_customers(keys: Sequence[int]) -> list[tuple[str, Customer]]:
    """A few of these worth looking at: somebody, somebody without a name, the longest name."""
    some = list(Customer.objects.filter(pk__in=keys).order_by("pk"))
    if not some:
        return []
    first = some[0]
    nameless = next((one for one in some if not one.first_name), None)
    longest = max(some, key=lambda one: len(one.first_name))
    found: dict[int, tuple[str, Customer]] = {}
    for why, one in (("", first), ("no first name", nameless), ("a long name", longest)):
        if one is not None:
            found.setdefault(one.pk, (why, one))
    return list(found.values())


def _chosen_customer(
    request: HttpRequest, suggested: list[tuple[str, Customer]]
) -> tuple[Customer | None, str]:
    """Who was asked for (by key, e-mail address or the shop's number), or what was not found."""
    search = request.GET.get("search", "").replace("\0", "").strip()
    if search:
        known_by = Q(external_id=search)
        if may_see_addresses(request.user):
            known_by |= Q(email__iexact=search)
        by_text = Customer.objects.filter(known_by)
        match = by_text.select_related("merged_into").order_by("pk").first()
        match = match and (match.merged_into or match)
        return (match, "") if match else (suggested[0][1] if suggested else None, search)
    key = request.GET.get("customer", "")
    if key:
        return get_object_or_404(Customer, pk=row_key(key)), ""
    return (suggested[0][1] if suggested else None), ""


@staff_page("campaigns.view_campaign", "customers.view_customer")
def message(request: HttpRequest, campaign_id: int, customer_id: int) -> HttpResponse:
    """The HTML of the message alone, for the sandboxed frame of the preview."""
    found = _campaign(campaign_id)
    customer = get_object_or_404(Customer, pk=customer_id)
    try:
        html = rendering.preview(
            found, customer, now=clock.now(),
            recommendations=recommended.of_customer(found, customer),
        ).html  # fmt: skip
    except rendering.RenderError as error:
        raise Http404(str(error)) from error
    response = HttpResponse(html)
    # written by marketers: no scripts, no forms, no access to the admin, opened alone or in the frame
    response["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; "
        "font-src https: data:; frame-ancestors 'self'"
    )
    return response


# ------------------------------------------------------------------ launch
@staff_page("campaigns.change_campaign", "customers.view_customer")
def launch(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _campaign(campaign_id)
    if found.state != CampaignState.DRAFT:
        return redirect("campaign_pages:progress", found.pk)
    now = clock.now()
    plan = audience.preview(found, now=now)
    problems = _problems(found, plan)
    if unapproved := approval.refusal(found, by=_staff(request), recipients=plan.will_receive):
        problems.append(unapproved)
    form = LaunchForm(
        request.POST or None,
        recipients=plan.will_receive,
        must_type=plan.will_receive > CONFIRM_ABOVE,
    )
    if request.method == "POST" and not problems and form.is_valid():
        at = form.cleaned_data["at"] if form.cleaned_data["when"] == "at" else now
        try:
            lifecycle.schedule(
                found, at=at, now=now, by=_staff(request), recipients=plan.will_receive
            )
        except REFUSALS as error:
            messages.error(request, f"Not launched: {error}")
        else:
            when = "Messages go out as soon as the audience is frozen." if at <= now else ""
            messages.success(request, f"Launched. {when}".strip())
        return redirect("campaign_pages:progress", found.pk)
    return _page(
        request,
        "pages/campaign_launch.html",
        found,
        "launch",
        audience=plan,
        problems=problems,
        form=form,
        cost_cents=plan.will_receive * found.contact_cost_cents,
    )


@require_POST
@staff_page("campaigns.view_campaign", "campaigns.approve_campaign")
def approve(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _campaign(campaign_id)
    if request.POST.get("digest") != approval.digest(found):
        messages.error(request, "Not approved: the campaign was changed since you looked at it.")
        return redirect("campaign_pages:preview", found.pk)
    now = clock.now()
    recipients = audience.preview(found, now=now).will_receive
    try:
        approval.approve(found, by=_staff(request), recipients=recipients, now=now)
    except approval.ApprovalError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Approved for {recipients:,}. Somebody else can launch it now.")
    return redirect("campaign_pages:preview", found.pk)


# ------------------------------------------------------------------ watch
@staff_page("campaigns.view_campaign")
def progress(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _campaign(campaign_id)
    if found.state == CampaignState.DRAFT:
        return redirect("campaign_pages:preview", found.pk)
    return _page(
        request,
        "pages/campaign_progress.html",
        found,
        "progress",
        counts=progress_of(found),
    )


@staff_page("campaigns.view_campaign")
def counts(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The part of the progress page that asks again every two seconds."""
    found = _campaign(campaign_id)
    return page(
        request,
        "pages/campaign_counts.html",
        title=found.name,
        campaign=found,
        counts=progress_of(found),
    )


ACTS: dict[str, Callable[..., None]] = {
    "pause": lifecycle.pause,
    "resume": lifecycle.resume,
    "cancel": lifecycle.cancel,
    "unschedule": lifecycle.unschedule,
}


@require_POST
@staff_page("campaigns.change_campaign")
def act(request: HttpRequest, campaign_id: int) -> HttpResponse:
    found = _campaign(campaign_id)
    name = request.POST.get("act", "")
    if name not in ACTS:
        raise Http404
    try:
        ACTS[name](found, now=clock.now())
    except REFUSALS as error:
        messages.error(request, f"Not done: {error}")
    return redirect("campaign_pages:campaign", found.pk)
