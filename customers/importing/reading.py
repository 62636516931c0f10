"""A file into the table `lines`, and what is no row into `refused`. Constant memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from customers.importing.dialect import Dialect
from customers.importing.records import portions, whole_line
from customers.refusals import REFUSED
from customers.sources.base import SourceError
from customers.sources.layouts import LINE, WHOLE, quoted


_BUFFER = 1 << 16  # bytes read ahead of each column of a wide Parquet file
_ROWS = 256  # of one at a time
Told = Callable[[int, int], None]
"""Called with what is done and what there is in all, of bytes."""


def read(db: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect, *, told: Told) -> int:
    """Make `lines` and `unreadable` (line_number, reason, raw); returns how many lines there are in both."""
    db.execute(
        "CREATE OR REPLACE TABLE unreadable (line_number BIGINT, reason VARCHAR, raw VARCHAR)"
    )
    if dialect.is_parquet:
        _parquet(db, path, dialect)
    else:
        _text(db, path, dialect, told=told)
        pa.default_memory_pool().release_unused()
    (lines,) = db.execute(
        "SELECT (SELECT count(*) FROM lines) + (SELECT count(*) FROM unreadable)"
    ).fetchall()[0]
    if not lines:
        raise SourceError(f"{path.name} has a header and no lines below it. Export it again.")
    return int(lines)


def _text(db: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect, *, told: Told) -> None:
    """
    One statement draws all portions through itself: only then DuckDB writes them to disk as they come.

    What is refused meanwhile waits in a file of its own.
    """
    total = path.stat().st_size
    columns = ", ".join(f"{quoted(name)} VARCHAR" for name in dialect.stored)
    db.execute(f"CREATE OR REPLACE TABLE lines ({columns}, {LINE} BIGINT)")
    (place,) = db.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchall()[0]
    with TemporaryFile(dir=Path(place).parent if place else None) as waiting:
        with pa.ipc.new_stream(waiting, REFUSED) as refused:

            def rows() -> Iterator[pa.RecordBatch]:
                for portion in portions(path, dialect):
                    if portion.refused.num_rows:
                        refused.write_table(portion.refused)
                    told(min(portion.position, total), total)
                    yield from portion.rows.to_batches()

            schema = pa.schema(
                [*((name, pa.string()) for name in dialect.stored), (LINE, pa.int64())]
            )
            _insert(db, "lines", pa.RecordBatchReader.from_batches(schema, rows()))
        waiting.seek(0)
        _insert(db, "unreadable", pa.ipc.open_stream(waiting))


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: pa.RecordBatchReader) -> None:
    db.register("portions", rows)
    db.execute(f"INSERT INTO {table} SELECT * FROM portions")
    db.unregister("portions")


def _parquet(db: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect) -> None:
    try:
        if dialect.kept:
            file = db.from_arrow(_narrow_parquet(path, dialect))
        else:
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


def _narrow_parquet(path: Path, dialect: Dialect) -> pa.RecordBatchReader:
    """What `narrowed` keeps, and file_row_number; the whole line is an object of JSON."""
    # DuckDB reads the old timestamps of Spark in microseconds too; in nanoseconds years beyond 2262 come round again
    file = ParquetFile(path, buffer_size=_BUFFER, coerce_int96_timestamp_unit="us")
    kept = pa.schema([file.schema_arrow.field(name) for name in dialect.kept])

    def rows() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in file.iter_batches(_ROWS):
            said = (json.dumps(row, default=str, ensure_ascii=False) for row in batch.to_pylist())
            whole = pa.array(map(whole_line, said), pa.string())
            numbers = np.arange(first, first + batch.num_rows, dtype=np.int64)
            first += batch.num_rows
            yield pa.record_batch(
                [*(batch[name] for name in dialect.kept), whole, pa.array(numbers)],
                names=[*dialect.kept, WHOLE, "file_row_number"],
            )

    told = pa.schema([*kept, (WHOLE, pa.string()), ("file_row_number", pa.int64())])
    return pa.RecordBatchReader.from_batches(told, rows())


def _is_nested(kind: str) -> bool:
    return kind == "BLOB" or kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
