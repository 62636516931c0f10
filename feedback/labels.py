"""What the next model learns from: the outcomes of closed windows, with how each customer was assigned."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from campaigns.enums import Arm
from feedback.queries import fetch_table


TYPES = {
    "delivery_id": pa.int64(),
    "customer_id": pa.int64(),
    "campaign_id": pa.int64(),
    "round_number": pa.int64(),
    "frozen_at": pa.int64(),  # epoch seconds: features must be of this moment
    "treated": pa.int64(),  # as assigned, whether or not the message arrived
    "probability": pa.float64(),  # of being assigned to a message
    "ordered": pa.int64(),
    "orders": pa.int64(),
    "first_order_days": pa.float64(),  # from the freeze; NULL without an order
    "window_days": pa.int64(),
    "margin_cents": pa.int64(),
    "revenue_cents": pa.int64(),
    "profit_cents": pa.int64(),
    "unsubscribed": pa.int64(),
    "clicked": pa.int64(),
    "discount_percent": pa.int64(),
    "contact_cost_cents": pa.int64(),
    "unsubscribe_cost_cents": pa.int64(),
}

ROWS = """
SELECT outcome.delivery_id, delivery.customer_id, delivery.campaign_id, "window".round_number,
       floor(extract(epoch FROM campaign.frozen_at))::bigint AS frozen_at,
       (delivery.arm = %s)::int AS treated,
       delivery.assignment_probability AS probability,
       (outcome.orders > 0)::int AS ordered, outcome.orders,
       outcome.first_order_days, campaign.outcome_days AS window_days, outcome.margin_cents,
       outcome.revenue_cents, outcome.profit_cents,
       outcome.unsubscribed::int AS unsubscribed, outcome.clicked::int AS clicked,
       campaign.discount_percent, campaign.contact_cost_cents, campaign.unsubscribe_cost_cents
FROM feedback_outcome outcome
JOIN feedback_outcomewindow "window" ON "window".id = outcome.window_id
JOIN campaigns_delivery delivery ON delivery.id = outcome.delivery_id
JOIN campaigns_campaign campaign ON campaign.id = "window".campaign_id
JOIN customers_customer customer ON customer.id = delivery.customer_id
WHERE "window".closed_at <= %s AND customer.erased_at IS NULL
  AND customer.merged_into_id IS NULL
ORDER BY "window".round_number, outcome.delivery_id
"""


def training_rows(*, until: datetime) -> pa.Table:
    """
    One row per customer of every experiment whose window was closed by `until`.

    Columns and types are TYPES, in order of round and delivery. Customers erased, or merged into others, are left out.
    """
    return fetch_table(ROWS, [Arm.TREATED, until], types=TYPES)
