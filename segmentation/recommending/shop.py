"""The purchases of profiled customers, out of the mirror, as the recommenders take them."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from django.db import connection

from consent.enums import Purpose
from customers.models import Product
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.demand import Demand, forecast
from segmentation.ml.recommend.purchases import Products, Purchases
from segmentation.ml.tables import Floats, Ints


MOST_LEARNED = 200_000
"""Customers learned from; more of them move the links between products no more."""
WEEKS = 52

_LINES = """
    SELECT customer_id, product_id, placed_at, CAST(quantity AS DOUBLE) AS quantity
    FROM order_lines JOIN asked USING (customer_id)
    WHERE placed_at < $now AND arrived_at < $now AND quantity > 0
    ORDER BY customer_id, placed_at, product_id"""


def products() -> Products:
    """Everything that the shop sells, by the key of our table; fees and postage are no products."""
    rows = list(
        Product.objects.filter(is_product=True)
        .order_by("pk")
        .values_list("pk", "name", "external_id", "category", "price_cents")
    )
    return Products.of(
        [str(key) for key, *_ in rows],
        words=[name or number for _, name, number, _, _ in rows],
        categories=[category for *_, category, _ in rows],
        price=np.array(
            [np.nan if cents is None else cents for *_, cents in rows], dtype=np.float64
        ),
    )


def margins(known: Products) -> Floats:
    """(m,) share of the price that is left after the cost, NaN where one of them is unknown."""
    told = {
        str(key): (price - cost) / price
        for key, price, cost in Product.objects.values_list("pk", "price_cents", "cost_cents")
        if price and price > 0 and cost is not None
    }
    return np.array([told.get(key, np.nan) for key in known.keys], dtype=np.float64)


def stock(known: Products) -> Floats:
    """(m,) pieces, NaN where the shop tells none."""
    told = dict(Product.objects.exclude(stock=None).values_list("pk", "stock"))
    return np.array([told.get(int(key), np.nan) for key in known.keys], dtype=np.float64)


def buyers(database: duckdb.DuckDBPyConnection, *, now: int, asked: bool = False) -> Ints:
    """Profiled customers with an order before `now`, ascending; `asked`: who agreed to recommendations as well."""
    agreed = f"""SEMI JOIN (SELECT customer_id FROM consents WHERE is_granted
        AND purpose = '{Purpose.RECOMMENDATIONS}') USING (customer_id)"""
    rows = database.execute(
        f"""SELECT DISTINCT customer_id FROM order_lines SEMI JOIN customers USING (customer_id)
        {agreed if asked else ""} WHERE placed_at < ? AND arrived_at < ?""",
        [now, now],
    ).fetchall()
    return np.sort(np.array([row[0] for row in rows], dtype=np.int64))


def sample(customers: Ints) -> Ints:
    """All of them, or a part that is the same every day."""
    if len(customers) <= MOST_LEARNED:
        return customers
    mixed = (customers.astype(np.uint64) * np.uint64(11400714819323198485)) >> np.uint64(20)
    return np.sort(customers[np.argsort(mixed, kind="stable")[:MOST_LEARNED]])


def purchases(
    database: duckdb.DuckDBPyConnection, customers: Ints, known: Products, *, now: int
) -> Purchases:
    """Of these customers (ascending), who are numbered by their place; of `known` products only."""
    database.register("asked", pa.table({"customer_id": customers}))
    try:
        table = database.sql(_LINES, params={"now": now}).to_arrow_table()
    finally:
        database.unregister("asked")

    def column(name: str) -> Any:
        return table.column(name).to_numpy()

    keys = np.array([int(key) for key in known.keys], dtype=np.int64)
    product = column("product_id").astype(np.int64)
    place = np.minimum(np.searchsorted(keys, product), max(len(keys) - 1, 0))
    sold = keys[place] == product if len(keys) else np.zeros(len(product), dtype=bool)
    return Purchases(
        customer=np.searchsorted(customers, column("customer_id").astype(np.int64)[sold]),
        product=place[sold],
        at=column("placed_at").astype(np.int64)[sold],
        quantity=column("quantity").astype(np.float64)[sold],
        customers=len(customers),
        products=known,
    )


_WEEKLY = """
    SELECT l.product_id, floor((extract(epoch FROM o.placed_at) - %(begin)s) / %(week)s)::int, sum(l.quantity)
    FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id
    JOIN customers_product p ON p.id = l.product_id
    WHERE o.status = 'PLACED' AND p.is_product AND l.quantity > 0
      AND o.placed_at >= to_timestamp(%(begin)s) AND o.placed_at < to_timestamp(%(now)s)
    GROUP BY 1, 2"""


def expected_demand(*, now: int) -> tuple[Ints, Floats, Demand]:
    """
    Products sold in the last year, pieces in the last four weeks, and what is expected of the coming four.

    Sums over all orders: they tell nothing about anybody.
    """
    week = 7 * SECONDS_PER_DAY
    with connection.cursor() as cursor:
        cursor.execute(_WEEKLY, {"begin": now - WEEKS * week, "week": week, "now": now})
        rows = np.array(cursor.fetchall(), dtype=np.float64).reshape(-1, 3)
    keys, place = np.unique(rows[:, 0].astype(np.int64), return_inverse=True)
    weekly = np.zeros((len(keys), WEEKS))
    weekly[place, np.clip(rows[:, 1].astype(np.int64), 0, WEEKS - 1)] = rows[:, 2]
    begun = np.flatnonzero(weekly.sum(axis=0) > 0)
    weekly = weekly[:, begun[0] :] if len(begun) else weekly[:, :0]
    return keys, weekly[:, -4:].sum(axis=1), forecast(weekly)
