"""
Closing outcome windows: what each customer of an experiment did, written once.

A window is [frozen_at, frozen_at + outcome_days). It is closed when the campaign has finished and the
shop's data is complete past the end, never earlier: a label taken too soon says "did not order" about
people whose orders have not arrived yet. Closing is explicit and final; what arrives later is not
added, so that the same rows train every later model.

Every customer of the experiment gets an outcome, mailed or not; the difference is the lift.

Profit of a customer = margin of the orders placed in the window (after the discount, which
Order.margin_cents has already borne), less the margin of what was refunded within it, less the cost of a
message really sent, less the cost of an unsubscribe by a link of this campaign.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

import pyarrow as pa
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Campaign
from customers.enums import EventKind, OrderStatus
from customers.queries import known_until
from customers.staging import stage
from feedback import estimates
from feedback.models import OutcomeWindow
from feedback.queries import attributed_orders


log = logging.getLogger(__name__)

CLOSING_LOCK = 0xC105E
"""Advisory lock of closing: round numbers are given out one after the other."""

OBSERVE = """
INSERT INTO feedback_outcome (
    delivery_id, window_id, orders, revenue_cents, margin_cents, profit_cents,
    clicked, unsubscribed, attributed_orders, attributed_revenue_cents, first_order_days)
WITH ordered AS (
    SELECT id, customer_id, total_cents, margin_cents, placed_at
    FROM customers_order
    WHERE status = %(placed)s AND customer_id IS NOT NULL
      AND placed_at >= %(starts_at)s AND placed_at < %(ends_at)s
), bought AS (
    SELECT customer_id, count(*) AS orders, sum(total_cents) AS revenue, sum(margin_cents) AS margin,
           extract(epoch FROM min(placed_at) - %(starts_at)s) / 86400 AS first_order_days
    FROM ordered GROUP BY customer_id
), given_back AS (
    -- A refund of a known order counts with that order; one that names no order, when it happened.
    -- Goods come back with it, so the margin falls by the order's own share of margin.
    SELECT coalesce(ordered.customer_id, refund.customer_id) AS customer_id,
           sum(refund.amount_cents) AS revenue,
           sum(refund.amount_cents * coalesce(
               ordered.margin_cents::float / nullif(ordered.total_cents, 0), %(assumed_margin)s
           )) AS margin
    FROM customers_refund refund LEFT JOIN ordered ON ordered.id = refund.order_id
    WHERE refund.refunded_at >= %(starts_at)s AND refund.refunded_at < %(ends_at)s
      AND (ordered.id IS NOT NULL OR refund.order_id IS NULL)
    GROUP BY 1
), reacted AS (
    SELECT customer_id, bool_or(kind = %(clicked)s) AS clicked,
           bool_or(kind = %(unsubscribed)s) AS unsubscribed
    FROM customers_event
    WHERE campaign_id = %(campaign)s AND kind IN (%(clicked)s, %(unsubscribed)s)
      AND happened_at >= %(starts_at)s AND happened_at < %(ends_at)s
    GROUP BY customer_id
), credited AS (
    SELECT customer_id, count(*) AS orders, sum(total_cents) AS revenue
    FROM attributed_orders GROUP BY customer_id
), seen AS (
    SELECT delivery.id,
           delivery.state = %(sent)s AS sent,
           coalesce(bought.orders, 0) AS orders,
           coalesce(bought.revenue, 0) - coalesce(given_back.revenue, 0) AS revenue,
           coalesce(bought.margin, 0) - coalesce(round(given_back.margin), 0) AS margin,
           coalesce(reacted.clicked, false) AS clicked,
           coalesce(reacted.unsubscribed, false) AS unsubscribed,
           coalesce(credited.orders, 0) AS credited_orders,
           coalesce(credited.revenue, 0) AS credited_revenue,
           bought.first_order_days
    FROM (
        -- Who was merged since is looked at as the customer they are part of, once a campaign.
        SELECT of_campaign.id, of_campaign.state,
               CASE WHEN of_campaign.customer_id = merged.id AND NOT EXISTS (
                        SELECT FROM campaigns_delivery other
                        WHERE other.campaign_id = %(campaign)s
                          AND other.customer_id = merged.merged_into_id)
                    THEN merged.merged_into_id ELSE of_campaign.customer_id END AS customer_id
        FROM campaigns_delivery of_campaign LEFT JOIN customers_customer merged
            ON merged.id = of_campaign.customer_id AND merged.merged_into_id IS NOT NULL
        WHERE of_campaign.campaign_id = %(campaign)s AND of_campaign.arm <> %(excluded)s
    ) delivery
    LEFT JOIN bought USING (customer_id)
    LEFT JOIN given_back USING (customer_id)
    LEFT JOIN reacted USING (customer_id)
    LEFT JOIN credited USING (customer_id)
)
SELECT id, %(window)s, orders, revenue, margin,
       margin - sent::int * %(contact_cost)s - unsubscribed::int * %(unsubscribe_cost)s,
       clicked, unsubscribed, credited_orders, credited_revenue, first_order_days
FROM seen
"""


def close_due(*, now: datetime) -> list[OutcomeWindow]:
    """
    Open the windows of newly frozen campaigns, close those that are due, and estimate their lift.

    Returns the windows this call closed. Calling it again, or twice at once, closes nothing twice.
    """
    open_new()
    complete_until = known_until(now=now)
    due = OutcomeWindow.objects.filter(
        closed_at__isnull=True,
        ends_at__lte=complete_until,
        campaign__state=CampaignState.FINISHED,
    ).order_by("ends_at", "pk")
    return list(_close_all(due.values_list("pk", flat=True), now=now))


def open_new() -> None:
    """Give each campaign whose audience is frozen its window."""
    frozen = Campaign.objects.filter(frozen_at__isnull=False).exclude(
        pk__in=OutcomeWindow.objects.values("campaign_id")
    )
    windows = [
        OutcomeWindow(
            campaign=campaign,
            starts_at=campaign.frozen_at,
            ends_at=campaign.frozen_at + timedelta(days=campaign.outcome_days),
        )
        for campaign in frozen.exclude(state=CampaignState.CANCELLED)
        if campaign.frozen_at
    ]
    OutcomeWindow.objects.bulk_create(windows, ignore_conflicts=True)


def _close_all(pks: Iterable[int], *, now: datetime) -> Iterable[OutcomeWindow]:
    for pk in pks:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLOSING_LOCK])
            window = OutcomeWindow.objects.select_related("campaign").get(pk=pk)
            if window.closed_at is not None:
                log.info("window of campaign %s was closed by somebody else", window.campaign_id)
                continue
            _close(window, now=now)
        log.info(
            "closed the window of campaign %s: round %s, %s customers",
            window.campaign_id,
            window.round_number,
            window.customers,
        )
        yield window


def _close(window: OutcomeWindow, *, now: datetime) -> None:
    last = OutcomeWindow.objects.aggregate(last=Max("round_number"))["last"] or 0
    window.customers = _observe(window)
    window.round_number = last + 1
    window.closed_at = now
    window.save(update_fields=["customers", "round_number", "closed_at"])
    estimates.write(window, now=now)


def _observe(window: OutcomeWindow) -> int:
    """Write one outcome per customer of the experiment and return how many there are."""
    campaign = window.campaign
    credited: pa.Table = attributed_orders(
        starts_at=window.starts_at, ends_at=window.ends_at, campaign_id=campaign.pk
    )
    with connection.cursor() as cursor:
        stage(cursor, name="attributed_orders", table=credited)
        cursor.execute(
            OBSERVE,
            {
                "campaign": campaign.pk,
                "window": window.pk,
                "starts_at": window.starts_at,
                "ends_at": window.ends_at,
                "contact_cost": campaign.contact_cost_cents,
                "unsubscribe_cost": campaign.unsubscribe_cost_cents,
                "assumed_margin": settings.ASSUMED_MARGIN,
                "placed": OrderStatus.PLACED,
                "clicked": EventKind.CLICKED,
                "unsubscribed": EventKind.UNSUBSCRIBED,
                "sent": DeliveryState.SENT,
                "excluded": Arm.EXCLUDED,
            },
        )
        return int(cursor.rowcount)
