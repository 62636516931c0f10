"""The only way in for shop data: check, stage by COPY, upsert set by set, in one transaction.

What is little is not staged: `few` puts the same rules and statements together with the rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from django.db import connection, transaction

from core import ids
from customers import few, quality, reports, turns
from customers.enums import ImportStatus
from customers.events import announce_writing
from customers.models import Import, RejectedRow, Source
from customers.refusals import KEPT, REFUSED
from customers.reports import Counts, IngestReport
from customers.sources.base import ShopBatch
from customers.staging import stage
from customers.upserts import TABLES, UPSERTS


Progress = Callable[[str, int, int], None]
"""Called with what is being done, rows done and rows in all."""

# what an upsert returns of rows that may have been there before; the ledger's never were
_RETURNING = re.compile(r"RETURNING (xmax = 0 AS is_new|false AS is_new)")
_MUCH = 5_000  # accepted rows of a table after which its statistics are taken anew


def load(
    batch: ShopBatch,
    *,
    source: Source,
    now: datetime,
    arrived_at: datetime | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """
    Bring a batch into the tables, all of it or nothing, and account for every row.

    arrived_at: when we learned of the rows; None gives each row its own time, which keeps point-in-time
    features useful over an imported history. Imports of one source wait for each other. On an error
    nothing is imported, the Import row says so, and the error is raised. Consent is never touched, except
    that events of consent are added to the ledger once. Files come in through `importing`.
    """
    row = Import.objects.create(source=source, started_at=now)
    try:
        with transaction.atomic():
            report = _load(batch, row, now=now, arrived_at=arrived_at, progress=progress)
            finish(row, report, now=now)
    except Exception as error:
        Import.objects.filter(pk=row.pk).update(
            status=ImportStatus.FAILED, finished_at=now, error=str(error)[:2000]
        )
        raise
    refresh_statistics(report)
    return report


def refresh_statistics(report: IngestReport) -> None:
    """
    After much has come in, tell the planner; autovacuum may take minutes to notice.

    Without, a count over half a million fresh lines and their orders did not end within 90 s.
    """
    changed = [name for name, counts in report.entities.items() if counts.accepted >= _MUCH]
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(TABLES[name] for name in changed)}")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """
    Where rows come from: what the tables remember of it, and who keeps the rows that are refused.

    keep_refused: called with the cursor, the entity and a table of schema REFUSED. line_numbers: entity
    to the line (or item) number of each of its rows. import_id: the import that an undo would name.
    whole_orders: an order comes with all its lines, so those it no longer names are gone; not so for
    files, which may tell a part of an order.
    """

    source_id: int
    keep_refused: Callable[[Any, str, pa.Table], None]
    arrived_at: datetime | None = None
    line_numbers: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    import_id: int | None = None
    whole_orders: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the statements in `upserts`."""
        return {
            "source": self.source_id,
            "arrived": self.arrived_at,
            "import": self.import_id,
            "whole_orders": self.whole_orders,
        }


def _load(
    batch: ShopBatch,
    row: Import,
    *,
    now: datetime,
    arrived_at: datetime | None,
    progress: Progress | None,
) -> IngestReport:
    def keep_refused(cursor: Any, entity: str, refused: pa.Table) -> None:
        keep(cursor, refused, entity=entity, import_id=row.pk)

    origin = Origin(
        source_id=row.source_id,
        keep_refused=keep_refused,
        arrived_at=arrived_at,
        import_id=row.pk,
    )
    with connection.cursor() as cursor:
        entities = take_in(cursor, batch, origin=origin, now=now, progress=progress)
    found = {entity: reports.profile(entity, table) for entity, table in batch.tables()}
    if progress:
        progress("committing", batch.rows, batch.rows)
    whole = Counts.total(entities.values())
    return IngestReport(
        import_id=row.pk,
        lines=whole.rows,
        accepted=whole.accepted,
        duplicates=whole.duplicates,
        rejected=dict(sorted(whole.rejected.items())),
        entities=entities,
        quality={entity: profile for entity, profile in found.items() if profile},
        value={},
        notes=(),
    )


def take_in(
    cursor: Any,
    batch: ShopBatch,
    *,
    origin: Origin,
    now: datetime,
    progress: Progress | None = None,
) -> dict[str, Counts]:
    """
    Check a batch and write it, in the caller's transaction: entity to its counts, which add up.

    Writers of one source wait for each other until the transaction ends. Raises nothing for bad rows:
    they are refused, with their reason.
    """
    lock(cursor, source_id=origin.source_id)
    at_once = None
    if origin.import_id is None and few.suits(batch):
        at_once = few.Few(source_id=origin.source_id, arrived_at=origin.arrived_at,
                          whole_orders=origin.whole_orders, now=now)  # fmt: skip
    done, entities = 0, {}
    for entity, table in batch.tables():
        if progress:
            progress(entity.replace("_", " "), done, batch.rows)
        if at_once is not None:
            entities[entity] = _at_once(cursor, entity, batch, at_once, origin=origin)
        else:
            prepared = _PREPARE.get(entity, _as_it_is)(table, batch)
            entities[entity] = _upsert(cursor, entity, prepared, origin=origin, now=now)
        done += table.num_rows
    return entities


def lock(cursor: Any, *, source_id: int) -> None:
    """Wait until no other transaction writes this source's data; held until the transaction ends."""
    turns.wait(cursor, source_id)


def _upsert(cursor: Any, entity: str, table: pa.Table, *, origin: Origin, now: datetime) -> Counts:
    counts = Counts(rows=table.num_rows)
    upsert, name = UPSERTS[entity], f"staged_{entity}"
    if not table.num_rows and not upsert.read_later:
        return counts
    checked = quality.check(entity, table, now=now)
    counts.duplicates = checked.duplicates
    stage(cursor, name=name, table=checked.accepted)
    lines = origin.line_numbers.get(entity)
    refused = [checked.refused, *_dangling(cursor, entity, origin.parameters)]
    for part in refused:
        counts.rejected.update(part["reason"].to_pylist())
        origin.keep_refused(cursor, entity, _with_raw(part, table, lines))
    counts.inserted, counts.updated = write(cursor, entity, origin=origin)
    counts.duplicates = counts.rows - counts.accepted - counts.rejected.total()
    return counts


def _at_once(cursor: Any, entity: str, batch: ShopBatch, way: few.Few, *, origin: Origin) -> Counts:
    """As `_upsert`, of a batch that is little."""
    told: pa.Table = getattr(batch, entity)
    counts = Counts(rows=told.num_rows)
    if not told.num_rows:
        return counts
    table = _PREPARE.get(entity, _as_it_is)(told, batch)
    if entity == "events":
        announce_writing(cursor)
    written = way.write(entity, table)
    counts.inserted, counts.updated = written.inserted, written.updated
    if written.refused:
        rows, reasons = zip(*written.refused, strict=True)
        refused = pa.table({"row": pa.array(rows, pa.int64()), "reason": list(reasons)})
        counts.rejected.update(reasons)
        lines = origin.line_numbers.get(entity)
        origin.keep_refused(cursor, entity, _with_raw(refused, table, lines))
    counts.duplicates = counts.rows - counts.accepted - counts.rejected.total()
    return counts


def write(cursor: Any, entity: str, *, origin: Origin) -> tuple[int, int]:
    """Write what is staged of an entity; returns how many rows are new and how many were changed."""
    if entity == "events":
        announce_writing(cursor)
    inserted = updated = 0
    for statement in UPSERTS[entity].to_execute(whole_orders=origin.whole_orders):
        cursor.execute(_counting(statement, entity, origin), origin.parameters)
        new, changed = cursor.fetchone()
        inserted, updated = inserted + new, updated + changed
    return inserted, updated


def _counting(statement: str, entity: str, origin: Origin) -> str:
    """
    The statement with its rows counted and, of an import that can be undone, what changed rows said before.

    All parts of one statement see the tables as they were when it began, so the second part reads the
    changed rows with their old words.
    """
    count = (
        " SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written"
    )
    marked = _RETURNING.sub(r"RETURNING old.id, \1", statement)
    if origin.import_id is None or marked == statement:
        return f"WITH written AS ({statement}){count}"
    return f"""
        WITH written AS ({marked}), kept AS (
            INSERT INTO customers_importchange (source_import_id, entity, row_id, before)
            SELECT %(import)s, '{entity}', said.id,
                   to_jsonb(said) || jsonb_build_object('_xmin', said.xmin::text)
            FROM {TABLES[entity]} said JOIN written ON written.id = said.id
            WHERE NOT written.is_new
        ){count}
    """


def _dangling(cursor: Any, entity: str, parameters: dict[str, Any]) -> list[pa.Table]:
    """Take the rows whose references lead nowhere out of the staged table."""
    found = []
    for reference in UPSERTS[entity].references:
        cursor.execute(
            f"""
            DELETE FROM staged_{entity} gone USING (
                SELECT s.row FROM staged_{entity} s {reference.join} WHERE {reference.broken}
            ) broken WHERE gone.row = broken.row RETURNING gone.row
            """,
            parameters,
        )
        rows = [number for (number,) in cursor.fetchall()]
        found.append(
            pa.table({"row": pa.array(rows, pa.int64()), "reason": [reference.reason] * len(rows)})
        )
    return found


def _with_raw(
    refused: pa.Table, table: pa.Table, lines: np.ndarray[Any, np.dtype[np.int64]] | None
) -> pa.Table:
    """Schema REFUSED, with the rows themselves as JSON."""
    rows = refused["row"].to_numpy()
    raw = [json.dumps(entry, ensure_ascii=False) for entry in table.take(rows).to_pylist()]
    numbers = None if lines is None else lines[rows]
    return pa.table(
        {
            "line_number": pa.nulls(len(rows), pa.int64()) if numbers is None else numbers,
            "reason": refused["reason"],
            "raw": pa.array(raw, pa.string()),
        },
        schema=REFUSED,
    )


def keep(
    cursor: Any,
    refused: pa.Table,
    *,
    entity: str,
    import_id: int | None = None,
    inbound_id: int | None = None,
) -> None:
    """Write rows of schema REFUSED to RejectedRow, of a file's import or of an inbound request."""
    if not refused.num_rows:
        return
    # PostgreSQL keeps no NUL: show the sign for it
    raw = [text.replace("\0", "␀")[:KEPT] for text in refused["raw"].to_pylist()]
    stage(
        cursor,
        name="staged_refused",
        table=refused.set_column(2, "raw", pa.array(raw, pa.string())),
    )
    cursor.execute(
        f"INSERT INTO {RejectedRow._meta.db_table}"
        " (source_import_id, inbound_id, entity, line_number, reason, raw)"
        " SELECT %s, %s, %s, line_number, reason, raw FROM staged_refused ORDER BY line_number",
        [import_id, inbound_id, entity],
    )


def finish(row: Import, report: IngestReport, *, now: datetime) -> None:
    """The last word about an import, in the transaction that wrote its rows."""
    row.status, row.finished_at = ImportStatus.FINISHED, now
    row.lines, row.accepted, row.duplicates = report.lines, report.accepted, report.duplicates
    row.rejected, row.report = sum(report.rejected.values()), report.as_dict()
    row.save()
    with connection.cursor() as cursor:
        # by the number of its transaction an undoing knows which rows nobody changed since
        cursor.execute(
            "UPDATE customers_import SET report = report || jsonb_build_object('written_by', xmin::text)"
            " WHERE id = %s",
            [row.pk],
        )


# ---------------------------------------------------------------- columns we compute ourselves


def _as_it_is(table: pa.Table, batch: ShopBatch) -> pa.Table:
    return table


def with_hmac(table: pa.Table) -> pa.Table:
    """Customers with `email_hmac`. What is no address is left empty (the report counts it): the customer and the orders are real."""
    pepper = settings.SUPPRESSION_PEPPER
    is_address = pc.match_substring_regex(table["email"], reports.ADDRESS)
    table = table.set_column(
        table.schema.get_field_index("email"),
        "email",
        pc.if_else(is_address.fill_null(False), table["email"], ""),
    )
    hashes = [
        ids.address_hmac(address, pepper=pepper) if address else ""
        for address in table["email"].to_pylist()
    ]
    return table.append_column("email_hmac", pa.array(hashes, pa.string()))


def margins() -> str:
    """DuckDB SQL over `orders` (with `row`) and `order_lines`, as in a ShopBatch: row, margin."""
    return f"""
        SELECT row, coalesce(try_cast(total_cents - cost AS BIGINT),
                             try_cast(round(total_cents * {float(settings.ASSUMED_MARGIN)}) AS BIGINT),
                             0) AS margin
        FROM orders LEFT JOIN (
            SELECT order_external_id AS external_id,
                   CASE WHEN count(*) = count(cost_cents)
                        THEN sum(quantity::HUGEINT * cost_cents) END AS cost
            FROM order_lines GROUP BY ALL
        ) USING (external_id)
    """


def _with_margin(table: pa.Table, batch: ShopBatch) -> pa.Table:
    """Total less the cost of the lines, where every line has one; else the assumed share of the total."""
    # a database for little would cost most of its time
    is_little = table.num_rows + batch.order_lines.num_rows <= few.MOST
    margin = (few.margins if is_little else _margins)(table, batch.order_lines)
    filled = table.set_column(
        table.schema.get_field_index("discount_cents"),
        "discount_cents",
        table["discount_cents"].fill_null(0),
    )
    return filled.append_column("margin_cents", margin)


def _margins(orders: pa.Table, lines: pa.Table) -> pa.ChunkedArray:
    with duckdb.connect() as db:
        db.register("orders", orders.append_column("row", pa.array(np.arange(orders.num_rows))))
        db.register("order_lines", lines)
        return db.sql(f"SELECT margin FROM ({margins()}) ORDER BY row").to_arrow_table()["margin"]


_PREPARE: dict[str, Callable[[pa.Table, ShopBatch], pa.Table]] = {
    "customers": lambda table, batch: with_hmac(table),
    "orders": _with_margin,
}
