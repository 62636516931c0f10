"""Arrow tables into temporary PostgreSQL tables by COPY: the one bulk way into the database."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.csv as pc


_PORTION = 100_000  # rows in one write: some 10 MB of text at a time, never the whole table twice


def stage(cursor: Any, *, name: str, table: pa.Table) -> None:
    """
    Fill the temporary table `name` with `table`; it is gone when the transaction ends.

    Columns keep their names; types follow Arrow's. CSV tells NULL (nothing) from the empty string
    (quoted). Text must hold no NUL byte: PostgreSQL raises DataError.
    """
    columns = ", ".join(f'"{field.name}" {_sql_type(field.type)}' for field in table.schema)
    cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
    cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP")
    options = pc.WriteOptions(include_header=False, quoting_style="needed")
    with cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
        for start in range(0, table.num_rows, _PORTION):
            text = pa.BufferOutputStream()
            pc.write_csv(table.slice(start, _PORTION), text, options)
            copy.write(text.getvalue().to_pybytes())
    # the planner knows nothing of a temporary table, and autovacuum never visits one
    cursor.execute(f"ANALYZE {name}")


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
