"""What is known once the first order is in: its size, prices, goods, hour, season and country."""

import numpy as np

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.first_purchase.behaviour import ProductGroups, behaviour
from segmentation.ml.first_purchase.orders import Lines
from segmentation.ml.tables import Floats


PLAIN = (
    *("money", "lines", "pieces", "median_pieces", "most_pieces", "wholesale"),
    *("low_price", "median_price", "high_price"),
    *("abroad", "days_ahead", "hour", "weekend", "season_sine", "season_cosine"),
)
"""Names of the first columns of `inputs`; then come the shares of each group of products."""

WHOLESALE_PIECES = 12.0
NEAR = {"money": 1.0, "lines": 0.5, "days_ahead": 1.0, "abroad": 1.0, "median_pieces": 0.3}
"""Weights of the distance between two first orders: set once, on other splits than the published ones."""
NEAR_SHARE = 2.0


def inputs(
    first: Lines, *, days_ahead: Floats, home: str, coarse: ProductGroups, fine: ProductGroups
) -> Floats:
    """(m, 15 + coarse + fine groups) of lines of first orders only.

    days_ahead: (m,) how long after the first order the segment is asked for. home: the shop's own country.
    """
    quantity = np.where(np.isnan(first.quantity), 1.0, first.quantity)
    price = np.where(np.isnan(first.unit_price), first.amount, first.unit_price)
    count = np.bincount(first.customer).astype(np.float64)
    start = np.flatnonzero(np.r_[True, np.diff(first.customer) > 0])
    when = first.placed_at[start]
    day = (when // SECONDS_PER_DAY) % 7  # 1970-01-01 was a Thursday
    season = 2 * np.pi * (when / SECONDS_PER_DAY % 365.25) / 365.25
    abroad = np.array([name not in {"", home} for name in first.countries] or [False])
    whole = behaviour(first, coarse)
    plain = [
        np.log1p(whole.total),
        np.log(count),
        np.log1p(np.bincount(first.customer, quantity)),
        np.log1p(_quantile(first, quantity, 0.5)),
        np.log1p(_quantile(first, quantity, 1.0)),
        (_quantile(first, quantity, 0.5) >= WHOLESALE_PIECES).astype(np.float64),
        *(np.log1p(_quantile(first, price, at)) for at in (0.1, 0.5, 0.9)),
        abroad[first.country[start]].astype(np.float64),
        days_ahead / 60,
        (when % SECONDS_PER_DAY) / 3600,
        np.isin(day, [2, 3]).astype(np.float64),
        np.sin(season),
        np.cos(season),
    ]
    return np.column_stack(
        [*plain, _shares(whole.by_group), _shares(behaviour(first, fine).by_group)]
    )


def near(values: Floats, *, coarse: int) -> Floats:
    """The columns of `inputs` in which customers are compared, weighted; Euclidean distance is meant."""
    weighted = [weight * values[:, PLAIN.index(name)] for name, weight in NEAR.items()]
    shares = values[:, len(PLAIN) : len(PLAIN) + coarse]
    return np.column_stack([*weighted, NEAR_SHARE * shares])


def _shares(by_group: Floats) -> Floats:
    shares: Floats = by_group / np.maximum(by_group.sum(axis=1, keepdims=True), 1e-9)
    return shares


def _quantile(lines: Lines, values: Floats, at: float) -> Floats:
    """The value at the share `at` of each customer's lines, the lower of two, (m,)."""
    ordered = values[np.lexsort((values, lines.customer))]
    start = np.flatnonzero(np.r_[True, np.diff(lines.customer) > 0])
    count = np.diff(np.r_[start, len(values)])
    found: Floats = ordered[start + np.floor(at * (count - 1)).astype(np.int64)]
    return found
