"""
Which campaign gets the credit for an order: the rule, and nothing but the rule.

An order is attributed to the campaign whose link the customer clicked last, at most five days before
the order. That is credit, not cause: customers who click would often have bought anyway, so attributed
money is shown beside the lift (lift.py) and never added to it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


WINDOW_DAYS = 5
RULE = (
    f"An order belongs to the campaign whose link the customer clicked last, at most {WINDOW_DAYS} "
    "days before. This is credit, not proof: many would have bought anyway."
)
NOBODY = -1

Ints = npt.NDArray[np.int64]


def last_click(
    *,
    order_customer: Ints,
    order_placed_at: Ints,
    click_customer: Ints,
    click_happened_at: Ints,
    click_campaign: Ints,
    window_seconds: int = WINDOW_DAYS * 86_400,
) -> Ints:
    """
    Return the campaign each order is attributed to, shape (orders,), NOBODY (-1) where there is none.

    Times are epoch seconds. A click counts from its own second to `window_seconds` later, both
    included; of clicks in the same second the highest campaign id wins, so that the order of the
    input does not matter.
    """
    attributed = np.full(len(order_customer), NOBODY, dtype=np.int64)
    if not len(order_customer) or not len(click_customer):
        return attributed
    by_customer_and_time = np.lexsort((click_campaign, click_happened_at, click_customer))
    customer = click_customer[by_customer_and_time]
    happened_at = click_happened_at[by_customer_and_time]
    # one sortable number for (customer, time): the rank of the customer times the span of all times
    start = min(happened_at.min(), order_placed_at.min())
    span = max(happened_at.max(), order_placed_at.max()) - start + 1
    known = np.unique(customer)
    rank = np.searchsorted(known, order_customer)
    has_clicked = known[np.minimum(rank, len(known) - 1)] == order_customer
    clicks = np.searchsorted(known, customer) * span + (happened_at - start)
    orders = rank * span + (order_placed_at - start)
    last = np.searchsorted(clicks, orders, side="right") - 1
    candidate = np.maximum(last, 0)
    counts = (
        has_clicked
        & (last >= 0)
        & (customer[candidate] == order_customer)
        & (order_placed_at - happened_at[candidate] <= window_seconds)
    )
    attributed[counts] = click_campaign[by_customer_and_time][candidate[counts]]
    return attributed
