"""Which rows are refused and why: pure rules in SQL, run over Arrow tables in an in-memory DuckDB.

For few rows asking DuckDB takes longer than all the rest: PostgreSQL runs the same rules (customers.few).
References between tables (`unknown_customer` ...) need the database and are `ingest`'s.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from customers import repeated
from customers.currencies import CURRENCIES
from customers.enums import EventKind, OrderStatus, ReviewKind
from customers.sources.base import SCHEMAS


_MANY = (
    1 << 20
)  # rows whose keys are grouped at once; more of them would not fit into an importer's memory
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
MAX_QUANTITY = 1_000_000
MAX_CENTS = 100_000_000_000  # a billion of a currency with cents: no order of a shop is larger
MAX_TEXT = 20_000

REASONS = {
    "missing_id": "The row has no identifier.",
    "bad_address": "The e-mail address cannot be one, and nothing else names the person.",
    "bad_signature": (
        "Its signature does not fit the source's secret, so it was not read. Set the secret that the shop"
        " shows, on the source's page."
    ),
    "missing_product": "The line names no product.",
    "missing_amount": "A price or a total is missing.",
    "nul_byte": "A text holds a NUL byte, which no database of text can keep.",
    "text_too_long": "A text is longer than its field; most often a quotation mark is not closed.",
    "bad_encoding": "The line is in another encoding than the rest of the file.",
    "bad_fields": "The line has more or fewer fields than the header.",
    "bad_date": "The date is missing or cannot be read.",
    "absurd_date": "The date is before 1990 or more than a day in the future.",
    "bad_quantity": "The quantity is missing or not a whole number.",
    "negative_quantity": "An order line with a quantity below zero; a return belongs in the refunds.",
    "quantity_too_large": f"The quantity is beyond {MAX_QUANTITY:,}.",
    "bad_price": "The price is missing or not a number.",
    "negative_amount": "A price, cost, total, discount or refund is below zero.",
    "amount_too_large": f"An amount is beyond {MAX_CENTS // 100:,} of the currency.",
    "two_negatives": "Quantity and price are both below zero: sale or refund cannot be told.",
    "stock_adjustment": "A correction of the stock: price 0 and no customer, so nobody bought it.",
    "unknown_currency": "The currency is not a code of ISO 4217.",
    "unknown_status": "The order's status is neither placed nor cancelled.",
    "unknown_kind": "The event or review is of a kind that nobody knows here.",
    "bad_properties": "The properties or traits are not a JSON object.",
    "bad_rating": "The rating is not between 1 and 5.",
    "bad_line_number": "The line's number within its order is missing or below zero.",
    "duplicate_id": "Another row of the same data has this identifier and says something else.",
    "unknown_customer": "The customer it refers to is not known.",
    "unknown_order": "The order it refers to is not known, or was refused.",
    "unknown_product": "The product it refers to is not known, or was refused.",
    "not_json": "It is not JSON, or holds a number that JSON does not know, such as NaN.",
    "not_an_object": "It is JSON, but not an object with fields.",
    "no_batch": "The body has no list of items under `batch`.",
    "duplicate_name": "An object has two fields of one name, so it says two things.",
    "bad_compression": "The body is not what its Content-Encoding says, or that is none that we know.",
    "too_deep": "Its fields are nested deeper than anything that a shop says.",
    "too_large": "It is larger than the 32 kB that one item may have, or the 528 kB of a call.",
    "bad_text": "A text holds half a surrogate pair, which no database of text can keep.",
    "bad_number": "A number is missing, not finite, or larger than any that can be kept.",
    "bad_id": "An identifier is neither a text nor a number.",
    "no_person": "It names nobody: neither a user id nor an anonymous id.",
    "unknown_call": "It is none of identify, track, page, screen, group and alias.",
    "bad_products": "The products are not a list of objects with fields.",
    "missing_name": "A track call without the event's name.",
    "browser_key_may_not": "A browser key may tell of behaviour only: no order, review, merge or consent.",
    "cannot_merge": "One of the two that are said to be one person was erased.",
    "not_understood": "Reading it failed; the log says why. It can be tried again.",
}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """`accepted`: the good rows with their place in the input as the column `row`; `refused`: row, reason."""

    accepted: pa.Table
    refused: pa.Table
    duplicates: int


@dataclass(frozen=True, kw_only=True)
class _Entity:
    key: tuple[str, ...]
    date: str | None
    rules: tuple[tuple[str, str], ...]
    longest: dict[str, int]
    objects: tuple[str, ...] = ()
    """Columns that hold a JSON object, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """What the two databases that run the rules say each in its own way; the arguments are SQL."""

    holds_nul: Callable[[str], str]
    is_no_object: Callable[[str], str]


def too_large(column: str) -> str:
    # not abs(): that of the smallest integer is an error
    return f"{column} NOT BETWEEN -{MAX_CENTS} AND {MAX_CENTS}"


def absurd(column: str, *, now: datetime) -> str:
    return _outside(column, latest=str(latest(now)))


def latest(now: datetime) -> int:
    """The last second that is no absurd date."""
    return int((now + timedelta(days=1)).timestamp())


def _outside(column: str, *, latest: str) -> str:
    return f"{column} NOT BETWEEN {int(EARLIEST.timestamp())} AND {latest}"


def currency_unknown(column: str) -> str:
    return f"coalesce({column}, '') NOT IN ({_list(CURRENCIES)})"


def _list(codes: object) -> str:
    return ", ".join(f"'{code}'" for code in sorted(codes))  # type: ignore[call-overload] # strings


# PostgreSQL's jsonb keeps no \u0000, and its texts no NUL: a row with one does not even get there
DUCKDB = Dialect(
    holds_nul=lambda text: f"contains({text}, chr(0))",
    is_no_object=lambda column: (
        f"CASE WHEN coalesce({column}, '{{}}') = '{{}}' THEN false WHEN json_valid({column})"
        f" THEN json_type({column}) <> 'OBJECT' OR contains({column}, '\\u0000') ELSE true END"
    ),
)
POSTGRESQL = Dialect(
    holds_nul=lambda text: "false",
    is_no_object=lambda column: (
        f"coalesce({column}, '{{}}') IS NOT JSON OBJECT OR position('\\u0000' IN {column}) > 0"
    ),
)


_ENTITIES = {
    "customers": _Entity(
        key=("external_id",),
        date="joined_at",
        rules=(),
        objects=("traits",),
        longest={
            "external_id": 200, "email": 320, "first_name": 200, "last_name": 200, "country": 100,
            "language": 20, "phone": 50, "traits": MAX_TEXT,
        },
    ),
    "products": _Entity(
        key=("external_id",),
        date=None,
        rules=(
            ("negative_amount", "price_cents < 0 OR cost_cents < 0"),
            ("amount_too_large", f"{too_large('price_cents')} OR {too_large('cost_cents')}"),
        ),
        longest={
            "external_id": 200, "name": 500, "category": 200, "brand": 200, "url": 2000,
            "image_url": 2000,
        },
    ),
    "orders": _Entity(
        key=("external_id",),
        date="placed_at",
        rules=(
            ("unknown_status", f"coalesce(status, '') NOT IN ({_list(OrderStatus.values)})"),
            ("unknown_currency", currency_unknown("currency")),
            ("missing_amount", "total_cents IS NULL"),
            ("negative_amount", "total_cents < 0 OR discount_cents < 0"),
            ("amount_too_large", f"{too_large('total_cents')} OR {too_large('discount_cents')}"),
        ),
        longest={"external_id": 200, "channel": 50},
    ),
    "order_lines": _Entity(
        key=("order_external_id", "line_number"),
        date=None,
        rules=(
            ("bad_line_number", f"line_number IS NULL OR line_number NOT BETWEEN 0 AND {2**31 - 1}"),
            ("missing_product", "coalesce(product_external_id, '') = ''"),
            ("bad_quantity", "quantity IS NULL"),
            ("negative_quantity", "quantity < 0"),
            ("quantity_too_large", f"quantity > {MAX_QUANTITY}"),
            ("missing_amount", "unit_price_cents IS NULL"),
            ("negative_amount", "unit_price_cents < 0 OR cost_cents < 0"),
            ("amount_too_large", f"{too_large('unit_price_cents')} OR {too_large('cost_cents')}"),
        ),
        longest={},
    ),
    "refunds": _Entity(
        key=("external_id",),
        date="refunded_at",
        rules=(
            ("missing_amount", "amount_cents IS NULL"),
            ("negative_amount", "amount_cents < 0"),
            ("amount_too_large", too_large("amount_cents")),
        ),
        longest={"external_id": 200, "reason": 200},
    ),
    "reviews": _Entity(
        key=("external_id",),
        date="written_at",
        rules=(
            ("bad_rating", "rating NOT BETWEEN 1 AND 5"),
            ("unknown_kind", f"kind NOT IN ({_list(ReviewKind.values)})"),
        ),
        longest={
            "external_id": 200, "title": 300, "text": MAX_TEXT, "language": 20, "origin": 100,
            "url": 2000,
        },
    ),
    "events": _Entity(
        key=("external_id",),
        date="happened_at",
        rules=(("unknown_kind", f"coalesce(kind, '') NOT IN ({_list(EventKind.values)})"),),
        objects=("properties",),
        longest={"external_id": 200, "properties": MAX_TEXT, "name": 200},
    ),
}  # fmt: skip


def check(entity: str, table: pa.Table, *, now: datetime) -> Checked:
    """
    Part the rows of one entity's table (a schema of `sources.base`) into accepted, refused, duplicates.

    The first rule that a row breaks is its reason. Of rows with one key the first stays; another is a
    duplicate when it says the same, else it is refused as `duplicate_id`.
    """
    rows = table.append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int64)))
    if not table.num_rows:
        nothing = pa.table({"row": pa.array([], pa.int64()), "reason": pa.array([], pa.string())})
        return Checked(accepted=rows, refused=nothing, duplicates=0)
    db = _database()
    try:
        db.register("input", rows)
        judge(db, entity, rows="input", columns=table.column_names, into="judged", now=now)
        out = db.sql("FROM judged ORDER BY row").to_arrow_table()
        db.execute("DROP TABLE judged")  # the connection stays: it should hold nobody's rows
        db.unregister("input")
    except BaseException:  # whatever it was, the connection may be of no more use
        _throw_away()
        raise
    is_copy = np.array(out["reason"].to_numpy() == "duplicate", dtype=bool)
    keep = np.ones(table.num_rows, dtype=bool)
    keep[out["row"].to_numpy()] = False
    return Checked(
        accepted=rows.filter(pa.array(keep)) if len(is_copy) else rows,
        refused=out.filter(pa.array(~is_copy)),
        duplicates=int(is_copy.sum()),
    )


_opened = threading.local()


def _database() -> duckdb.DuckDBPyConnection:
    """One a thread and process, kept: opening one takes longer than to judge what a lone request says."""
    by_process: dict[int, duckdb.DuckDBPyConnection] = _opened.__dict__.setdefault("dbs", {})
    process = os.getpid()
    if (
        process not in by_process
    ):  # that of a parent stays where it is: its threads are not here to end
        by_process[process] = duckdb.connect()
    return by_process[process]


def _throw_away() -> None:
    """Let the next check open a database of its own; closing a broken one must not hide why it broke."""
    db = _opened.dbs.pop(os.getpid())
    with suppress(Exception):
        db.close()


def judge(
    db: duckdb.DuckDBPyConnection,
    entity: str,
    *,
    rows: str,
    columns: Sequence[str],
    into: str,
    now: datetime,
) -> None:
    """
    Make the table `into` (row, reason) of the rows of the relation `rows` that are not accepted.

    `rows` has the entity's `columns` and `row`. Reason `duplicate`: it says what an earlier row says.
    """
    broken = first_broken(entity, latest=str(latest(now)), dialect=DUCKDB)
    key = ", ".join(_ENTITIES[entity].key)
    said = ", ".join(columns)
    (count,) = db.execute(f"SELECT count(*) FROM {rows}").fetchall()[0]
    among = ""
    if count > _MANY:
        db.register("maybe_twice", repeated.maybe_twice(db, hashed=f"hash({key})", of=rows))
        among = f"WHERE hash({key}) IN (FROM maybe_twice)"
    db.execute(f"""
        CREATE OR REPLACE TABLE {into} AS
            SELECT row, reason FROM (SELECT row, {broken} AS reason FROM {rows})
            WHERE reason IS NOT NULL;
        INSERT INTO {into}
            SELECT row, CASE WHEN said = first_said THEN 'duplicate' ELSE 'duplicate_id' END AS reason
            FROM (
                SELECT row, hash({said}) AS said, first_value(hash({said})) OVER copies AS first_said,
                       row_number() OVER copies AS copy
                FROM {rows} ANTI JOIN {into} USING (row)
                -- a window over every row costs ten times the search for the few keys that repeat
                WHERE hash({key}) IN (SELECT hash({key}) FROM {rows} {among}
                                      GROUP BY ALL HAVING count(*) > 1)
                WINDOW copies AS (PARTITION BY {key} ORDER BY row)
            ) WHERE copy > 1;
        """)
    if among:
        db.unregister("maybe_twice")


def first_broken(entity: str, *, latest: str, dialect: Dialect) -> str:
    """SQL: the reason of the first rule that a row breaks, or NULL. `latest`: SQL of quality.latest()."""
    rules = _rules(entity, latest=latest, dialect=dialect)
    cases = "\n".join(f"WHEN {test} THEN '{reason}'" for reason, test in rules)
    return f"CASE {cases} END"


def key(entity: str) -> tuple[str, ...]:
    """The columns by which two rows of one batch are the same thing."""
    return _ENTITIES[entity].key


def _rules(entity: str, *, latest: str, dialect: Dialect) -> list[tuple[str, str]]:
    law = _ENTITIES[entity]
    rules = [("missing_id", f"coalesce({law.key[0]}, '') = ''")]
    texts = [
        f"coalesce({field.name}, '')" for field in SCHEMAS[entity] if field.type == pa.string()
    ]
    rules.append(("nul_byte", dialect.holds_nul(" || ".join(texts))))
    if law.longest:
        longest = " OR ".join(
            f"length({column}) > {limit}" for column, limit in law.longest.items()
        )
        rules.append(("text_too_long", longest))
    if law.date:
        rules.append(("bad_date", f"{law.date} IS NULL"))
        rules.append(("absurd_date", _outside(law.date, latest=latest)))
    if "changed_at" in SCHEMAS[entity].names:  # one in the future would make every later word old
        rules.append(("absurd_date", _outside("changed_at", latest=latest)))
    rules += law.rules
    return [*rules, *(("bad_properties", dialect.is_no_object(column)) for column in law.objects)]
