"""What a layout made of a file, checked by SQL on the same file: which rows are refused, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import duckdb

from customers import ingest, quality, reports
from customers.sources import demonstration
from customers.sources.base import OPTIONAL, REQUIRED, SCHEMAS, SourceError
from customers.sources.layouts import FileLayout, Translation, kinds


_TYPES = {"int64": "BIGINT", "string": "VARCHAR", "bool": "BOOLEAN"}


def translate(
    db: duckdb.DuckDBPyConnection,
    layout: FileLayout,
    *,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    lines: int,
    now: datetime,
) -> dict[str, Any]:
    """
    Make the entities' tables and `refused`; returns the Translation as a dict.

    Raises SourceError when the file does not suit, RuntimeError when the layout lost lines.
    """
    for entity in SCHEMAS:
        db.execute(f"DROP TABLE IF EXISTS {entity}")
    db.execute("CREATE OR REPLACE TABLE refused AS FROM unreadable")
    told = layout.translate(db, columns=columns, settings=settings, now=now)
    notes = list(told.notes)
    if settings.get("demonstration") and "customers" in tables(db):
        notes.append(demonstration.add_consents(db))
    for entity in tables(db):
        _complete(db, entity, with_line=entity in told.line_entities)
    _balance(db, told, lines=lines)
    return {**asdict(told), "notes": notes}


def tables(db: duckdb.DuckDBPyConnection) -> list[str]:
    """The entities that the file has rows of, in the order in which they refer to one another."""
    there = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    return [
        entity
        for entity in SCHEMAS
        if entity in there and db.execute(f"SELECT 1 FROM {entity} LIMIT 1").fetchall()
    ]


def _complete(db: duckdb.DuckDBPyConnection, entity: str, *, with_line: bool) -> None:
    """Give a table the columns that it may leave out, and the types that all have."""
    found = kinds(db, entity)
    missing = [name for name in REQUIRED[entity].names if name not in found]
    if missing or (with_line and "file_line" not in found):
        raise SourceError(f"The layout gives no {', '.join(missing) or 'file_line'} for {entity}.")
    for column in OPTIONAL.get(entity, ()):
        if column.name not in found:
            db.execute(f"ALTER TABLE {entity} ADD COLUMN {column.name} {_TYPES[str(column.type)]}")
    for column in SCHEMAS[entity]:
        wanted = _TYPES[str(column.type)]
        if found.get(column.name, wanted) != wanted:
            db.execute(f"ALTER TABLE {entity} ALTER {column.name} TYPE {wanted}")


def _balance(db: duckdb.DuckDBPyConnection, told: Translation, *, lines: int) -> None:
    there = tables(db)
    parts = {
        name: db.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        for name in ("refused", *told.line_entities)
        if name == "refused" or name in there
    }
    if sum(parts.values()) + told.duplicates != lines:
        raise RuntimeError(
            f"The layout lost lines: {lines} are not {parts} and {told.duplicates} duplicates."
        )


def check(db: duckdb.DuckDBPyConnection, *, now: datetime) -> dict[str, Any]:
    """
    Make `judged_<entity>` (row, reason) of the rows that are not accepted, and `margins` (row, margin).

    Returns entity to {rows, duplicates, rejected, quality}. `row` is the table's rowid.
    """
    found: dict[str, Any] = {}
    there = tables(db)
    for entity in there:
        rows = f"rows_of_{entity}"
        db.execute(f"CREATE OR REPLACE TEMP VIEW {rows} AS SELECT rowid AS row, * FROM {entity}")
        into = f"judged_{entity}"
        quality.judge(db, entity, rows=rows, columns=SCHEMAS[entity].names, into=into, now=now)
        reasons = dict(
            db.execute(f"SELECT reason, count(*) FROM {into} GROUP BY 1 ORDER BY 1").fetchall()
        )
        (count,) = db.execute(f"SELECT count(*) FROM {entity}").fetchall()[0]
        found[entity] = {
            "rows": count,
            "duplicates": reasons.pop("duplicate", 0),
            "rejected": reasons,
            "quality": reports.profile_of(db, entity, rows=entity),
        }
    if "orders" in there:
        _margins(db, has_lines="order_lines" in there)
    return found


def _margins(db: duckdb.DuckDBPyConnection, *, has_lines: bool) -> None:
    if not has_lines:
        db.execute(
            "CREATE TABLE IF NOT EXISTS order_lines"
            " (order_external_id VARCHAR, quantity BIGINT, cost_cents BIGINT)"
        )
    sql = ingest.margins().replace("FROM orders", "FROM rows_of_orders")
    db.execute(f"CREATE OR REPLACE TABLE margins AS {sql}")
    if not has_lines:
        db.execute("DROP TABLE order_lines")
