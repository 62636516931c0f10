"""Feature tables and shops for the tests of the estimators."""

import numpy as np
import pyarrow as pa

from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS
from segmentation.ml.tables import FeatureTable
from tests.segmentation.ml.mirrors import DAY, NOON, SCHEMAS


def rfm_table(rows: list[tuple[float, float, float]]) -> FeatureTable:
    """Recency in days, orders, net revenue in cents; NaN recency for no order."""
    return FeatureTable(
        customer_ids=np.arange(len(rows)),
        names=(RECENCY_DAYS, ORDERS, NET_REVENUE_CENTS),
        values=np.array(rows, dtype=float),
    )


def blobs(centres: list[tuple[float, float, float]], *, each: int, seed: int = 0) -> FeatureTable:
    """Lognormal clouds around (days, orders, cents)."""
    rng = np.random.default_rng(seed)
    rows = [
        (days * a, orders * b, cents * c)
        for days, orders, cents in centres
        for a, b, c in np.exp(rng.normal(0, 0.15, (each, 3)))
    ]
    return rfm_table(rows)


def rhythmic_shop(*, customers: int, seed: int, days: int = 300) -> dict[str, pa.Table]:
    """Everybody orders at a rate of their own and some leave: rhythm says more than recency alone."""
    rng = np.random.default_rng(seed)
    rate = rng.choice([1 / 12, 1 / 40, 1 / 150], customers)
    leaves = np.where(rng.random(customers) < 0.4, rng.integers(0, days, customers), days)
    owner, placed = [], []
    for customer in range(customers):
        joined = rng.integers(0, days // 2)
        times = joined + np.cumsum(rng.exponential(1 / rate[customer], 60)) - rng.exponential(5)
        times = times[(times >= 0) & (times < min(days, leaves[customer] + joined))]
        owner += [customer] * len(times)
        placed += [NOON - round((days - time) * DAY) for time in times]
    n, when = len(owner), np.array(placed)
    cents = rng.integers(500, 9_000, n)
    orders = pa.table(
        {
            "order_id": np.arange(n),
            "customer_id": np.array(owner),
            "placed_at": when,
            "arrived_at": when,
            "total_cents": cents,
            "discount_cents": np.zeros(n, dtype=np.int64),
            "margin_cents": cents // 3,
            "channel": pa.array(["web"] * n),
        },
        schema=SCHEMAS["orders"],
    )
    start = NOON - days * DAY
    people = pa.table(
        {
            "customer_id": np.arange(customers),
            "joined_at": np.full(customers, start),
            "arrived_at": np.full(customers, start),
            "country": pa.array(["GB"] * customers),
        },
        schema=SCHEMAS["customers"],
    )
    return {"customers": people, "orders": orders}
