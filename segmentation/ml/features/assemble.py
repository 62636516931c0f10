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
    """This will return the features of every customer known before `as_of` (epoch seconds).

    The connection must have the tables of `MIRROR_TABLES`. Only rows that happened and arrived before
    `as_of` are read. With `customer_ids` the same SQL runs over those customers alone; ids that are not
    known at `as_of` have no row. First column customer_id (int64, ascending), then one float64 column per
    entry of `FEATURES`, in its order; NULL where a feature is undefined.
    """
    if customer_ids is None:
        return connection.sql(statement(asked=False), params={"as_of": as_of}).to_arrow_table()
    asked = pa.table({"customer_id": pa.array(customer_ids, pa.int64())})
    connection.register(_ASKED, asked)
    try:
        return connection.sql(statement(asked=True), params={"as_of": as_of}).to_arrow_table()
    finally:
        connection.unregister(_ASKED)


@cache
def statement(*, asked: bool) -> str:
    """This will return the whole query, with the parameter `$as_of`; `asked` restricts it to a table of ids."""
    customer_filter = f"customer_id IN (SELECT customer_id FROM {_ASKED})" if asked else "TRUE"  # noqa: S608 - constants only
    known = _read("known").replace("{customer_filter}", customer_filter)
    themes = ",\n\n".join(f"{theme}_features AS (\n{_read(theme)})" for theme in THEMES)
    columns = ",\n    ".join(_output(name) for name in FEATURES)
    joins = "\n".join(
        f"LEFT JOIN {theme}_features ON {theme}_features.customer_id = scope.customer_id"
        for theme in THEMES
    )
    return (
        f"WITH {known},\n\n{themes}\n\n"  # noqa: S608 - files of this package and constants only
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
