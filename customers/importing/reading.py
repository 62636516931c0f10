"""A file into the table `lines`, and what is no row into `refused`. Constant memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa

from customers.importing.dialect import LONGEST_LINE, Dialect
from customers.importing.physical_lines import BLOCK
from customers.importing.records import BAD_SIGNS, portions
from customers.sources.base import SourceError
from customers.sources.layouts import LINE, quoted


Told = Callable[[int, int], None]
"""Called with what is done and what there is in all, of bytes."""


def read(db: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect, *, told: Told) -> int:
    """Make `lines` and `unreadable` (line_number, reason, raw); returns how many lines there are in both."""
    total = path.stat().st_size
    is_plain = not dialect.is_parquet and _plain(db, path, dialect)
    db.execute("CREATE OR REPLACE TABLE unreadable (line_number BIGINT, reason VARCHAR, raw VARCHAR)")
    if dialect.is_parquet:
        _parquet(db, path)
    elif not is_plain:
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


def _plain(db: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect) -> bool:
    """
    Let DuckDB read a file of which every line is a good row, on all processors; False for any other file.

    It cannot say which line a row came from. But when there are as many rows as lines, in the file's
    order, then each row is its line; anything odd makes one row less, or an error.
    """
    lines = _plain_lines(path, dialect)
    if not lines:
        return False
    names = ", ".join(_literal(name) for name in dialect.columns)
    types = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in dialect.columns)
    try:
        db.execute(f"""
            CREATE OR REPLACE TABLE lines AS SELECT *, row_number() OVER () + 1 AS {LINE} FROM read_csv(
                {_literal(str(path))}, delim = {_literal(dialect.delimiter)}, quote = '"', escape = '"',
                header = false, skip = 1, auto_detect = false, columns = {{{types}}},
                force_not_null = [{names}], max_line_size = {LONGEST_LINE}, buffer_size = {4 * LONGEST_LINE},
                null_padding = false, strict_mode = true)
        """)
        first, second = (quoted(name) for name in dialect.columns[:2])
        blank = " AND ".join(f"trim({quoted(name)}) = ''" for name in dialect.columns)
        rows, blanks = db.execute(
            f"SELECT count(*), count(*) FILTER ({first} = '' AND {second} = '' AND {blank}) FROM lines"
        ).fetchall()[0]
    except duckdb.Error:
        _begin_anew(db)
        return False
    return bool(rows == lines and not blanks)


def _begin_anew(db: duckdb.DuckDBPyConnection) -> None:
    """An error ends the transaction that a phase has begun."""
    try:
        db.execute("ROLLBACK")
    except duckdb.TransactionException:  # there was none
        return
    db.execute("BEGIN")


def _plain_lines(path: Path, dialect: Dialect) -> int:
    """How many lines are below the header, 0 when one of them is odd at first sight."""
    if dialect.encoding not in {"utf-8", "utf-8-sig", "ascii"}:
        return 0
    ends = returns = pairs = 0
    last = b"\n"
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if b"\0" in block or any(sign in block for sign in BAD_SIGNS):
                return 0
            ends += block.count(b"\n")
            returns += block.count(b"\r")
            pairs += block.count(b"\r\n") + (last == b"\r" and block.startswith(b"\n"))
            last = block[-1:]
    # the last line may have no end, and the first is the header
    return 0 if returns != pairs else ends + (last != b"\n") - 1


def _literal(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


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
