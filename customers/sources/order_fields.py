"""What the columns of a file of order lines are called, and how their texts become values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from customers.sources.base import SourceError
from customers.sources.layouts import kinds, quoted


REQUIRED = ("order", "product", "quantity", "date", "price")
OPTIONAL = (
    "customer", "name", "category", "cost", "currency", "country", "email", "first_name",
    "last_name", "language", "channel", "status",
)  # fmt: skip
FIELDS = REQUIRED + OPTIONAL

_TEXTS = (
    "name", "category", "country", "email", "first_name", "last_name", "language", "channel",
)  # fmt: skip

# ISO 8601 is always read. Of these the one that reads most lines of a file is used for all of it: month
# before day first, as in the file of UCI, then the rest of the world's ways.
DATE_FORMATS = (
    "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%y %H:%M",
    "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y", "%d-%m-%Y %H:%M", "%d-%m-%Y",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OrderLayout:
    """
    columns: our field (FIELDS) to the file's column. The rest are DuckDB expressions over the
    fields as `expressions` names them, and `quantity` and `cents`:
    what is refused besides the general rules (reason to condition), what gives money back, what is no
    product, and values that the file does not hold. Dates without a zone are taken as UTC.
    """

    columns: Mapping[str, str]
    currency: str
    date_format: str = ""
    decimal: str = "."
    refused: Mapping[str, str] = field(default_factory=dict)
    is_refund: str = "quantity < 0 OR cents < 0"
    refund_reason: str = "'Returned'"
    is_product: str = "true"
    product_id: str = "product"
    category: str = "coalesce(category, '')"
    country: str = "country"
    email: str = "email"
    notes: tuple[str, ...] = ()


def expressions(db: duckdb.DuckDBPyConnection, layout: OrderLayout) -> str:
    """
    A select list: the file's columns as order_id, customer, product, amount, price, unit_cost, placed_at
    (epoch seconds), currency, is_cancelled and the texts, NULL where unreadable. Raises SourceError.
    """
    kind_of = kinds(db)

    def text(name: str) -> str:
        column = layout.columns.get(name)
        return f"nullif(trim({quoted(column)}::varchar), '')" if column else "NULL::varchar"

    def number(name: str) -> str:
        column = layout.columns.get(name)
        if column is None:
            return "NULL::double"
        if kind_of[column] != "VARCHAR":
            return f"try_cast({quoted(column)} AS DOUBLE)"
        bare = f"regexp_replace({text(name)}, '[\\s€$£]', '', 'g')"
        # marks between thousands only where they stand between thousands: "12.50" is never 1250
        point, mark = ("\\.", ",") if layout.decimal == "." else (",", ".")
        grouped = f"[-+]?[0-9]{{1,3}}([{mark}][0-9]{{3}})+({point}[0-9]*)?"
        bare = f"CASE WHEN regexp_full_match({bare}, '{grouped}') THEN replace({bare}, '{mark}', '') ELSE {bare} END"
        if layout.decimal == ",":
            return f"try_cast(replace({bare}, ',', '.') AS DOUBLE)"
        # nearly every number is a plain one
        return f"coalesce(try_cast({text(name)} AS DOUBLE), try_cast({bare} AS DOUBLE))"

    # a numeric column with gaps comes out of spreadsheets and pandas as 17850.0
    key = "CASE WHEN ends_with({0}, '.0') THEN regexp_replace({0}, '^([0-9]+)\\.0$', '\\1') ELSE {0} END"
    return f"""
        {key.format(text("order"))} AS order_id,
        coalesce({key.format(text("customer"))}, lower({text("email")})) AS customer,
        {key.format(text("product"))} AS product,
        {number("quantity")} AS amount, {number("price")} AS price, {number("cost")} AS unit_cost,
        {_date(db, kind_of, layout)} AS placed_at,
        coalesce(upper({text("currency")}), '{layout.currency}') AS currency,
        lower(coalesce({text("status")}, '')) SIMILAR TO '(cancel|void|refund).*' AS is_cancelled,
        {", ".join(f"{text(name)} AS {name}" for name in _TEXTS)}
    """


def _date(db: duckdb.DuckDBPyConnection, kind_of: Mapping[str, str], layout: OrderLayout) -> str:
    column = quoted(layout.columns["date"])
    kind = kind_of[layout.columns["date"]]
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"epoch({column}::timestamp)::bigint"
    if "INT" in kind:
        return f"try_cast({column} AS BIGINT)"
    text = f"trim({column}::varchar)"
    if layout.date_format:
        escaped = layout.date_format.replace("'", "''")
        try:
            db.sql(f"SELECT try_strptime('', '{escaped}')").fetchall()
        except duckdb.Error as error:
            raise SourceError(
                f"The mapping's date_format {layout.date_format!r} is not understood. Write it as in"
                ' "%d.%m.%Y %H:%M".'
            ) from error
        return f"epoch(try_strptime({text}, '{escaped}'))::bigint"
    # orders share their dates, so there are far fewer of them than lines
    counts = ", ".join(
        f"sum(lines) FILTER (try_strptime(said, '{form}') IS NOT NULL)" for form in DATE_FORMATS
    )
    found = [
        count or 0
        for count in db.sql(
            f"SELECT {counts} FROM (SELECT {text} AS said, count(*) AS lines FROM lines GROUP BY ALL)"
        ).fetchall()[0]
    ]
    chosen = DATE_FORMATS[max(range(len(found)), key=found.__getitem__)]
    # not TIMESTAMP: a cast to that drops the zone
    iso = f"try_cast({text} AS TIMESTAMPTZ)"
    return f"coalesce(epoch(try_strptime({text}, '{chosen}')), epoch({iso}))::bigint"
