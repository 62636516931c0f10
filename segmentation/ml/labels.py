"""What customers did after a cut-off: the labels. They exist only once their window has closed."""

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml.columns import ORDERS_IN_WINDOW, SECONDS_PER_DAY
from segmentation.ml.tables import Bools, Ints


class WindowOpenError(ValueError):
    """The outcome window ends after the moment we look from: wait until it has closed."""


_OUTCOMES = """
WITH in_window AS (
    SELECT
        customer_id,
        count(*) AS orders,
        sum(total_cents) AS revenue,
        sum(margin_cents) AS margin
    FROM orders
    WHERE placed_at >= $as_of AND placed_at < $ends_at AND arrived_at < $known_at
    GROUP BY customer_id
)

SELECT
    customers.customer_id,
    CAST(coalesce(orders, 0) AS BIGINT) AS orders_in_window,
    CAST(coalesce(revenue, 0) AS BIGINT) AS revenue_in_window_cents,
    CAST(coalesce(margin, 0) AS BIGINT) AS margin_in_window_cents
FROM customers
LEFT JOIN in_window ON in_window.customer_id = customers.customer_id
WHERE joined_at < $as_of AND customers.arrived_at < $as_of
ORDER BY customers.customer_id
"""


def outcomes(
    connection: duckdb.DuckDBPyConnection, *, as_of: int, horizon_days: int, known_at: int
) -> pa.Table:
    """Return what every customer known before `as_of` ordered in [as_of, as_of + horizon).

    The rows are those of `features.compute` at the same `as_of`, in the same order. Only orders that
    arrived before `known_at` (epoch seconds) count. Raises WindowOpenError while the window is open.
    """
    ends_at = as_of + horizon_days * SECONDS_PER_DAY
    if ends_at > known_at:
        raise WindowOpenError(
            f"the {horizon_days}-day window from {as_of} ends at {ends_at}, after {known_at}"
        )
    params = {"as_of": as_of, "ends_at": ends_at, "known_at": known_at}
    table: pa.Table = connection.sql(_OUTCOMES, params=params).to_arrow_table()
    return table


def purchased(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: int,
    horizon_days: int,
    known_at: int,
    customer_ids: Ints,
) -> Bools:
    """Say for each of `customer_ids` whether an order was placed in [as_of, as_of + horizon)."""
    table = outcomes(connection, as_of=as_of, horizon_days=horizon_days, known_at=known_at)
    buyers = table.column("customer_id").to_numpy()[table.column(ORDERS_IN_WINDOW).to_numpy() > 0]
    return np.isin(customer_ids, buyers)


def churned(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: int,
    horizon_days: int,
    known_at: int,
    customer_ids: Ints,
) -> Bools:
    """Say for each of `customer_ids` whether no order was placed in [as_of, as_of + horizon)."""
    bought = purchased(
        connection,
        as_of=as_of,
        horizon_days=horizon_days,
        known_at=known_at,
        customer_ids=customer_ids,
    )
    return ~bought
