"""A source's page: how to connect it, what came in lately, and what was rejected and why."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from core import clock
from customers import activity, snippets
from customers.enums import InboundStatus, Power, SourceKind
from customers.intake import keys, landing, replay
from customers.models import InboundRequest, RejectedRow, Source, SourceKey
from customers.quality import REASONS
from customers.screens import page, row_key, staff_page
from customers.source_forms import NewSourceForm, SourceForm


TAIL = 50  # of the latest requests
BODY_SHOWN = 20_000  # letters
_HIDDEN = "•" * 12


@staff_page("customers.add_source")
def new(request: HttpRequest) -> HttpResponse:
    form = NewSourceForm(request.POST or None)
    opened = None
    if request.method == "POST" and form.is_valid():
        try:
            opened = keys.open_source(**form.cleaned_data, now=clock.now())
        except IntegrityError:  # a second click
            form.add_error("name", "There is a source of this name already.")
    if opened:
        return _show(
            request, opened.source, write_key=opened.write_key, browser_key=opened.browser_key,
            secret=opened.secret,
        )  # fmt: skip
    return page(
        request, "pages/source_new.html", title="New source", opts=Source._meta, form=form,
        status=422 if form.errors else 200,
    )  # fmt: skip


@staff_page("customers.view_source")
def source(request: HttpRequest, source_id: int) -> HttpResponse:
    return _show(request, get_object_or_404(Source, pk=source_id))


def _show(
    request: HttpRequest,
    source: Source,
    *,
    form: SourceForm | None = None,
    write_key: str | None = None,
    browser_key: str | None = None,
    secret: str | None = None,
) -> HttpResponse:
    # a page with a fresh key on it is never stored: the admin's pages are not
    return page(
        request,
        "pages/source.html",
        title=source.name,
        opts=Source._meta,
        object=source,
        source=source,
        form=form or SourceForm(source),
        status=422 if form else 200,
        url=keys.address(source),
        shown={"write_key": write_key, "browser_key": browser_key, "secret": secret},
        is_fresh=bool(write_key or browser_key or secret),
        is_live=source.kind in activity.LIVE_KINDS,
        keys=source.keys.order_by("revoked_at", "pk"),
        snippets=_snippets(source, write_key, browser_key),
        **_tail_of(source),
    )


def _snippets(
    source: Source, write_key: str | None, browser_key: str | None
) -> list[snippets.Snippet]:
    if source.kind != SourceKind.SEGMENT:
        return []
    return snippets.segment(
        url=str(settings.PUBLIC_URL),
        server_key=write_key or f"cs_{_HIDDEN}",
        browser_key=browser_key or f"cb_{_HIDDEN}",
    )


def _tail_of(source: Source) -> dict[str, Any]:
    now = clock.now()
    found = activity.of(source, now=now)
    latest = InboundRequest.objects.filter(source=source).defer("body").order_by("-pk")[:TAIL]
    return {
        "activity": found,
        "now": now,
        "is_silent": activity.is_silent(source, found.last_received_at, now=now),
        "tallest": max((*found.by_hour, 1)),
        "requests": [(request, REASONS.get(request.reason, "")) for request in latest],
    }


@staff_page("customers.view_source")
def tail(request: HttpRequest, source_id: int) -> HttpResponse:
    """The part of the page that looks again every few seconds."""
    source = get_object_or_404(Source, pk=source_id)
    return page(
        request, "pages/source_tail.html", title=source.name, source=source, is_live=True,
        **_tail_of(source),
    )  # fmt: skip


@require_POST
@staff_page("customers.change_source")
def save(request: HttpRequest, source_id: int) -> HttpResponse:
    source = get_object_or_404(Source, pk=source_id)
    form = SourceForm(source, request.POST)
    if not form.is_valid():
        return _show(request, source, form=form)
    with transaction.atomic():
        source = Source.objects.select_for_update().get(pk=source.pk)
        source.silent_after_hours = form.cleaned_data["silent_after_hours"]
        for name in ("allowed_origins", "consent_meta_key", "language"):
            if name in form.fields:
                source.settings[name] = form.cleaned_data[name]
        source.save(update_fields=["silent_after_hours", "settings"])
        if secret := form.cleaned_data.get("secret"):
            keys.set_secret(source=source, secret=secret)
    messages.success(request, "Saved.")
    return redirect("source_pages:source", source.pk)


@require_POST
@staff_page("customers.change_source")
def act(request: HttpRequest, source_id: int) -> HttpResponse:
    """What the page's buttons do."""
    source, now = get_object_or_404(Source, pk=source_id), clock.now()
    match request.POST.get("act"):
        case "new-server-key" if source.kind == SourceKind.SEGMENT:
            return _show(
                request, source, write_key=keys.make_key(source=source, power=Power.SERVER, now=now)
            )
        case "new-browser-key" if source.kind == SourceKind.SEGMENT:
            key = keys.make_key(source=source, power=Power.BROWSER, now=now)
            return _show(request, source, browser_key=key)
        case "revoke":
            number = row_key(request.POST.get("key", ""))
            key_row = get_object_or_404(SourceKey, source=source, pk=number)
            keys.revoke(key=key_row, now=now)
            messages.success(request, f"The key {key_row} works no more.")
        case "test" if source.kind == SourceKind.SEGMENT:
            _send_test(source)
            messages.success(request, "A test event was received. It is in the list below.")
        case _:
            raise Http404
    return redirect("source_pages:source", source.pk)


def _send_test(source: Source) -> None:
    """A visitor's event, as a client would send it: it makes no customer and counts nowhere."""
    now = clock.now()
    said = {
        "type": "track",
        "event": "Coterie Test",
        "anonymousId": "coterie-test",
        "messageId": f"coterie-test-{now.timestamp():.6f}",
        "timestamp": now.isoformat(),
    }
    landing.land(
        source_id=source.pk, topic="track", body=json.dumps(said).encode(), power=Power.SERVER,
        headers={}, now=now,
    )  # fmt: skip


# ------------------------------------------------------------------ one request
@staff_page("customers.view_inboundrequest")
def inbound(request: HttpRequest, source_id: int, inbound_id: int) -> HttpResponse:
    row = get_object_or_404(
        InboundRequest.objects.select_related("source"), pk=inbound_id, source=source_id
    )
    text, is_cut = _readable(bytes(row.body))
    rejected = row.rejected_rows.order_by("line_number", "pk")[:200]
    return page(
        request,
        "pages/inbound.html",
        title=f"Request {row.pk}",
        opts=Source._meta,
        object=row.source,
        inbound=row,
        reason=REASONS.get(row.reason, ""),
        body=text,
        is_cut=is_cut,
        rejected=[(item, REASONS.get(item.reason, "")) for item in rejected],
        may_replay=row.status != InboundStatus.WAITING,
    )


def _readable(body: bytes) -> tuple[str, bool]:
    """JSON with its lines broken, or what came as it came; and whether it was cut."""
    if len(body) > BODY_SHOWN * 4:
        return body[:BODY_SHOWN].decode("utf-8", "replace"), True
    try:
        said = json.loads(body, object_pairs_hook=_each_once)
        text = json.dumps(said, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
    # half a surrogate pair, which JSON may name and no page can hold
    text = text.encode("utf-8", "backslashreplace").decode()
    return text[:BODY_SHOWN], len(text) > BODY_SHOWN


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for an object that names a field twice: one of the two would not be shown."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field twice")
    return found


@require_POST
@staff_page("customers.change_source")
def replay_rejected(request: HttpRequest, source_id: int, inbound_id: int) -> HttpResponse:
    """Try rejected items again: one, or all of the request."""
    rows = RejectedRow.objects.filter(
        inbound=inbound_id, inbound__source=source_id, replayed_at=None
    )
    if chosen := request.POST.get("row", ""):
        rows = rows.filter(pk=row_key(chosen))
    taken = tried = 0
    for row in rows:
        tried += 1
        try:
            taken += replay.replay(row, now=clock.now())
        except replay.NotReplayableError as error:
            messages.error(request, str(error))
    if taken:
        messages.success(request, f"{taken} of {tried} taken in.")
    elif tried:
        messages.warning(request, "Nothing was taken in: the reasons below still hold.")
    return redirect("source_pages:inbound", source_id, inbound_id)
