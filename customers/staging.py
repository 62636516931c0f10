"""Arrow tables into temporary PostgreSQL tables by COPY: the one bulk way into the database."""

from __future__ import annotations

from collections.abc import Callable
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
    columns = ", ".join(f'"{field.name}" {_sql_type(field.type)}' for field in table.schema)
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
    options = pc.WriteOptions(include_header=False, quoting_style="needed")
    rows = 0
    parts = table.to_batches(max_chunksize=_PORTION) if isinstance(table, pa.Table) else iter(table)
    with cursor.copy(f"COPY {into} ({columns}) FROM STDIN (FORMAT csv)") as stream:
        for part in parts:
            text = pa.BufferOutputStream()
            pc.write_csv(part, text, options)
            stream.write(text.getvalue().to_pybytes())
            rows += part.num_rows
            if told:
                told(rows)
    return rows


def _sql_type(kind: pa.DataType) -> str:
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
