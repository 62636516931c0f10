"""Home, the result of a campaign, and the models: the pages that need every app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from campaigns.models import Campaign
from core import clock
from customers import display
from customers.models import Customer
from customers.screens import page, staff_page
from feedback import charts, measures, reports
from feedback.models import RetrainingDecision
from feedback.reports.attention import Attention
from feedback.reports.model_versions import ModelTask, Version, described
from feedback.reports.values import Lift
from segmentation.models import ModelVersion, Segment


HOME_PERMISSIONS = (
    "customers.view_customer",
    "customers.view_order",
    "campaigns.view_campaign",
    "feedback.view_liftestimate",
)


# ------------------------------------------------------------------ home
def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: what templates/admin/index.html shows."""
    context["title"] = "Home"
    if not request.user.has_perms(HOME_PERMISSIONS):
        return context
    report = reports.home(now=clock.now())
    context.update(
        report=report,
        has_customers=Customer.objects.exists(),
        revenue_chart=charts.revenue(report.revenue_by_day),
        incremental=charts.whisker(
            difference=report.incremental.total_cents,
            low=report.incremental.low_cents,
            high=report.incremental.high_cents,
            label=lambda cents: display.signed_money(cents, decimals=0),
        ),
        attention=[(one, _link(one)) for one in report.attention],
        steps=_first_steps(),
    )
    return context


def _link(one: Attention) -> str:
    return reverse(one.url_name, args=one.url_args) + (f"?{one.query}" if one.query else "")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One of the first steps; `link` is empty for what is done outside the admin."""

    done: bool
    title: str
    how: str
    link: str = ""


def _first_steps() -> list[Step]:
    return [
        Step(
            done=Customer.objects.exists(),
            title="Bring in your shop",
            how="Make a source for its events or webhooks, or import a file under Imports.",
            link=reverse("source_pages:new"),
        ),
        Step(
            done=Segment.objects.exists(),
            title="Let Coterie sort your customers into segments",
            how="Happens by itself within minutes of the first import, while worker and beat run.",
            link=reverse("admin:segmentation_segment_changelist"),
        ),
        Step(
            done=bool(settings.SMTP_URL),
            title="Say which mail server sends",
            how="Set COTERIE_SMTP_URL, for example smtps://user:password@mail.example:465.",
        ),
        Step(
            done=Campaign.objects.exclude(frozen_at=None).exists(),
            title="Launch a first campaign",
            how="Choose a segment, write the message, look at the preview.",
            link=reverse("campaign_pages:new"),
        ),
    ]


# ------------------------------------------------------------------ the result of a campaign
@dataclass(frozen=True, kw_only=True)
class ShownLift:
    """A lift with its words and its picture."""

    lift: Lift
    treated: str
    held_out: str
    difference: str
    interval: str
    whisker: charts.Whisker | None


def _shown(lift: Lift) -> ShownLift:
    level = display.money if lift.is_money else display.percent
    change = display.signed_money if lift.is_money else display.points
    return ShownLift(
        lift=lift,
        treated=level(lift.treated_mean),
        held_out=level(lift.holdout_mean),
        difference=change(lift.difference),
        interval=display.NOTHING
        if lift.low is None
        else f"{change(lift.low)} to {change(lift.high)}",
        whisker=charts.whisker(
            difference=lift.difference, low=lift.low, high=lift.high, label=change
        ),
    )


@staff_page("campaigns.view_campaign", "feedback.view_liftestimate")
def result(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(
        Campaign.objects.select_related("segment", "model_version", "created_by"), pk=campaign_id
    )
    report = reports.campaign_report(campaign)
    return page(
        request,
        "pages/result.html",
        title=campaign.name,
        opts=Campaign._meta,
        object=campaign,
        campaign=campaign,
        step="result",
        is_draft=campaign.frozen_at is None and campaign.scheduled_at is None,
        report=report,
        lifts=[_shown(lift) for lift in report.lifts],
        funnel=charts.bars(
            [(one.label, one.count, _of(one.count, report)) for one in report.funnel]
        ),
        curves=charts.conversion(report.conversion_by_day),
        skips=[(one.code, one.label, one.count) for one in report.skips],
        audience=sum(state.count for state in report.states),
        made=sum(state.count for state in report.states if state.code != "SKIPPED"),
    )


def _of(count: int, report: reports.CampaignReport) -> str:
    """A share of the segment, the first row of the funnel."""
    whole = report.funnel[0].count
    return f"{display.percent(count / whole)} of the segment" if whole else ""


# ------------------------------------------------------------------ models
@dataclass(frozen=True, kw_only=True)
class ShownModel:
    """One task with the pictures of its champion, or of its newest version when there is none."""

    task: ModelTask
    subject: Version | None
    measures: list[measures.ShownMeasure]
    calibration: list[charts.Dot]
    gain: charts.Gain | None


def shown(task: ModelTask, *, version: ModelVersion | None = None) -> ShownModel:
    """The task with the pictures of `version`, else of what serves, else of the newest."""
    subject = task.champion or (task.versions[0] if task.versions else None)
    if version is not None:
        subject = described(version)
    told = subject.version.metrics if subject else None
    curve = told.get("gain") if isinstance(told, dict) else None
    shown_measures = measures.in_words(subject.measures if subject else ())
    return ShownModel(
        task=task,
        subject=subject,
        measures=shown_measures,
        calibration=charts.calibration(subject.calibration) if subject else [],
        gain=charts.gain(curve) if isinstance(curve, list) else None,
    )


@staff_page("segmentation.view_modelversion", "feedback.view_retrainingdecision")
def models(request: HttpRequest) -> HttpResponse:
    return page(
        request,
        "pages/models.html",
        title="Models",
        opts=ModelVersion._meta,
        models=[shown(task) for task in reports.models_page()],
        decisions=RetrainingDecision.objects.select_related("champion", "challenger").order_by(
            "-decided_at", "-pk"
        )[:20],
    )
