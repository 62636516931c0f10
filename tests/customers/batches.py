"""Small batches of shop data for tests: good rows with the changes a test is about."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from customers.sources.base import SCHEMAS, ShopBatch
from tests.factories.customers import NOW


MOMENT = int(NOW.timestamp()) - 86_400 * 30

GOOD: dict[str, dict[str, Any]] = {
    "customers": {
        "external_id": "c1", "email": "ada@example.com", "first_name": "Ada", "last_name": "L",
        "country": "GB", "language": "en", "joined_at": MOMENT,
    },
    "products": {
        "external_id": "p1", "name": "Tea", "category": "Drinks", "price_cents": 1000,
        "cost_cents": 600, "is_product": True,
    },
    "orders": {
        "external_id": "o1", "customer_external_id": "c1", "placed_at": MOMENT, "status": "PLACED",
        "currency": "EUR", "discount_cents": 0, "total_cents": 2000, "channel": "WEB",
    },
    "order_lines": {
        "order_external_id": "o1", "line_number": 1, "product_external_id": "p1", "quantity": 2,
        "unit_price_cents": 1000, "cost_cents": 600,
    },
    "refunds": {
        "external_id": "r1", "order_external_id": "o1", "customer_external_id": None,
        "refunded_at": MOMENT, "amount_cents": 500, "reason": "Damaged",
    },
    "reviews": {
        "external_id": "w1", "customer_external_id": "c1", "product_external_id": "p1",
        "written_at": MOMENT, "rating": 4, "title": "Good", "text": "Good tea.", "language": "en",
    },
    "events": {
        "external_id": "e1", "customer_external_id": "c1", "kind": "CLICKED",
        "happened_at": MOMENT, "properties": '{"campaign_id": 7, "delivery_id": 9}',
    },
}  # fmt: skip


def table(entity: str, *changes: dict[str, Any]) -> pa.Table:
    """One good row for each dict of changes."""
    rows = [{**GOOD[entity], **change} for change in changes]
    return pa.Table.from_pylist(rows, schema=SCHEMAS[entity])


def batch(**tables: list[dict[str, Any]]) -> ShopBatch:
    """One good row of every entity, except where a list of changes is given."""
    return ShopBatch(**{entity: table(entity, *tables.get(entity, [{}])) for entity in GOOD})
