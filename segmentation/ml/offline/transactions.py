"""A file of transactions, checked: order lines, or one amount an order.

Columns (any case): customer_id, date, amount; and where there are any order_id, sku, quantity, unit_price,
description, category, country. The spelling of UCI Online Retail is read as well (CustomerID, InvoiceDate,
InvoiceNo, StockCode, UnitPrice ...); its amount is quantity times unit price, and cancellations, gifts and
lines without a customer are rejected, as in every published work on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from segmentation.ml.offline import files
from segmentation.ml.tables import Ints


SPELLINGS = {
    "customer_id": ("customer_id",),  # Customer ID and CustomerID too: case and spaces do not count
    "date": ("date", "InvoiceDate", "order_date"),
    "amount": ("amount",),
    "order_id": ("order_id", "InvoiceNo", "Invoice"),
    "sku": ("sku", "StockCode"),
    "quantity": ("quantity",),
    "unit_price": ("unit_price", "price"),
    "description": ("description",),
    "category": ("category",),
    "country": ("country",),
}
_DATES = "['%Y%m%d', '%m/%d/%y %H:%M', '%m/%d/%Y %H:%M']"
"""
Beside ISO: its short form (CDNOW), and how the UCI file looks once a spreadsheet has saved it. Years of two
digits first: they refuse those of four, while %Y takes 10 for the year 10.
"""
_ISO = "^[0-9]{4}[-/]"
"""A cast alone would read 12/1/10 as the tenth of January of the year 12."""
_OFFSET = ":[0-9.]+ ?([+-][0-9]{2}(:?[0-9]{2})?|Z)$"
"""A time that says how far it is from UTC; a plain cast would forget that."""

_REASONS = """CASE
    WHEN customer IS NULL THEN 'no customer_id'
    WHEN moment IS NULL THEN 'the date cannot be read'
    WHEN moment < TIMESTAMP '1970-01-01' THEN 'the date is before 1970'
    WHEN money IS NULL OR NOT isfinite(money) THEN 'the amount is not a number'
    WHEN greatest(abs(money), abs(pieces), abs(price)) > 1e12 THEN 'the amount or the quantity is too large'
    WHEN order_key ILIKE 'C%' AND money <= 0 THEN 'a cancellation'
    WHEN money < 0 OR pieces < 0 THEN 'the amount or the quantity is below zero (a return)'
    WHEN {gift} THEN 'nothing was paid (a gift or a correction)'
    END"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Intake:
    """What became of the rows of a file: rows = used + all that are rejected.

    repeated: used rows that say the same as an earlier one in every column. unusable: the rejected rows as the
    file has them, as text, after `rejected_because`; what is no row of the table is in `line_as_written`.
    """

    path: str
    rows: int
    used: int
    repeated: int
    unusable: pa.Table


@dataclass(frozen=True, kw_only=True, eq=False)
class Transactions:
    """What happened before some moment. An object that exists is valid.

    lines: one row an order line, by customer and time: customer (int64, position in `customers`), order_id,
    placed_at (epoch seconds), amount, quantity, unit_price, sku, description, category, country; what the file
    does not have is null, order_id excepted: without one, all lines of a day are an order.
    rejected: rows that could not be used, by reason. intake: of the whole file; None for a part of it.
    """

    customers: tuple[str, ...]
    lines: pa.Table
    rejected: Mapping[str, int]
    columns: frozenset[str]
    intake: Intake | None = None

    def until(self, cutoff: int) -> tuple["Transactions", int]:
        """The part before `cutoff` (epoch seconds), customers of that part only, and how many lines were left out."""
        with duckdb.connect(config={"threads": 1}) as database:
            database.register("named", _named(self))
            kept = database.sql("SELECT * FROM named WHERE placed_at < ?", params=[cutoff])
            part = _arranged(kept.to_arrow_table(), rejected=self.rejected, columns=self.columns)
        return part, self.lines.num_rows - part.lines.num_rows

    def column(self, name: str) -> Any:
        """One column of `lines` as numpy sees it."""
        return self.lines.column(name).to_numpy(zero_copy_only=False)

    def mirror(self) -> duckdb.DuckDBPyConnection:
        """The product's analytic tables (features.MIRROR_TABLES) of these lines, for the caller to close.

        customer_id is the position in `customers`; all that a file of orders cannot tell is empty.
        """
        database = duckdb.connect(config={"threads": 1})
        database.register("lines", self.lines)
        for statement in _MIRROR:
            database.execute(statement)
        return database


def read(path: Path, *, id_column: str | None = None, needs_amount: bool = True) -> Transactions:
    """Read and check `path` (CSV or Parquet); raises files.FileError when it is not of this kind.

    id_column: the column that names the customer, if not customer_id. Without `needs_amount` a file that tells no
    money will do: each line then has the amount 1.
    """
    raw = files.read(path)
    with raw.database:
        found = {name: files.column_like(raw, *spelled) for name, spelled in SPELLINGS.items()}
        if id_column is not None:
            found["customer_id"] = files.column_like(raw, id_column)
            files.need(path, {id_column: found["customer_id"]}, raw=raw)
        priced = found["quantity"] is not None and found["unit_price"] is not None
        needed = ["customer_id", "date", *([] if priced or not needs_amount else ["amount"])]
        files.need(path, {name: found[name] for name in needed}, raw=raw)
        raw.database.execute(f"CREATE TABLE checked AS {_checked(found)}")
        rejected = dict(raw.rejected) | dict(
            raw.database.execute(
                "SELECT reason, count(*) FROM checked WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 1"
            ).fetchall()
        )
        named = raw.database.sql(
            """SELECT customer AS customer_id,
                coalesce(order_key, strftime(moment, '%Y-%m-%d')) AS order_id,
                CAST(floor(epoch(moment)) AS BIGINT) AS placed_at,
                round(money, 4) AS amount, pieces AS quantity, price AS unit_price,
                sku, description, category, country
            FROM checked WHERE reason IS NULL ORDER BY row"""
        ).to_arrow_table()
        intake = _intake(raw, path, used=named.num_rows, rejected=rejected)
    if not named.num_rows:
        told = "; ".join(f"{count} rows: {reason}" for reason, count in rejected.items())
        raise files.FileError(f"{path}: no usable row ({told or 'it has no rows'})")
    whole = _arranged(
        named,
        rejected=rejected,
        columns=frozenset(name for name, column in found.items() if column is not None),
    )
    return replace(whole, intake=intake)


def _intake(raw: files.RawTable, path: Path, *, used: int, rejected: Mapping[str, int]) -> Intake:
    columns = ", ".join(f"file.{files.quoted(name)}" for name in raw.columns)
    malformed = (
        f"""UNION ALL BY NAME SELECT * FROM (
            SELECT {_text(files.MALFORMED)} AS rejected_because, any_value(csv_line) AS line_as_written
            FROM reject_errors GROUP BY line ORDER BY line)"""
        if files.MALFORMED in raw.rejected
        else ""
    )
    unusable = raw.database.sql(
        f"""SELECT * FROM (
            SELECT reason AS rejected_because, file.* EXCLUDE (row), NULL::VARCHAR AS line_as_written
            FROM checked JOIN file USING (row) WHERE reason IS NOT NULL ORDER BY row) {malformed}"""
    ).to_arrow_table()
    ((distinct,),) = raw.database.execute(
        f"""SELECT count(*) FROM (SELECT DISTINCT {columns}
            FROM checked JOIN file USING (row) WHERE reason IS NULL)"""
    ).fetchall()
    return Intake(
        path=str(path), rows=used + sum(rejected.values()), used=used, repeated=used - distinct,
        unusable=unusable,
    )  # fmt: skip


def _text(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


def moment(text: str) -> int:
    """An ISO date or time (UTC unless it says otherwise) as epoch seconds; raises ValueError in words."""
    try:
        said = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date like 2011-06-10") from error
    return int((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp())


def _checked(found: Mapping[str, str | None]) -> str:
    def text(name: str) -> str:
        column = found[name]
        return "NULL::VARCHAR" if column is None else f"nullif(trim({files.quoted(column)}), '')"

    def number(name: str) -> str:
        value = f"TRY_CAST({text(name)} AS DOUBLE)"
        return f"CASE WHEN isfinite({value}) THEN {value} END"

    amount = (
        number("amount") if found["amount"] else f"{number('quantity')} * {number('unit_price')}"
    )
    if not found["amount"] and not (found["quantity"] and found["unit_price"]):
        amount = "1.0"
    # an amount of its own may be 0 (CDNOW has such orders); a price of 0 is a gift or a stock correction
    gift = "FALSE" if found["amount"] else "money = 0"
    return f"""
        SELECT *, {_REASONS.format(gift=gift)} AS reason
        FROM (SELECT row,
            regexp_replace({text("customer_id")}, '^([0-9]+)\\.0$', '\\1') AS customer,
            CASE WHEN regexp_matches({text("date")}, '{_OFFSET}')
                THEN make_timestamp(epoch_us(TRY_CAST({text("date")} AS TIMESTAMPTZ)))
                WHEN regexp_matches({text("date")}, '{_ISO}') THEN TRY_CAST({text("date")} AS TIMESTAMP)
                ELSE try_strptime({text("date")}, {_DATES})
                END AS moment,
            {amount} AS money, {number("quantity")} AS pieces, {number("unit_price")} AS price,
            {text("order_id")} AS order_key, {text("sku")} AS sku, {text("description")} AS description,
            {text("category")} AS category, {text("country")} AS country
        FROM file)"""


def _arranged(
    named: pa.Table, *, rejected: Mapping[str, int], columns: frozenset[str]
) -> Transactions:
    """Number the customers (1, 2, 10 in the order of numbers) and sort, so that the order of the rows in the file does not matter."""
    with duckdb.connect(config={"threads": 1}) as database:
        database.register("named", named)
        database.execute(
            """CREATE TABLE numbered AS SELECT customer_id, row_number() OVER (
                ORDER BY TRY_CAST(customer_id AS HUGEINT) NULLS LAST, customer_id) - 1 AS customer
            FROM (SELECT DISTINCT customer_id FROM named)"""
        )
        lines = database.sql(
            """SELECT customer, named.* EXCLUDE (customer_id) FROM named JOIN numbered USING (customer_id)
            ORDER BY customer, placed_at, order_id, sku, quantity, unit_price, amount, description"""
        ).to_arrow_table()
        ids = database.execute("SELECT customer_id FROM numbered ORDER BY customer").fetchall()
    return Transactions(
        customers=tuple(row[0] for row in ids), lines=lines, rejected=rejected, columns=columns
    )


def _named(transactions: Transactions) -> pa.Table:
    names = pa.array(transactions.customers, pa.string())
    lines = transactions.lines
    return lines.drop_columns("customer").add_column(
        0, "customer_id", names.take(lines.column("customer").combine_chunks())
    )


def first_moments(transactions: Transactions) -> Ints:
    """When each customer was first seen, (n,) epoch seconds."""
    customer, placed_at = transactions.column("customer"), transactions.column("placed_at")
    first: Ints = placed_at[np.r_[True, np.diff(customer) > 0]]
    return first


_MIRROR = (
    """CREATE VIEW customers AS SELECT customer AS customer_id, min(placed_at) AS joined_at,
        min(placed_at) AS arrived_at, coalesce(any_value(country), '') AS country
        FROM lines GROUP BY 1""",
    """CREATE TABLE orders AS SELECT row_number() OVER (ORDER BY customer, min(placed_at), order_id) AS order_id,
        order_id AS name, customer AS customer_id, min(placed_at) AS placed_at, min(placed_at) AS arrived_at,
        CAST(round(100 * sum(amount)) AS BIGINT) AS total_cents, CAST(0 AS BIGINT) AS discount_cents,
        CAST(round(100 * sum(amount)) AS BIGINT) AS margin_cents, '' AS channel
        FROM lines GROUP BY customer, lines.order_id""",
    """CREATE TABLE products AS SELECT row_number() OVER (ORDER BY sku) AS product_id, sku
        FROM (SELECT DISTINCT sku FROM lines WHERE sku IS NOT NULL)""",
    """CREATE TABLE order_lines AS SELECT orders.order_id, customer AS customer_id, product_id,
        coalesce(category, '') AS category, CAST(round(coalesce(quantity, 1)) AS BIGINT) AS quantity,
        CAST(round(100 * coalesce(unit_price, amount / nullif(quantity, 0), amount)) AS BIGINT) AS unit_price_cents,
        orders.placed_at, orders.arrived_at
        FROM lines JOIN orders ON orders.customer_id = customer AND orders.name = lines.order_id
        LEFT JOIN products USING (sku)""",
    """CREATE VIEW people AS SELECT customer_id, '' AS email_domain, joined_at, arrived_at, '' AS traits
        FROM customers""",
    "CREATE TABLE refunds (customer_id BIGINT, refunded_at BIGINT, arrived_at BIGINT, amount_cents BIGINT)",
    """CREATE TABLE events (customer_id BIGINT, kind VARCHAR, name VARCHAR, happened_at BIGINT, arrived_at BIGINT,
        campaign_id BIGINT, properties VARCHAR)""",
    """CREATE TABLE reviews (customer_id BIGINT, product_id BIGINT, written_at BIGINT, arrived_at BIGINT,
        rating BIGINT, polarity DOUBLE)""",
)
