"""Moments of the past at which the future is known by now: what was seen, and what customers did next."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml import features
from segmentation.ml.columns import ORDERS, SECONDS_PER_DAY
from segmentation.ml.estimators.levels import YEAR_DAYS
from segmentation.ml.labels import WindowOpenError
from segmentation.ml.tables import Bools, FeatureTable, Floats


AT_MOST = 12
"""Origins; more of them overlap so much that they tell the same again."""

FIRST_DAYS = 60
"""Of history before the first origin: with less there is no rhythm to see."""

LONGEST_FIRST_DAYS = 270

FEWEST_DAYS = 14
"""Of a window, below which what customers do is too rare to learn from."""


class TooLittleHistoryError(ValueError):
    """The history is too short to look back on; the message says how long it is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """`features` of n customers as of `as_of` (epoch seconds), all of whom had ordered, and what they did in the
    `window_days` after it: days with an order and money spent in cents, (n,) each.
    """

    as_of: int
    window_days: float
    features: FeatureTable
    orders: Floats
    spend_cents: Floats

    def __post_init__(self) -> None:
        if not len(self.features) == len(self.orders) == len(self.spend_cents):
            raise ValueError("features, orders and spend_cents must be of the same customers")
        if self.window_days <= 0:
            raise ValueError("the window must be longer than nothing")

    def __len__(self) -> int:
        return len(self.orders)

    def rows(self, mask: Bools) -> "Origin":
        return Origin(
            as_of=self.as_of,
            window_days=self.window_days,
            features=self.features.rows(mask),
            orders=self.orders[mask],
            spend_cents=self.spend_cents[mask],
        )


def moments(
    *, history_from: int, known_at: int, horizon_days: float, at_most: int = AT_MOST
) -> list[tuple[int, float]]:
    """Return (as_of, window_days), ascending: every window closes at or before `known_at` (epoch seconds).

    Windows are as long as the horizon where the history allows it, else shorter, the newest at least a third of
    the history; where the history is longer than a year, the same season a year ago is among them.
    Raises TooLittleHistoryError.
    """
    days = (known_at - history_from) / SECONDS_PER_DAY
    newest = days - min(horizon_days, days / 3)
    oldest = min(max(FIRST_DAYS, min(0.4 * days, LONGEST_FIRST_DAYS)), newest)
    if newest < FIRST_DAYS / 2 or days - newest < min(FEWEST_DAYS, horizon_days):
        raise TooLittleHistoryError(
            f"{days:.0f} days of history; at least {1.5 * FIRST_DAYS / 2:.0f} are needed to look back on"
        )
    count = int(min(at_most, max(4, (newest - oldest) // 30 + 1))) if newest > oldest else 1
    asked = np.linspace(oldest, newest, count)
    year_ago = days - YEAR_DAYS
    if FIRST_DAYS <= year_ago <= newest and np.abs(asked - year_ago).min() > 1:
        asked = np.sort(np.append(asked, year_ago))
    # whole days before known_at, so that origins lie at the hour that is asked about
    ago = np.unique(np.round(days - asked))[::-1]
    return [
        (known_at - int(back) * SECONDS_PER_DAY, float(min(horizon_days, back))) for back in ago
    ]


def first_order(connection: duckdb.DuckDBPyConnection, *, before: int) -> int | None:
    """When the first order was placed (epoch seconds), or None when there was none before."""
    ((first,),) = connection.execute(
        "SELECT min(placed_at) FROM orders WHERE placed_at < ?", [before]
    ).fetchall()
    return None if first is None else int(first)


def gather(
    connection: duckdb.DuckDBPyConnection,
    *,
    at: Sequence[tuple[int, float]],
    known_at: int,
    customer_ids: Sequence[int] | None = None,
) -> list[Origin]:
    """Build an Origin for each (as_of, window_days) from the mirror; `customer_ids` limits it to a sample.

    Raises labels.WindowOpenError for a window that ends after `known_at`.
    """
    return [
        origin
        for as_of, window_days in at
        if len(
            origin := observe(
                connection,
                as_of=as_of,
                window_days=window_days,
                known_at=known_at,
                customer_ids=customer_ids,
            )
        )
    ]


def observe(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: int,
    window_days: float,
    known_at: int,
    customer_ids: Sequence[int] | None = None,
) -> Origin:
    """What was seen of customers as of `as_of`, and what they did in the window after it."""
    ends_at = as_of + round(window_days * SECONDS_PER_DAY)
    if ends_at > known_at:
        raise WindowOpenError(f"the {window_days:g}-day window from {as_of} ends after {known_at}")
    known = customers(connection, as_of=as_of, customer_ids=customer_ids)
    params = {"as_of": as_of, "ends_at": ends_at, "known_at": known_at}
    table: pa.Table = connection.sql(_OUTCOMES, params=params).to_arrow_table()
    who = table.column("customer_id").to_numpy()
    place = np.searchsorted(who, known.customer_ids)
    found = place < len(who)
    found[found] = who[place[found]] == known.customer_ids[found]

    def outcome(name: str) -> Floats:
        values = np.zeros(len(known))
        values[found] = table.column(name).to_numpy()[place[found]]
        return values

    return Origin(
        as_of=as_of,
        window_days=window_days,
        features=known,
        orders=outcome("orders"),
        spend_cents=outcome("spend_cents"),
    )


def customers(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: int,
    customer_ids: Sequence[int] | None = None,
) -> FeatureTable:
    """The features of everybody who had ordered before `as_of`."""
    table = features.compute(connection, as_of=as_of, customer_ids=customer_ids)
    learned_from = FeatureTable.from_arrow(table).only(features.MODEL_FEATURES)
    return learned_from.rows(learned_from.column(ORDERS) > 0)


_OUTCOMES = """
SELECT
    customer_id,
    CAST(count(DISTINCT placed_at // 86400) AS DOUBLE) AS orders,
    CAST(greatest(sum(total_cents), 0) AS DOUBLE) AS spend_cents
FROM orders
WHERE placed_at >= $as_of AND placed_at < $ends_at AND arrived_at < $known_at
GROUP BY customer_id
ORDER BY customer_id
"""
