"""Mirrors for tests: tiny ones by hand, larger ones at random but with every kind of tie."""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa


DAY = 86_400
NOON = 20_000 * DAY + 12 * 3_600
"""A cut-off: 2024-10-04 12:00 UTC, a Friday."""

SCHEMAS = {
    "customers": pa.schema(
        [
            ("customer_id", pa.int64()),
            ("joined_at", pa.int64()),
            ("arrived_at", pa.int64()),
            ("country", pa.string()),
        ]
    ),
    "orders": pa.schema(
        [
            ("order_id", pa.int64()),
            ("customer_id", pa.int64()),
            ("placed_at", pa.int64()),
            ("arrived_at", pa.int64()),
            ("total_cents", pa.int64()),
            ("discount_cents", pa.int64()),
            ("margin_cents", pa.int64()),
            ("channel", pa.string()),
        ]
    ),
    "order_lines": pa.schema(
        [
            ("order_id", pa.int64()),
            ("customer_id", pa.int64()),
            ("product_id", pa.int64()),
            ("category", pa.string()),
            ("quantity", pa.int64()),
            ("unit_price_cents", pa.int64()),
            ("placed_at", pa.int64()),
            ("arrived_at", pa.int64()),
        ]
    ),
    "refunds": pa.schema(
        [
            ("customer_id", pa.int64()),
            ("refunded_at", pa.int64()),
            ("arrived_at", pa.int64()),
            ("amount_cents", pa.int64()),
        ]
    ),
    "events": pa.schema(
        [
            ("customer_id", pa.int64()),
            ("kind", pa.string()),
            ("name", pa.string()),
            ("happened_at", pa.int64()),
            ("arrived_at", pa.int64()),
            ("campaign_id", pa.int64()),
            ("properties", pa.string()),
        ]
    ),
    "reviews": pa.schema(
        [
            ("customer_id", pa.int64()),
            ("product_id", pa.int64()),
            ("written_at", pa.int64()),
            ("arrived_at", pa.int64()),
            ("rating", pa.int64()),
            ("polarity", pa.float64()),
        ]
    ),
    "people": pa.schema(
        [
            ("customer_id", pa.int64()),
            ("email_domain", pa.string()),
            ("joined_at", pa.int64()),
            ("arrived_at", pa.int64()),
            ("traits", pa.string()),
        ]
    ),
}

EVENT_TIMES = {
    "customers": "joined_at",
    "orders": "placed_at",
    "order_lines": "placed_at",
    "refunds": "refunded_at",
    "events": "happened_at",
    "reviews": "written_at",
    "people": "joined_at",
}

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def connect(tables: Mapping[str, pa.Table], *, threads: int = 2) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": threads})
    for name, schema in SCHEMAS.items():
        connection.register("incoming", tables.get(name, schema.empty_table()))
        connection.execute(f"CREATE TABLE {name} AS FROM incoming")
        connection.unregister("incoming")
    return connection


def from_rows(rows: Rows) -> dict[str, pa.Table]:
    """Rows as dictionaries; a missing arrived_at is the event time itself."""
    tables = {}
    for name, schema in SCHEMAS.items():
        time = EVENT_TIMES[name]
        complete = [{"arrived_at": row[time], **row} for row in rows.get(name, [])]
        tables[name] = pa.Table.from_pylist(complete, schema=schema)
    return tables


def random_tables(*, customers: int, seed: int, until: int = NOON) -> dict[str, pa.Table]:
    """Two years of everything; times in whole hours, so that many rows tie; arrivals up to a day late."""
    rng = np.random.default_rng(seed)

    def times(rows: int) -> np.ndarray:
        return until - 3_600 * rng.integers(1, 2 * 365 * 24, rows)

    def late(when: np.ndarray) -> np.ndarray:
        return when + rng.integers(0, DAY, len(when))

    def of(values: list[str], rows: int) -> np.ndarray:
        return np.array(values)[rng.integers(0, len(values), rows)]

    n_orders, n_events, n_few = 6 * customers, 8 * customers, customers
    joined = times(customers) - 100 * DAY
    owner = (customers * rng.random(n_orders) ** 2).astype(np.int64)
    placed = times(n_orders)
    arrived = late(placed)
    line_of = rng.integers(0, n_orders, 3 * n_orders)
    happened, few = times(n_events), times(n_few)
    polarity = [None if x < -0.6 else float(x) for x in rng.uniform(-1, 1, n_few)]
    columns: dict[str, dict[str, Any]] = {
        "customers": {
            "customer_id": np.arange(customers),
            "joined_at": joined,
            "arrived_at": late(joined),
            "country": of(["GB", "GB", "DE", ""], customers),
        },
        "orders": {
            "order_id": rng.permutation(n_orders),
            "customer_id": owner,
            "placed_at": placed,
            "arrived_at": arrived,
            "total_cents": rng.integers(0, 90_000, n_orders),
            "discount_cents": rng.integers(0, 3, n_orders) * 150,
            "margin_cents": rng.integers(-500, 30_000, n_orders),
            "channel": of(["web", "app", "store"], n_orders),
        },
        "order_lines": {
            "order_id": line_of,
            "customer_id": owner[line_of],
            "product_id": rng.integers(0, 40, len(line_of)),
            "category": of(["tea", "mugs", "tins"], len(line_of)),
            "quantity": rng.integers(1, 6, len(line_of)),
            "unit_price_cents": rng.integers(1, 5_000, len(line_of)),
            "placed_at": placed[line_of],
            "arrived_at": arrived[line_of],
        },
        "refunds": {
            "customer_id": rng.integers(0, customers, n_few),
            "refunded_at": few,
            "arrived_at": late(few),
            "amount_cents": rng.integers(1, 4_000, n_few),
        },
        "events": {
            "customer_id": rng.integers(0, customers, n_events),
            "kind": of(
                [
                    *(
                        "SITE_VISIT",
                        "PRODUCT_VIEW",
                        "CART",
                        "SEARCH",
                        "DELIVERED",
                        "CLICKED",
                        "BOUNCED",
                    ),
                    *("WISHLIST", "CHECKOUT", "COUPON", "OTHER", "OTHER"),
                ],
                n_events,
            ),
            "name": of(["Survey Answered", "nps_submitted", "Played", ""], n_events),
            "happened_at": happened,
            "arrived_at": late(happened),
            "campaign_id": pa.nulls(n_events, pa.int64()),
            "properties": of(
                [
                    *('{"score": 9}', '{"score": "3", "purpose": "PROFILING"}', '{"score": -4}'),
                    *('{"score": 1, "purpose": "RESEARCH"}', '{"answer": "yes"}', ""),
                ],
                n_events,
            ),
        },
        "reviews": {
            "customer_id": rng.integers(0, customers, n_few),
            "product_id": rng.integers(0, 40, n_few),
            "written_at": few,
            "arrived_at": late(few),
            "rating": rng.integers(1, 6, n_few),
            "polarity": polarity,
        },
        "people": {
            "customer_id": np.arange(customers),
            "email_domain": of(["gmail.com", "firm.example", ""], customers),
            "joined_at": joined,
            "arrived_at": late(joined),
            "traits": of(['{"company": "Firm"}', '{"plan": 3}', "{}", ""], customers),
        },
    }
    return {name: pa.table(columns[name], schema=schema) for name, schema in SCHEMAS.items()}
