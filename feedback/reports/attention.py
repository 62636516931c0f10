"""What needs somebody: each line says what is wrong and leads to where it can be put right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Count
from django.utils.timesince import timesince

from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from consent.accountability import mass_access, probing
from consent.desk import requests
from consent.interlock import hindrances
from consent.models import Breach, DataRequest
from customers import activity, display
from customers.enums import ImportStatus
from customers.models import Import, Source
from feedback.enums import Verdict
from feedback.models import DriftCheck, LiftEstimate, RetrainingDecision
from feedback.reports.said import Asked, abrupt_change, aspect_changes
from segmentation import attempts, forgetting
from segmentation.enums import ModelStatus, SegmentStatus, Task
from segmentation.models import ModelVersion, Segment
from segmentation.registry import TrainingAttempt
from webhooks.endpoints import STOPPED_BY_STAFF
from webhooks.models import Endpoint


STALE = timedelta(days=60)  # retraining runs every 28 days: this is two missed
RECENT = timedelta(days=30)
SOON = timedelta(days=7)  # before a data request is due


@dataclass(frozen=True, kw_only=True)
class Attention:
    """`kind` is PROBLEM or NOTICE. The place is a URL name with arguments and a query string."""

    kind: str
    text: str
    url_name: str
    url_args: Sequence[object] = ()
    query: str = ""


def attention(*, now: datetime) -> tuple[Attention, ...]:
    """The list for the home page, worst first."""
    found = [
        *_paused_campaigns(),
        *_unknown_deliveries(),
        *_failed_imports(now),
        *_silent_sources(now),
        *_rejected_items(now),
        *_stopped_webhooks(),
        *_data_requests(now),
        *_nothing_is_sent(),
        *_opt_out(),
        *_breaches(now),
        *_mass_access(now),
        *_broken_assignments(now),
        *_segments(),
        *_models(now),
        *_cut_off(),
        *_gone_from_models(now),
        *_drift(now),
        *_reviews(now),
    ]
    return tuple(sorted(found, key=lambda one: one.kind != "PROBLEM"))


def _paused_campaigns() -> Iterator[Attention]:
    for campaign in Campaign.objects.filter(state=CampaignState.PAUSED).order_by("pk"):
        why = f": {campaign.note}" if campaign.note else "."
        yield Attention(
            kind="PROBLEM",
            text=f"“{campaign.name}” is paused{why}",
            url_name="campaign_pages:progress",
            url_args=(campaign.pk,),
        )


def _unknown_deliveries() -> Iterator[Attention]:
    rows = (
        Delivery.objects.filter(state=DeliveryState.UNKNOWN)
        .values_list("campaign_id", "campaign__name")
        .annotate(Count("id"))
        .order_by("campaign_id")
    )
    for campaign_id, name, count in rows:
        are = "message of it is" if count == 1 else "messages of it are"
        yield Attention(
            kind="PROBLEM",
            text=f"“{name}”: {count:,} {are} in doubt after a crash, sent or not; none is sent again.",
            url_name="admin:campaigns_delivery_changelist",
            query=f"campaign__id__exact={campaign_id}&state__exact={DeliveryState.UNKNOWN}",
        )


def _nothing_is_sent() -> Iterator[Attention]:
    if words := hindrances.of_sending():
        yield Attention(kind="PROBLEM", text=words, url_name="admin:campaigns_campaign_changelist")


def _cut_off() -> Iterator[Attention]:
    """Trainings that were killed twice or more, one after the other: once is a restart."""
    for row in TrainingAttempt.objects.filter(ended_at=None, deaths__gt=0).order_by("task"):
        left = attempts.cut_off(Task(row.task))
        if left is not None:
            name = row.get_task_display().partition(":")[0].lower()
            yield Attention(
                kind="PROBLEM",
                text=f"{left.deaths} trainings in a row were cut off ({name}): restarted, or out of memory.",
                url_name="admin:model_page",
                url_args=(row.task.lower(),),
            )


def _opt_out() -> Iterator[Attention]:
    if found := probing.broken():
        yield Attention(
            kind="PROBLEM",
            text=f"Unsubscribing does not work, as tried out on {found.at:%-d %b, %H:%M} UTC: {found.failed}",
            url_name="admin:consent_optoutprobe_changelist",
        )


def _breaches(now: datetime) -> Iterator[Attention]:
    for case in Breach.objects.filter(told_at=None).order_by("due_at"):
        hours = (case.due_at - now).total_seconds() / 3600
        when = f"{hours:.0f} hours left" if hours > 0 else "the 72 hours are over"
        yield Attention(
            kind="PROBLEM",
            text=f"Breach {case.pk}: {case.people:,} customer{'' if case.people == 1 else 's'} affected; tell the authority by {case.due_at:%-d %b, %H:%M} UTC; {when}.",
            url_name="admin:consent_breach_changelist",
        )


def _mass_access(now: datetime) -> Iterator[Attention]:
    for one in mass_access.alarms(now=now):
        yield Attention(
            kind="PROBLEM",
            text=f"{one.who} looked at {one.people:,} customers within an hour, {one.at:%d %b at %H:%M} UTC.",
            url_name="admin:consent_personaldataaccess_changelist",
            query=urlencode({"q": one.actor}),
        )


def _failed_imports(now: datetime) -> Iterator[Attention]:
    """Of each source its last import, if that failed: five tries of one file are one line."""
    over = (ImportStatus.FAILED, ImportStatus.FINISHED, ImportStatus.UNDONE)
    last = (
        Import.objects.filter(status__in=over, started_at__gte=now - RECENT)
        .order_by("source", "-started_at", "-pk")
        .distinct("source")
        .select_related("source")
    )
    failed = [one for one in last if one.status == ImportStatus.FAILED]
    for one in sorted(failed, key=lambda one: one.started_at, reverse=True):
        yield Attention(
            kind="PROBLEM",
            text=f"The last import from {one.source} failed and left nothing behind: {one.error}",
            url_name="admin:customers_import_change",
            url_args=(one.pk,),
        )


def _silent_sources(now: datetime) -> Iterator[Attention]:
    for source, last in activity.silent_sources(now=now):
        since = f"for {timesince(last, now, depth=1)}" if last else "since it was made"
        yield Attention(
            kind="PROBLEM",
            text=f"{source} has sent nothing {since}.",
            url_name="source_pages:source",
            url_args=(source.pk,),
        )


def _rejected_items(now: datetime) -> Iterator[Attention]:
    for source in Source.objects.filter(kind__in=activity.LIVE_KINDS).order_by("name"):
        found = activity.of(source, now=now)
        if found.rejected:
            yield Attention(
                kind="NOTICE",
                text=(
                    f"{source}: {found.rejected:,} of what came in during the last 24 hours"
                    f" {'was' if found.rejected == 1 else 'were'} rejected."
                ),
                url_name="source_pages:source",
                url_args=(source.pk,),
            )


def _stopped_webhooks() -> Iterator[Attention]:
    stopped = Endpoint.objects.filter(is_active=False).exclude(stopped_because=STOPPED_BY_STAFF)
    for endpoint in stopped.order_by("pk"):
        yield Attention(
            kind="PROBLEM",
            text=f"Nothing is sent to the webhook “{endpoint}”. {endpoint.stopped_because}",
            url_name="webhook_pages:endpoint",
            url_args=(endpoint.pk,),
        )


def _data_requests(now: datetime) -> Iterator[Attention]:
    waiting = DataRequest.objects.filter(status__in=requests.OPEN, due_at__lt=now + SOON)
    overdue = waiting.filter(due_at__lt=now).count()
    for count, kind, words, state in (
        (overdue, "PROBLEM", "overdue", "overdue"),
        (waiting.count() - overdue, "NOTICE", f"due within {SOON.days} days", "open"),
    ):
        if count:
            yield Attention(
                kind=kind,
                text=f"{count:,} data request{'s are' if count > 1 else ' is'} {words}.",
                url_name="admin:consent_datarequest_changelist",
                query=f"todo={state}",
            )


def _broken_assignments(now: datetime) -> Iterator[Attention]:
    broken = LiftEstimate.objects.filter(
        verdict=Verdict.SAMPLE_RATIO, estimated_at__gte=now - RECENT
    )
    for campaign_id, name in (
        broken.values_list("campaign_id", "campaign__name").distinct().order_by("campaign_id")
    ):
        yield Attention(
            kind="PROBLEM",
            text=f"“{name}”: the holdout is not what was planned, so its result cannot be trusted.",
            url_name="admin:campaign_result",
            url_args=(campaign_id,),
        )


def _segments() -> Iterator[Attention]:
    """Rules that cannot be computed, and members that a night found to be wrong."""
    for segment in Segment.objects.exclude(problem="").order_by("pk"):
        failed = segment.status == SegmentStatus.FAILED
        how = "could not be computed" if failed else "was wrong"
        yield Attention(
            kind="PROBLEM",
            text=f"The segment “{segment.name}” {how}. {segment.problem}",
            url_name="admin:segment_page",
            url_args=(segment.pk,),
        )


def _models(now: datetime) -> Iterator[Attention]:
    """Of every task in three queries, however many tasks there are."""
    versions = ModelVersion.objects.defer("metrics", "manifest")
    champions = {one.task: one for one in versions.filter(status=ModelStatus.CHAMPION)}
    newest = {one.task: one for one in versions.order_by("task", "-number").distinct("task")}
    decisions = {
        one.task: one for one in RetrainingDecision.objects.order_by("task", "-pk").distinct("task")
    }
    for task in Task:
        label = task.label.split(":")[0].lower()
        champion, last = champions.get(task), newest.get(task)
        if champion is not None and champion.trained_at < now - STALE:
            days = (now - champion.trained_at).days
            yield Attention(
                kind="NOTICE",
                text=f"The {label} model was trained {days} days ago and no newer one has proved better.",
                url_name="admin:models_page",
            )
        decision = decisions.get(task)
        if decision is not None and decision.challenger_id is None:
            yield Attention(
                kind="PROBLEM",
                text=f"The {label} model: {decision.reason}",
                url_name="admin:models_page",
            )
        if last is not None and last.status == ModelStatus.REFUSED:
            yield Attention(
                kind="NOTICE",
                text=f"The {label} model was not trained. {last.reason}",
                url_name="admin:models_page",
            )


def _gone_from_models(now: datetime) -> Iterator[Attention]:
    for version, left in forgetting.overdue(now=now):
        are = "customer who was" if left.people == 1 else "customers who were"
        yield Attention(
            kind="PROBLEM",
            text=(
                f"The {Task(version.task).label.split(':')[0].lower()} model may contain {left.people:,} {are} erased, "
                f"restricted or found under age, or withdrew, since it was trained; it was to be replaced by {left.until:%-d %b}."
            ),
            url_name="admin:model_card",
            url_args=(version.pk,),
        )


def _drift(now: datetime) -> Iterator[Attention]:
    """What the last check found, while it is of this fortnight."""
    last = DriftCheck.objects.order_by("-as_of").first()
    if last is not None and last.alarms and last.as_of >= now - 2 * SOON:
        yield Attention(
            kind="NOTICE",
            text=f"What comes in has changed. {last.words}.",
            url_name="admin:drift_page",
        )


def _reviews(now: datetime) -> Iterator[Attention]:
    """Texts that became abruptly worse, on the whole or of one aspect; rarely by chance."""
    asked = Asked(now=now)
    found = [("Texts", "are negative", abrupt_change(asked))]
    found += [
        (f"Texts on {name}", "speak badly of it", one)
        for name, one in sorted(aspect_changes(asked).items())
    ]
    for what, how, one in found:
        if one is not None:
            weeks = "week" if one.weeks == 1 else f"{one.weeks} weeks"
            yield Attention(
                kind="NOTICE",
                text=(
                    f"{what} got abruptly worse: {display.percent(one.share, decimals=0)} of the last {weeks} {how}, "
                    f"{display.percent(one.before, decimals=0)} in the half year before."
                ),
                url_name="admin:said_page",
            )
