"""Join the themes to one table: a row per customer, a float64 column per feature."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from segmentation.ml.features.catalogue import FEATURES, THEMES


MIRROR_TABLES = {
    "customers": ("customer_id", "joined_at", "arrived_at", "country"),
    "orders": (
        *("order_id", "customer_id", "placed_at", "arrived_at"),
        *("total_cents", "discount_cents", "margin_cents", "channel"),
    ),
    "order_lines": (
        *("order_id", "customer_id", "product_id", "category"),
        *("quantity", "unit_price_cents", "placed_at", "arrived_at"),
    ),
    "refunds": ("customer_id", "refunded_at", "arrived_at", "amount_cents"),
    "events": ("customer_id", "kind", "happened_at", "arrived_at", "campaign_id"),
    "reviews": ("customer_id", "product_id", "written_at", "arrived_at", "rating", "polarity"),
}
"""The tables (or views) that the caller registers, with the columns that are read."""

_HERE = Path(__file__).parent
_ASKED = "asked_customers"


def compute(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: int,
    customer_ids: Sequence[int] | None = None,
) -> pa.Table:
    """Return the features of every customer known before `as_of` (epoch seconds).

    The connection must have the tables of `MIRROR_TABLES`. Only rows that happened and arrived before
    `as_of` are read. With `customer_ids` the same SQL runs over those customers alone; ids that are not
    known at `as_of` have no row. First column customer_id (int64, ascending), then one float64 column per
    entry of `FEATURES`, in its order; NULL where a feature is undefined.
    """
    if customer_ids is None:
        return _run(connection, statement(asked=False), as_of=as_of)
    connection.register(_ASKED, pa.table({"customer_id": pa.array(customer_ids, pa.int64())}))
    try:
        return _run(connection, statement(asked=True), as_of=as_of)
    finally:
        connection.unregister(_ASKED)


def _run(connection: duckdb.DuckDBPyConnection, query: str, *, as_of: int) -> pa.Table:
    table: pa.Table = connection.sql(query, params={"as_of": as_of}).to_arrow_table()
    return table


@cache
def statement(*, asked: bool) -> str:
    """Return the whole query, with the parameter `$as_of`; `asked` restricts it to a table of ids."""
    customer_filter = f"customer_id IN (SELECT customer_id FROM {_ASKED})" if asked else "TRUE"
    known = _read("known").replace("{customer_filter}", customer_filter)
    themes = ",\n\n".join(f"{theme}_features AS (\n{_read(theme)})" for theme in THEMES)
    columns = ",\n    ".join(_output(name) for name in FEATURES)
    joins = "\n".join(
        f"LEFT JOIN {theme}_features ON {theme}_features.customer_id = scope.customer_id"
        for theme in THEMES
    )
    return (
        f"WITH {known},\n\n{themes}\n\n"
        f"SELECT\n    scope.customer_id,\n    {columns}\nFROM scope\n{joins}\nORDER BY scope.customer_id"
    )


def _output(name: str) -> str:
    feature = FEATURES[name]
    column = f"{feature.theme}_features.{name}"
    if feature.without_rows is not None:
        column = f"coalesce({column}, {feature.without_rows})"
    return f"CAST({column} AS DOUBLE) AS {name}"


def _read(theme: str) -> str:
    return (_HERE / f"{theme}.sql").read_text(encoding="utf-8")
