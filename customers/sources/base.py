"""What every source hands over: columnar rows with foreign ids, not yet trusted.

Money is integer minor units, times are epoch seconds (UTC), ids are the source's own strings.
`ingest` validates them; a source only translates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

import pyarrow as pa


_TEXT, _INT = pa.string(), pa.int64()

CUSTOMERS = pa.schema([
    ("external_id", _TEXT), ("email", _TEXT), ("first_name", _TEXT), ("last_name", _TEXT),
    ("country", _TEXT), ("language", _TEXT), ("joined_at", _INT),
])  # fmt: skip
PRODUCTS = pa.schema([
    ("external_id", _TEXT), ("name", _TEXT), ("category", _TEXT), ("price_cents", _INT),
    ("cost_cents", _INT), ("is_product", pa.bool_()),
])  # fmt: skip
ORDERS = pa.schema([
    ("external_id", _TEXT), ("customer_external_id", _TEXT), ("placed_at", _INT), ("status", _TEXT),
    ("currency", _TEXT), ("discount_cents", _INT), ("total_cents", _INT), ("channel", _TEXT),
])  # fmt: skip
ORDER_LINES = pa.schema([
    ("order_external_id", _TEXT), ("line_number", _INT), ("product_external_id", _TEXT),
    ("quantity", _INT), ("unit_price_cents", _INT), ("cost_cents", _INT),
])  # fmt: skip
REFUNDS = pa.schema([
    ("external_id", _TEXT), ("order_external_id", _TEXT), ("customer_external_id", _TEXT),
    ("refunded_at", _INT), ("amount_cents", _INT), ("reason", _TEXT),
])  # fmt: skip
REVIEWS = pa.schema([
    ("external_id", _TEXT), ("customer_external_id", _TEXT), ("product_external_id", _TEXT),
    ("written_at", _INT), ("rating", _INT), ("title", _TEXT), ("text", _TEXT), ("language", _TEXT),
])  # fmt: skip
EVENTS = pa.schema([
    ("external_id", _TEXT), ("customer_external_id", _TEXT), ("kind", _TEXT),
    ("happened_at", _INT), ("properties", _TEXT),
])  # fmt: skip

OPTIONAL = {
    "customers": pa.schema([("phone", _TEXT), ("traits", _TEXT), ("changed_at", _INT)]),
    "products": pa.schema([("brand", _TEXT), ("url", _TEXT), ("image_url", _TEXT), ("stock", _INT)]),
    "orders": pa.schema([("changed_at", _INT)]),
    "reviews": pa.schema([("kind", _TEXT), ("origin", _TEXT), ("url", _TEXT)]),
    "events": pa.schema([
        ("name", _TEXT), ("may_profile", pa.bool_()), ("historical", pa.bool_()),
    ]),
}  # fmt: skip
"""Columns that a source may leave out: nothing is then known of them, and nothing known is lost."""

REQUIRED = {
    "customers": CUSTOMERS,
    "products": PRODUCTS,
    "orders": ORDERS,
    "order_lines": ORDER_LINES,
    "refunds": REFUNDS,
    "reviews": REVIEWS,
    "events": EVENTS,
}
SCHEMAS = {name: pa.schema([*schema, *OPTIONAL.get(name, ())]) for name, schema in REQUIRED.items()}


class SourceError(ValueError):
    """The whole file or stream cannot be used; the message says what to do about it."""


@dataclass(frozen=True, kw_only=True)
class ShopBatch:
    """One portion of shop data. A table left out is empty; a missing column is an error unless OPTIONAL."""

    customers: pa.Table = field(default_factory=CUSTOMERS.empty_table)
    products: pa.Table = field(default_factory=PRODUCTS.empty_table)
    orders: pa.Table = field(default_factory=ORDERS.empty_table)
    order_lines: pa.Table = field(default_factory=ORDER_LINES.empty_table)
    refunds: pa.Table = field(default_factory=REFUNDS.empty_table)
    reviews: pa.Table = field(default_factory=REVIEWS.empty_table)
    events: pa.Table = field(default_factory=EVENTS.empty_table)

    def __post_init__(self) -> None:
        for name, schema in SCHEMAS.items():
            table: pa.Table = getattr(self, name)
            for column in OPTIONAL.get(name, ()):
                if column.name not in table.column_names:
                    table = table.append_column(column, pa.nulls(table.num_rows, column.type))
            object.__setattr__(self, name, table.select(schema.names).cast(schema))

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """The tables in the order in which they refer to one another: referred-to ones first."""
        for entry in fields(self):
            yield entry.name, getattr(self, entry.name)

    @property
    def rows(self) -> int:
        return sum(table.num_rows for _, table in self.tables())
