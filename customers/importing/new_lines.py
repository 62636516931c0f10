"""The lines of orders that are all new: nothing can be there already, so they go straight into their table.

Most of an import is lines. The numbers of orders and products come over to DuckDB, which finds what refers
to nothing, and one COPY writes the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pc

from customers.ingest import Origin
from customers.reports import Counts
from customers.sources.base import SCHEMAS
from customers.staging import copy
from customers.upserts import UPSERTS


Keep = Callable[[Any, str, pa.RecordBatchReader, Origin], None]
PORTION = 50_000


def write(
    cursor: Any,
    db: duckdb.DuckDBPyConnection,
    checked: Mapping[str, Any],
    *,
    has_line: bool,
    origin: Origin,
    keep: Keep,
    tick: Callable[[int], None],
) -> Counts:
    """Write `order_lines`; its counts. The file's orders must have been written, all of them new."""
    counts = Counts(rows=checked["rows"])
    counts.rejected.update(checked["rejected"])
    _numbers(cursor, db, "order", origin)
    _numbers(cursor, db, "product", origin)
    db.execute("""
        CREATE OR REPLACE TEMP VIEW judged_lines AS
        SELECT l.*, l.rowid AS place, o.id AS order_id, p.id AS product_id,
               coalesce(j.reason, CASE WHEN o.id IS NULL THEN 'unknown_order'
                                       WHEN p.id IS NULL THEN 'unknown_product' END) AS reason
        FROM order_lines l LEFT JOIN judged_order_lines j ON j.row = l.rowid
             LEFT JOIN order_numbers o ON o.external_id = l.order_external_id
             LEFT JOIN product_numbers p ON p.external_id = l.product_external_id
    """)
    known = {reference.reason for reference in UPSERTS["order_lines"].references}
    for reason, count in db.execute(
        "SELECT reason, count(*) FROM judged_lines WHERE reason IS NOT NULL GROUP BY 1"
    ).fetchall():
        if reason in known:
            counts.rejected[reason] += count
    if counts.rejected:
        line = "file_line" if has_line else "NULL::BIGINT"
        said = ", ".join(SCHEMAS["order_lines"].names)
        keep(
            cursor,
            "order_lines",
            _stream(
                db,
                f"SELECT {line} AS line_number, reason, to_json(struct_pack({said}))::VARCHAR AS raw"
                " FROM judged_lines WHERE reason <> 'duplicate' ORDER BY place",
            ),
            origin,
        )
    number = "NULL::BIGINT" if origin.import_id is None else str(int(origin.import_id))
    counts.inserted = copy(
        cursor,
        into="customers_orderline",
        table=_stream(
            db,
            "SELECT order_id, line_number, product_id, quantity, unit_price_cents, cost_cents,"
            f" {number} AS created_by_import FROM judged_lines WHERE reason IS NULL",
        ),
        told=tick,
    )
    counts.duplicates = counts.rows - counts.accepted - counts.rejected.total()
    return counts


def _numbers(cursor: Any, db: duckdb.DuckDBPyConnection, what: str, origin: Origin) -> None:
    """Table `<what>_numbers` (external_id, id) of this import's orders, or of the source's products."""
    only = f" AND created_by_import = {int(origin.import_id or 0)}" if what == "order" else ""
    db.execute(f"CREATE OR REPLACE TEMP TABLE {what}_numbers (external_id VARCHAR, id BIGINT)")
    with cursor.copy(
        f"COPY (SELECT external_id, id FROM customers_{what}"
        f" WHERE source_id = {int(origin.source_id)}{only}) TO STDOUT (FORMAT csv, FORCE_QUOTE (external_id))"
    ) as out:
        pending: list[bytes] = []
        size = 0
        for chunk in out:
            pending.append(bytes(chunk))
            size += len(pending[-1])
            if size > 1 << 20:  # a chunk of COPY is one row
                _append(db, what, b"".join(pending))
                pending, size = [], 0
        _append(db, what, b"".join(pending))


def _append(db: duckdb.DuckDBPyConnection, what: str, text: bytes) -> None:
    if not text:
        return
    rows = pc.read_csv(
        pa.BufferReader(text),
        read_options=pc.ReadOptions(column_names=["external_id", "id"], use_threads=False),
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types={"external_id": pa.string(), "id": pa.int64()}, strings_can_be_null=False
        ),
    )
    db.register("portion", rows)
    db.execute(f"INSERT INTO {what}_numbers SELECT * FROM portion")
    db.unregister("portion")


def _stream(db: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader:
    return db.sql(sql).to_arrow_reader(PORTION)
