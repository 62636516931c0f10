"""What is read of some customers is looked up for them, however many they are."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection

from segmentation.mirror.tables import select
from tests.factories.customers import NOW, OrderFactory


ORDERS = 5_000


@pytest.mark.django_db
def test_refunds_of_many_customers_do_not_read_all_orders() -> None:
    first = OrderFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customer (source_id, external_id, email, email_hmac, first_name, last_name,"
            " country, language, joined_at, arrived_at)"
            " SELECT %s, 'n' || n, '', '', '', '', '', '', %s, %s FROM generate_series(1, 1000) n RETURNING id",
            [first.source_id, NOW, NOW],
        )
        ids = np.array([pk for (pk,) in cursor.fetchall()], dtype=np.int64)
        cursor.execute(
            "INSERT INTO customers_order (source_id, external_id, customer_id, status, placed_at, arrived_at,"
            " currency, total_cents, discount_cents, margin_cents, channel)"
            " SELECT %s, 'n' || n, %s + n %% 1000, 'PLACED', %s, %s, 'GBP', 500, 0, 100, 'web'"
            " FROM generate_series(1, %s) n",
            [first.source_id, int(ids[0]), NOW, NOW, ORDERS],
        )
        cursor.execute(
            "INSERT INTO customers_refund (source_id, external_id, order_id, customer_id, refunded_at, arrived_at,"
            " amount_cents, reason)"
            " SELECT source_id, external_id, id, customer_id, placed_at, placed_at, 300, ''"
            " FROM customers_order WHERE id % 3 = 0"
        )
        cursor.execute("ANALYZE customers_customer, customers_order, customers_refund")
        cursor.execute(f"EXPLAIN {select('refunds', of={'people': ids[:500]})}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan on customers_order" not in plan
