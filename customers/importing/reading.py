"""A file into the table `lines`, and what is no row into `refused`. Constant memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa

from customers.importing.dialect import Dialect
from customers.importing.records import portions
from customers.sources.base import SourceError
from customers.sources.layouts import LINE, quoted


Told = Callable[[int, int], None]
"""Called with what is done and what there is in all, of bytes."""


def read(db: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect, *, told: Told) -> int:
    """Make `lines` and `unreadable` (line_number, reason, raw); returns how many lines there are in both."""
    total = path.stat().st_size
    db.execute(
        "CREATE OR REPLACE TABLE unreadable (line_number BIGINT, reason VARCHAR, raw VARCHAR)"
    )
    if dialect.is_parquet:
        _parquet(db, path)
    else:
        columns = ", ".join(f"{quoted(name)} VARCHAR" for name in dialect.columns)
        db.execute(f"CREATE OR REPLACE TABLE lines ({columns}, {LINE} BIGINT)")
        for portion in portions(path, dialect):
            _insert(db, "lines", portion.rows)
            _insert(db, "unreadable", portion.refused)
            told(min(portion.position, total), total)
    (lines,) = db.execute(
        "SELECT (SELECT count(*) FROM lines) + (SELECT count(*) FROM unreadable)"
    ).fetchall()[0]
    if not lines:
        raise SourceError(f"{path.name} has a header and no lines below it. Export it again.")
    return int(lines)


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    if rows.num_rows:
        db.register("portion", rows)
        db.execute(f"INSERT INTO {table} SELECT * FROM portion")
        db.unregister("portion")


def _parquet(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        file = db.read_parquet(str(path), file_row_number=True)
        # what is no plain value is kept as text
        columns = ", ".join(
            f"{quoted(name)}::VARCHAR AS {quoted(name)}" if _is_nested(str(kind)) else quoted(name)
            for name, kind in zip(file.columns, file.types, strict=True)
            if name != "file_row_number"
        )
        db.execute("DROP TABLE IF EXISTS lines")
        file.project(f"{columns}, file_row_number + 1 AS {LINE}").create("lines")
    except duckdb.Error as error:
        words = str(error).splitlines()[0]
        raise SourceError(
            f"{path.name} is a damaged Parquet file: {words}. Export it again."
        ) from error


def _is_nested(kind: str) -> bool:
    return kind == "BLOB" or kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
