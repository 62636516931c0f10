"""The home page: money first, then whom we can reach, then what needs somebody."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from django.db.models import Count as CountRows

from campaigns.enums import DeliveryState
from campaigns.models import Campaign, Delivery
from consent import queries as consent_queries
from consent.enums import Refusal
from customers.enums import EventKind, OrderStatus
from customers.models import Event, Source
from feedback import attribution, wording
from feedback.enums import Metric, Verdict
from feedback.lift import MIN_HELD_OUT
from feedback.models import LiftEstimate
from feedback.queries import attributed_orders
from feedback.reports.attention import Attention, attention
from feedback.reports.values import Count, Lift, Rate, complaints, lift_of
from segmentation.enums import Sentiment, Task
from segmentation.models import ReviewSentiment
from segmentation.queries import current_generation


DAYS = 30
AT_RISK = 0.7
AT_RISK_RULE = (
    f"Ordered at least twice in the last year, and the churn model sees {AT_RISK * 100:.0f}\u00a0% or more that no "
    "order follows in the next 90 days. Value: what they paid in that year, before refunds."
)


@dataclass(frozen=True, kw_only=True)
class Money:
    """The last 30 days; `net` is orders less refunds, `attributed` orders before refunds."""

    net_cents: int
    prior_net_cents: int
    attributed_cents: int
    attribution_rule: str

    @property
    def change(self) -> float | None:
        """Against the 30 days before, as a share; None when there was nothing."""
        if self.prior_net_cents <= 0:
            return None
        return self.net_cents / self.prior_net_cents - 1


@dataclass(frozen=True, kw_only=True)
class Incremental:
    """Profit that the campaigns closed in the last 30 days have caused, by their holdouts."""

    campaigns: int
    left_out: int
    total_cents: float | None
    low_cents: float | None
    high_cents: float | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Reach:
    """`why_not` adds up to `customers` less `reachable`."""

    customers: int
    reachable: int
    why_not: tuple[Count, ...]


@dataclass(frozen=True, kw_only=True)
class AtRisk:
    """`customers` is None while no churn model serves."""

    customers: int | None
    value_cents: int
    rule: str


@dataclass(frozen=True, kw_only=True)
class DayRevenue:
    """Orders placed on a day, before refunds."""

    day: date
    attributed_cents: int
    other_cents: int


@dataclass(frozen=True, kw_only=True)
class RecentCampaign:
    campaign: Campaign
    sent: int
    clicks: Rate
    attributed_revenue_cents: int
    lift: Lift | None

    @property
    def revenue_per_recipient_cents(self) -> float | None:
        return self.attributed_revenue_cents / self.sent if self.sent else None


@dataclass(frozen=True, kw_only=True)
class ReviewTrend:
    """Scored reviews of the last 30 days and of the 30 before."""

    reviews: int
    negative_share: float | None
    prior_negative_share: float | None


@dataclass(frozen=True, kw_only=True)
class Home:
    now: datetime
    is_simulated: bool
    money: Money
    incremental: Incremental
    reach: Reach
    at_risk: AtRisk
    unsubscribes: Rate
    complaints: Rate
    revenue_by_day: tuple[DayRevenue, ...]
    campaigns: tuple[RecentCampaign, ...]
    reviews: ReviewTrend
    attention: tuple[Attention, ...]


def home(*, now: datetime) -> Home:
    """Everything the home page shows; an empty shop gives zeros and None, never an error."""
    starts_at = now - timedelta(days=DAYS)
    attributed = attributed_orders(starts_at=starts_at, ends_at=now)
    sent = Delivery.objects.filter(
        state=DeliveryState.SENT, accepted_at__gte=starts_at, accepted_at__lt=now
    ).count()
    reactions = dict(
        Event.objects.filter(
            kind__in=[EventKind.UNSUBSCRIBED, EventKind.COMPLAINED],
            happened_at__gte=starts_at,
            happened_at__lt=now,
            campaign_id__isnull=False,
        )
        .values_list("kind")
        .annotate(CountRows("id"))
    )
    return Home(
        now=now,
        is_simulated=Source.objects.filter(outcomes_simulated=True).exists(),
        money=Money(
            net_cents=_net_revenue(starts_at, now),
            prior_net_cents=_net_revenue(starts_at - timedelta(days=DAYS), starts_at),
            attributed_cents=pc.sum(attributed["total_cents"]).as_py() or 0,
            attribution_rule=attribution.RULE,
        ),
        incremental=_incremental(starts_at, now),
        reach=_reach(),
        at_risk=_at_risk(now),
        unsubscribes=Rate(count=reactions.get(EventKind.UNSUBSCRIBED, 0), of=sent),
        complaints=complaints(reactions.get(EventKind.COMPLAINED, 0), of=sent),
        revenue_by_day=_revenue_by_day(attributed, starts_at, now),
        campaigns=_recent_campaigns(),
        reviews=_review_trend(now),
        attention=attention(now=now),
    )


def _net_revenue(starts_at: datetime, ends_at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT coalesce(sum(total_cents), 0) FROM customers_order
                    WHERE status = %(placed)s AND placed_at >= %(start)s AND placed_at < %(end)s)
                 - (SELECT coalesce(sum(amount_cents), 0) FROM customers_refund refund
                    LEFT JOIN customers_order sold ON sold.id = refund.order_id
                    WHERE refunded_at >= %(start)s AND refunded_at < %(end)s
                      AND coalesce(sold.status = %(placed)s, true))
            """,
            {"placed": OrderStatus.PLACED, "start": starts_at, "end": ends_at},
        )
        return int(cursor.fetchone()[0])


def _incremental(starts_at: datetime, now: datetime) -> Incremental:
    """
    The sum over campaigns, each measured against its own holdout.

    Holdouts are drawn independently, so the squares of the half-widths add up; a campaign without
    bounds, with too few held out for its interval to hold, or whose assignment failed its check, is
    left out and counted.
    """
    estimates = [
        lift_of(estimate)
        for estimate in LiftEstimate.objects.filter(
            metric=Metric.PROFIT, estimated_at__gte=starts_at, estimated_at__lt=now
        )
    ]
    # by size, never by result: to leave out what is not significant would add up lucky draws
    used = [
        e
        for e in estimates
        if e.low is not None and e.verdict != Verdict.SAMPLE_RATIO and e.held_out >= MIN_HELD_OUT
    ]
    if not used:
        return Incremental(
            campaigns=0,
            left_out=len(estimates),
            total_cents=None,
            low_cents=None,
            high_cents=None,
            sentence="No campaign was measured in the last 30 days.",
        )
    total = sum(e.total or 0.0 for e in used)
    low = total - math.hypot(*((e.total or 0.0) - (e.total_low or 0.0) for e in used))
    high = total + math.hypot(*((e.total_high or 0.0) - (e.total or 0.0) for e in used))
    return Incremental(
        campaigns=len(used),
        left_out=len(estimates) - len(used),
        total_cents=total,
        low_cents=low,
        high_cents=high,
        sentence=wording.interval(low_cents=low, high_cents=high),
    )


def _reach() -> Reach:
    refusals = consent_queries.refusal_counts()
    return Reach(
        customers=sum(refusals.values()),
        reachable=refusals.get("", 0),
        why_not=tuple(
            Count(code=code, label=label, count=refusals[code])
            for code, label in Refusal.choices
            if refusals.get(code)
        ),
    )


def _at_risk(now: datetime) -> AtRisk:
    generation = current_generation(Task.CHURN)
    if generation is None:
        return AtRisk(customers=None, value_cents=0, rule=AT_RISK_RULE)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), coalesce(sum(paid), 0) FROM (
                SELECT o.customer_id, sum(o.total_cents) AS paid
                FROM segmentation_score score
                JOIN customers_order o ON o.customer_id = score.customer_id
                WHERE score.generation_id = %s AND score.value >= %s
                  AND o.status = %s AND o.placed_at >= %s AND o.placed_at < %s
                GROUP BY o.customer_id HAVING count(*) >= 2
            ) AS loyal
            """,
            [generation.pk, AT_RISK, OrderStatus.PLACED, now - timedelta(days=365), now],
        )
        customers, value = cursor.fetchone()
    return AtRisk(customers=customers, value_cents=int(value), rule=AT_RISK_RULE)


def _revenue_by_day(
    attributed: pa.Table, starts_at: datetime, now: datetime
) -> tuple[DayRevenue, ...]:
    """One row a calendar day (UTC) from `starts_at` to `now`, both included."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (placed_at AT TIME ZONE 'UTC')::date, sum(total_cents)::bigint
            FROM customers_order WHERE status = %s AND placed_at >= %s AND placed_at < %s GROUP BY 1
            """,
            [OrderStatus.PLACED, starts_at, now],
        )
        total = dict(cursor.fetchall())
    credited: dict[date, int] = {}
    for placed_at, cents in zip(
        attributed["placed_at"].to_pylist(), attributed["total_cents"].to_pylist(), strict=True
    ):
        day = datetime.fromtimestamp(placed_at, tz=UTC).date()
        credited[day] = credited.get(day, 0) + cents
    first = starts_at.astimezone(UTC).date()
    days = (first + timedelta(days=n) for n in range((now.astimezone(UTC).date() - first).days + 1))
    return tuple(
        DayRevenue(
            day=day,
            attributed_cents=credited.get(day, 0),
            other_cents=total.get(day, 0) - credited.get(day, 0),
        )
        for day in days
    )


def _recent_campaigns(number: int = 5) -> tuple[RecentCampaign, ...]:
    campaigns = list(
        Campaign.objects.filter(frozen_at__isnull=False).order_by("-frozen_at", "-pk")[:number]
    )
    if not campaigns:
        return ()
    pks = [campaign.pk for campaign in campaigns]
    sent = _count_by_campaign(
        "SELECT campaign_id, count(*) FROM campaigns_delivery"
        " WHERE campaign_id = ANY(%s) AND state = %s GROUP BY 1",
        [pks, DeliveryState.SENT],
    )
    clicked = _count_by_campaign(
        "SELECT campaign_id, count(DISTINCT customer_id) FROM customers_event"
        " WHERE campaign_id = ANY(%s) AND kind = %s GROUP BY 1",
        [pks, EventKind.CLICKED],
    )
    lifts = {
        estimate.campaign_id: lift_of(estimate)
        for estimate in LiftEstimate.objects.filter(metric=Metric.PROFIT, campaign__in=pks)
    }
    return tuple(
        RecentCampaign(
            campaign=campaign,
            sent=sent.get(campaign.pk, 0),
            clicks=Rate(count=clicked.get(campaign.pk, 0), of=sent.get(campaign.pk, 0)),
            attributed_revenue_cents=_attributed_revenue(campaign),
            lift=lifts.get(campaign.pk),
        )
        for campaign in campaigns
    )


def _count_by_campaign(sql: str, parameters: Sequence[Any]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return dict(cursor.fetchall())


def _attributed_revenue(campaign: Campaign) -> int:
    if campaign.frozen_at is None:
        return 0
    orders = attributed_orders(
        starts_at=campaign.frozen_at,
        ends_at=campaign.frozen_at + timedelta(days=campaign.outcome_days),
        campaign_id=campaign.pk,
    )
    return int(pc.sum(orders["total_cents"]).as_py() or 0)


def _review_trend(now: datetime) -> ReviewTrend:
    def shares(starts_at: datetime, ends_at: datetime) -> tuple[int, float | None]:
        labels = dict(
            ReviewSentiment.objects.filter(
                review__written_at__gte=starts_at, review__written_at__lt=ends_at
            )
            .exclude(label=Sentiment.NOT_SCORED)
            .values_list("label")
            .annotate(CountRows("id"))
        )
        scored = sum(labels.values())
        return scored, labels.get(Sentiment.NEGATIVE, 0) / scored if scored else None

    month = timedelta(days=DAYS)
    reviews, negative = shares(now - month, now)
    _, prior_negative = shares(now - 2 * month, now - month)
    return ReviewTrend(
        reviews=reviews, negative_share=negative, prior_negative_share=prior_negative
    )
