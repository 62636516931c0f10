"""What the simulator needs to know of real customers, read from the tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from django.db import connection

from customers.sources.base import SourceError
from customers.sources.observed_world import ObservedShop


# Orders before the start that were not given back in full; only they are taken as examples.
_KEPT = """
    CREATE TEMPORARY TABLE kept_orders ON COMMIT DROP AS
    SELECT o.id, o.customer_id, o.placed_at, o.total_cents
    FROM customers_order o
    LEFT JOIN (SELECT order_id, sum(amount_cents) AS cents FROM customers_refund
               WHERE source_id = %(source)s AND refunded_at < to_timestamp(%(before)s) GROUP BY 1
    ) r ON r.order_id = o.id
    WHERE o.source_id = %(source)s AND o.customer_id IS NOT NULL AND o.status = 'PLACED'
      AND o.placed_at < to_timestamp(%(before)s) AND o.total_cents > coalesce(r.cents, 0)
      AND EXISTS (SELECT 1 FROM customers_orderline l JOIN customers_product p ON p.id = l.product_id
                  WHERE l.order_id = o.id AND p.is_product AND l.quantity > 0 AND l.unit_price_cents > 0)
"""
_CUSTOMERS = """
    SELECT c.id, c.external_id, extract(epoch FROM min(k.placed_at))::bigint,
           extract(epoch FROM max(k.placed_at))::bigint, count(*), sum(k.total_cents)::bigint
    FROM kept_orders k JOIN customers_customer c ON c.id = k.customer_id
    WHERE c.erased_at IS NULL GROUP BY c.id ORDER BY 3, 1
"""
_LINES = """
    SELECT k.customer_id, k.id, l.product_id, p.external_id, l.quantity, l.unit_price_cents
    FROM kept_orders k JOIN customers_orderline l ON l.order_id = k.id
    JOIN customers_product p ON p.id = l.product_id
    WHERE p.is_product AND l.quantity > 0 AND l.unit_price_cents > 0
"""


def observe(*, source_id: int, before: int) -> ObservedShop:
    """
    The customers of a source and their orders before the epoch second `before`.

    To be called in a transaction. Raises SourceError when there are none.
    """
    parameters = {"source": source_id, "before": before}
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.kept_orders")
        cursor.execute(_KEPT, parameters)
        cursor.execute(_CUSTOMERS)
        people = cursor.fetchall()
        if not people:
            raise SourceError("There are no customers' orders to lay a simulation over.")
        cursor.execute(_LINES)
        rows = cursor.fetchall()
    key, names, first, last, orders, paid = zip(*people, strict=True)
    of, order, product, product_name, quantity, price = map(np.array, zip(*rows, strict=True))
    # ids to rows; lines of the erased drop out
    by_id = np.argsort(key)
    place = np.searchsorted(np.array(key), of, sorter=by_id)
    customer = by_id[np.minimum(place, len(by_id) - 1)]
    known = np.array(key)[customer] == of
    products, product_row = np.unique(product_name, return_inverse=True)
    sort = np.lexsort((product, order, customer))
    sort = sort[known[sort]]
    return ObservedShop(
        customers=pa.table({
            "customer_external_id": pa.array(names, pa.string()),
            "first_at": pa.array(first, pa.int64()),
            "last_at": pa.array(last, pa.int64()),
            "orders": pa.array(orders, pa.int64()),
            "paid_cents": pa.array(paid, pa.int64()),
        }),
        lines=pa.table({
            "customer": customer[sort],
            "order": order[sort],
            "product": product_row[sort],
            "quantity": quantity[sort],
            "unit_price_cents": price[sort],
        }),
        products=pa.array(products.tolist(), pa.string()),
    )  # fmt: skip
