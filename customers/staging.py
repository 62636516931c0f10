"""Arrow tables into temporary PostgreSQL tables by COPY: the one bulk way into the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc


_PORTION = 100_000  # rows in one write: some 10 MB of text at a time, never the whole table twice


def stage(
    cursor: Any,
    *,
    name: str,
    table: pa.Table | pa.RecordBatchReader,
    told: Callable[[int], None] | None = None,
) -> int:
    """
    Fill the temporary table `name` with `table`; it is gone when the transaction ends. Returns the rows.

    Columns keep their names; types follow Arrow's. CSV tells NULL (nothing) from the empty string
    (quoted). Text must hold no NUL byte: PostgreSQL raises DataError. A reader is consumed in constant
    memory. told: called with the rows written so far.
    """
    columns = ", ".join(f'"{field.name}" {sql_type(field.type)}' for field in table.schema)
    cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
    cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP")
    rows = copy(cursor, into=name, table=table, told=told)
    # the planner knows nothing of a temporary table, and autovacuum never visits one
    cursor.execute(f"ANALYZE {name}")
    return rows


def copy(
    cursor: Any,
    *,
    into: str,
    table: pa.Table | pa.RecordBatchReader,
    told: Callable[[int], None] | None = None,
) -> int:
    """Append the rows to the table `into`, column by name; returns how many."""
    columns = ", ".join(f'"{name}"' for name in table.schema.names)
    rows = 0
    parts = table.to_batches(max_chunksize=_PORTION) if isinstance(table, pa.Table) else iter(table)
    statement = f"COPY {into} ({columns}) FROM STDIN (FORMAT csv)"
    texts = map(_csv, parts) if isinstance(table, pa.Table) else _ahead(map(_csv, parts))
    with cursor.copy(statement) as stream:
        for text, count in texts:
            stream.write(text)
            rows += count
            if told:
                told(rows)
    return rows


def _csv(part: pa.RecordBatch) -> tuple[bytes, int]:
    text = pa.BufferOutputStream()
    pc.write_csv(part, text, pc.WriteOptions(include_header=False, quoting_style="needed"))
    return text.getvalue().to_pybytes(), part.num_rows


def _ahead(made: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """The same, each made by a thread while the one before is written: reader and database work at once."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, made, None)
        while (found := waiting.result()) is not None:
            waiting = pool.submit(next, made, None)
            yield found


def sql_type(kind: pa.DataType) -> str:
    """Of a column of a temporary table. Raises TypeError for kinds that no table here has."""
    if pa.types.is_integer(kind):
        return "bigint"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_floating(kind):
        return "double precision"
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    raise TypeError(f"no staging for {kind}")
