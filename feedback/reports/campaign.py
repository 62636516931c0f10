"""The result of one campaign: who got it, what followed, and how much of that it caused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow.compute as pc
from django.db import connection
from django.db.models import Count as CountRows

from campaigns.enums import Arm, CampaignState, DeliveryState, SkipReason
from campaigns.models import Campaign, Delivery
from customers.enums import EventKind, OrderStatus
from feedback import attribution, lift
from feedback.enums import Metric
from feedback.models import LiftEstimate, OutcomeWindow
from feedback.queries import attributed_orders
from feedback.reports.values import Count, Lift, Rate, complaints, lift_of


SIMULATED = "Outcomes are simulated: what followed this campaign was drawn from a response model, not observed."


@dataclass(frozen=True, kw_only=True)
class ConversionDay:
    """Share of customers who have ordered by the end of a day of the window, with 95 % bounds."""

    day: int
    treated: float
    treated_low: float
    treated_high: float
    held_out: float
    held_out_low: float
    held_out_high: float


@dataclass(frozen=True, kw_only=True)
class CampaignReport:
    """
    `funnel`: in the segment, eligible, chosen, sent, clicked, ordered; each a part of the one before,
    except that customers may order without a click. `states` and `skips` each add up: states to the
    audience, skips to the state SKIPPED. `lifts` is empty until the window has closed; `waiting` then
    says when. Orders are counted in the window, attributed ones by `attribution_rule`.
    """

    campaign: Campaign
    is_simulated: bool
    simulated_note: str
    starts_at: datetime | None
    ends_at: datetime | None
    closed_at: datetime | None
    round_number: int | None
    waiting: str
    funnel: tuple[Count, ...]
    states: tuple[Count, ...]
    skips: tuple[Count, ...]
    lifts: tuple[Lift, ...]
    attributed_orders: int
    attributed_revenue_cents: int
    attribution_rule: str
    unsubscribes: Rate
    complaints: Rate
    bounces: Rate
    conversion_by_day: tuple[ConversionDay, ...]

    @property
    def headline(self) -> Lift | None:
        """Profit against mailing nobody."""
        return self.lift(Metric.PROFIT)

    def lift(self, metric: str) -> Lift | None:
        return next((found for found in self.lifts if found.metric == metric), None)


def campaign_report(campaign: Campaign) -> CampaignReport:
    """Everything the result page shows; safe for a campaign in any state."""
    window = OutcomeWindow.objects.filter(campaign=campaign).first()
    starts_at = campaign.frozen_at
    ends_at = starts_at + timedelta(days=campaign.outcome_days) if starts_at else None
    deliveries = Delivery.objects.filter(campaign=campaign)
    states = _counts(deliveries.values_list("state").annotate(CountRows("id")), DeliveryState)
    skips = _counts(
        deliveries.filter(state=DeliveryState.SKIPPED)
        .values_list("reason")
        .annotate(CountRows("id")),
        SkipReason,
    )
    sent = sum(state.count for state in states if state.code == DeliveryState.SENT)
    reacted = dict(_reactions(campaign))
    orders, revenue = _attributed(campaign, starts_at, ends_at)
    is_simulated = deliveries.filter(customer__source__outcomes_simulated=True).exists()
    is_closed = window is not None and window.closed_at is not None
    return CampaignReport(
        campaign=campaign,
        is_simulated=is_simulated,
        simulated_note=SIMULATED if is_simulated else "",
        starts_at=starts_at,
        ends_at=ends_at,
        closed_at=window.closed_at if window else None,
        round_number=window.round_number if window else None,
        waiting="" if is_closed else _waiting(campaign, ends_at),
        funnel=_funnel(campaign, starts_at, ends_at, clicked=reacted.get(EventKind.CLICKED, 0)),
        states=states,
        skips=skips,
        lifts=tuple(map(lift_of, LiftEstimate.objects.filter(campaign=campaign).order_by("id"))),
        attributed_orders=orders,
        attributed_revenue_cents=revenue,
        attribution_rule=attribution.RULE,
        unsubscribes=Rate(count=reacted.get(EventKind.UNSUBSCRIBED, 0), of=sent),
        complaints=complaints(reacted.get(EventKind.COMPLAINED, 0), of=sent),
        bounces=Rate(count=reacted.get(EventKind.BOUNCED, 0), of=sent),
        # not before it is closed: who looks every day will one day see what chance alone has made
        conversion_by_day=_conversion_by_day(window) if window and is_closed else (),
    )


def _waiting(campaign: Campaign, ends_at: datetime | None) -> str:
    if campaign.state == CampaignState.CANCELLED:
        return "The campaign was cancelled, so its effect is not measured."
    if ends_at is None:
        return "Nothing has been sent yet."
    return (
        f"The result can be read after {ends_at:%-d %B %Y}, when the outcome window of "
        f"{campaign.outcome_days} days is over and the orders of those days are in."
    )


def _counts(rows: Any, labels: Any) -> tuple[Count, ...]:
    found = dict(rows)
    return tuple(
        Count(code=code, label=label, count=found[code])
        for code, label in labels.choices
        if code in found
    )


def _reactions(campaign: Campaign) -> Any:
    """Customers by what they did with the message; each counts once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, count(DISTINCT customer_id) FROM customers_event"
            " WHERE campaign_id = %s GROUP BY kind",
            [campaign.pk],
        )
        return cursor.fetchall()


def _funnel(
    campaign: Campaign, starts_at: datetime | None, ends_at: datetime | None, *, clicked: int
) -> tuple[Count, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), count(*) FILTER (WHERE arm <> %(excluded)s),
                   count(*) FILTER (WHERE arm = %(treated)s), count(*) FILTER (WHERE state = %(sent)s),
                   count(*) FILTER (WHERE state = %(sent)s AND EXISTS (
                       SELECT FROM customers_order o
                       WHERE o.customer_id = delivery.customer_id AND o.status = %(placed)s
                         AND o.placed_at >= %(starts_at)s AND o.placed_at < %(ends_at)s))
            FROM campaigns_delivery delivery WHERE campaign_id = %(campaign)s
            """,
            {
                "excluded": Arm.EXCLUDED,
                "treated": Arm.TREATED,
                "sent": DeliveryState.SENT,
                "placed": OrderStatus.PLACED,
                "starts_at": starts_at,
                "ends_at": ends_at,
                "campaign": campaign.pk,
            },
        )
        members, eligible, chosen, sent, ordered = cursor.fetchone()
    return (
        Count(code="SEGMENT", label="In the segment", count=members),
        Count(code="ELIGIBLE", label="Eligible", count=eligible),
        Count(code="CHOSEN", label="Chosen for a message", count=chosen),
        Count(code="SENT", label="Sent", count=sent),
        Count(code="CLICKED", label="Clicked", count=clicked),
        Count(code="ORDERED", label="Sent and ordered, because of it or not", count=ordered),
    )


def _attributed(
    campaign: Campaign, starts_at: datetime | None, ends_at: datetime | None
) -> tuple[int, int]:
    if starts_at is None or ends_at is None:
        return 0, 0
    orders = attributed_orders(starts_at=starts_at, ends_at=ends_at, campaign_id=campaign.pk)
    return orders.num_rows, pc.sum(orders["total_cents"]).as_py() or 0


def _conversion_by_day(window: OutcomeWindow) -> tuple[ConversionDay, ...]:
    """Cumulative share of customers with an order, everybody not held out against the holdout."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH firsts AS (
                SELECT delivery.arm = %(holdout)s AS held_out,
                       floor(extract(epoch FROM min(o.placed_at) - %(starts_at)s) / 86400)::int AS day
                FROM campaigns_delivery delivery
                LEFT JOIN customers_order o
                    ON o.customer_id = delivery.customer_id AND o.status = %(placed)s
                    AND o.placed_at >= %(starts_at)s AND o.placed_at < %(ends_at)s
                WHERE delivery.campaign_id = %(campaign)s AND delivery.arm <> %(excluded)s
                GROUP BY delivery.id
            )
            SELECT held_out, day, count(*) FROM firsts GROUP BY 1, 2
            """,
            {
                "holdout": Arm.HOLDOUT,
                "excluded": Arm.EXCLUDED,
                "placed": OrderStatus.PLACED,
                "starts_at": window.starts_at,
                "ends_at": window.ends_at,
                "campaign": window.campaign_id,
            },
        )
        found = {(held_out, day): count for held_out, day, count in cursor.fetchall()}
    sizes = {
        arm: sum(n for (held_out, _), n in found.items() if held_out is arm)
        for arm in (False, True)
    }
    if not all(sizes.values()):
        return ()
    ordered = {False: 0, True: 0}
    days = []
    for day in range((window.ends_at - window.starts_at).days):
        bounds = {}
        for arm in (False, True):
            ordered[arm] += found.get((arm, day), 0)
            bounds[arm] = lift.wilson(converted=ordered[arm], customers=sizes[arm])
        days.append(
            ConversionDay(
                day=day + 1,
                treated=ordered[False] / sizes[False],
                treated_low=bounds[False][0],
                treated_high=bounds[False][1],
                held_out=ordered[True] / sizes[True],
                held_out_low=bounds[True][0],
                held_out_high=bounds[True][1],
            )
        )
    return tuple(days)
