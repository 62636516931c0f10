"""What of a shop is watched week by week: one row an order, so that the rows are nearly independent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.drift import compare, rates
from segmentation.ml.drift.compare import Finding
from segmentation.ml.tables import Floats, Ints


WEEK = 7 * SECONDS_PER_DAY
WEEKS_BEFORE = 8
"""Weeks that distributions are compared with: long enough to know the habit, short enough for the season."""

WEEKS_OF_RATES = 26

NUMBERS = {
    "value": "Order value",
    "unit_price": "Price of a piece",
    "price_index": "Price against what the same product cost",
    "units": "Pieces an order",
    "discount": "Share of discount",
    "gap_days": "Days since the order before",
}
_UNITS = {
    "price_index": compare.times, "units": compare.pieces, "discount": compare.share,
    "gap_days": compare.days,
}  # fmt: skip
"""Of NUMBERS; the others are money."""
CATEGORIES = {
    "category": "Main category of an order",
    "channel": "Channel",
    "country": "Country",
    "is_first": "First orders",
}
RATES = {"orders": "Orders", "buyers": "Customers who ordered"}

ORDERS = """
WITH usual AS (
    SELECT product_id, median(unit_price_cents) AS price FROM order_lines
    WHERE placed_at < $as_of - $week AND placed_at >= $as_of - 9 * $week GROUP BY product_id
), baskets AS (
    SELECT order_id, sum(quantity) AS units,
        sum(quantity * unit_price_cents) FILTER (price > 0)
            / nullif(sum(quantity * price), 0) AS price_index,
        sum(quantity * unit_price_cents) / nullif(sum(quantity), 0) AS unit_price,
        arg_max(category, quantity * unit_price_cents) AS category
    FROM order_lines LEFT JOIN usual USING (product_id)
    WHERE placed_at < $as_of GROUP BY order_id
), chain AS (
    SELECT order_id, customer_id, placed_at, total_cents, discount_cents, channel,
        lag(placed_at) OVER (PARTITION BY customer_id ORDER BY placed_at, order_id) AS before
    FROM orders WHERE placed_at < $as_of AND arrived_at < $as_of
)
SELECT
    ($as_of - 1 - chain.placed_at) // $week AS week,
    chain.customer_id,
    chain.total_cents / 100.0 AS value,
    unit_price / 100.0 AS unit_price,
    price_index::DOUBLE AS price_index,
    units::DOUBLE AS units,
    discount_cents / nullif(total_cents + discount_cents, 0) AS discount,
    (chain.placed_at - before) / 86400.0 AS gap_days,
    coalesce(category, '') AS category,
    coalesce(channel, '') AS channel,
    coalesce(country, '') AS country,
    CASE WHEN before IS NULL THEN 'yes' ELSE 'no' END AS is_first
FROM chain
LEFT JOIN baskets USING (order_id)
LEFT JOIN customers USING (customer_id)
WHERE chain.placed_at >= $as_of - $weeks * $week
ORDER BY chain.placed_at, order_id
"""
"""Orders of the last weeks; week 0 is the newest. Point in time: what arrived later is not read."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """One row an order, (n,) each; week counts back from the newest, 0."""

    week: Ints
    customer: Ints
    columns: Mapping[str, Any]


def read(database: duckdb.DuckDBPyConnection, *, as_of: int) -> Orders:
    """The orders of the weeks that are looked at, as known at `as_of` (epoch seconds)."""
    params = {"as_of": as_of, "week": WEEK, "weeks": WEEKS_OF_RATES + 1}
    table: pa.Table = database.sql(ORDERS, params=params).to_arrow_table()
    columns: dict[str, Any] = {
        name: np.asarray(table.column(name).to_numpy(), dtype=np.float64) for name in NUMBERS
    }
    columns |= {name: np.array(table.column(name).to_pylist(), dtype=object) for name in CATEGORIES}
    return Orders(
        week=table.column("week").to_numpy().astype(np.int64),
        customer=table.column("customer_id").to_numpy().astype(np.int64),
        columns=columns,
    )


def look(orders: Orders, *, money: Callable[[float], str] = compare.plain) -> list[Finding]:
    """
    Compare the newest week with those before; not yet adjusted for their number (compare.with_holm).

    money: an amount in whole units of the currency, in words.
    """
    now = orders.week == 0
    before = (orders.week >= 1) & (orders.week <= WEEKS_BEFORE)
    found = []
    for name, label in NUMBERS.items():
        values = orders.columns[name]
        known = np.isfinite(values)
        found.append(
            compare.numbers(
                name=label,
                before=values[before & known],
                now=values[now & known],
                batch=orders.week[before & known],
                show=_UNITS.get(name, money),
            )
        )
    for name, label in CATEGORIES.items():
        values = orders.columns[name]
        if len(set(values[before | now].tolist())) > 1:
            found.append(
                compare.categories(
                    name=label, before=values[before], now=values[now], batch=orders.week[before]
                )
            )
    return [*found, *_rates(orders)]


def _rates(orders: Orders) -> list[Finding]:
    if not len(orders.week):
        return []
    # the week in which the first order of all came may be a part of one
    weeks = min(int(orders.week.max()), WEEKS_OF_RATES)
    counted: dict[str, Floats] = {
        "orders": np.bincount(orders.week, minlength=weeks + 1).astype(np.float64),
    }
    pairs = np.unique(np.column_stack([orders.week, orders.customer]), axis=0)
    counted["buyers"] = np.bincount(pairs[:, 0], minlength=weeks + 1).astype(np.float64)
    return [
        rates.weekly(name=label, before=counted[name][1:weeks][::-1], now=float(counted[name][0]))
        for name, label in RATES.items()
    ]
