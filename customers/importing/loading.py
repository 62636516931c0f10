"""From the DuckDB file into the tables, in the caller's transaction and in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from customers import ingest
from customers.importing import new_lines
from customers.importing.bulk import indexes_afterwards, set_wise_references
from customers.ingest import Origin
from customers.refusals import REFUSED
from customers.reports import Counts
from customers.sources.base import SCHEMAS
from customers.staging import stage
from customers.upserts import UPSERTS


PORTION = 50_000  # rows in memory at a time
Told = Callable[[str, int, int], None]
"""Called with what is being done, rows done and rows in all."""


def load(
    cursor: Any,
    db: duckdb.DuckDBPyConnection,
    *,
    checked: Mapping[str, Any],
    line_entities: tuple[str, ...],
    origin: Origin,
    told: Told,
    stays: bool,
) -> dict[str, Counts]:
    """
    Write what was prepared; entity to its counts, which add up. Writers of one source wait for each other.

    stays: False when the caller will roll back; the tables are then open to every other reader and writer.
    """
    ingest.lock(cursor, source_id=origin.source_id)
    _keep(cursor, "line", _stream(db, "SELECT line_number, reason, raw FROM refused"), origin)
    done, total = 0, sum(told_of["rows"] for told_of in checked.values())
    found: dict[str, Counts] = {}
    for entity in UPSERTS:
        if entity not in checked:
            if UPSERTS[entity].read_later:
                stage(cursor, name=f"staged_{entity}", table=_columns(entity).empty_table())
            continue

        def tick(rows: int, *, what: str = entity, before: int = done) -> None:
            told(what.replace("_", " "), before + rows, total)

        with set_wise_references(cursor, entity):
            if entity == "order_lines" and _all_new(found.get("orders")):
                rows = (
                    checked[entity]["rows"] if stays else 0
                )  # whoever only tries keeps nobody waiting
                with indexes_afterwards(cursor, "customers_orderline", rows=rows):
                    found[entity] = new_lines.write(
                        cursor, db, checked[entity], has_line=entity in line_entities,
                        origin=origin, keep=_keep, tick=tick,
                    )  # fmt: skip
            else:
                found[entity] = _entity(
                    cursor, db, entity, checked[entity], has_line=entity in line_entities,
                    origin=origin, tick=tick,
                )  # fmt: skip
        done += checked[entity]["rows"]
    told("committing", total, total)
    return found


def _all_new(orders: Counts | None) -> bool:
    return orders is not None and orders.rows == orders.inserted + orders.rejected.total()


def _entity(
    cursor: Any,
    db: duckdb.DuckDBPyConnection,
    entity: str,
    checked: Mapping[str, Any],
    *,
    has_line: bool,
    origin: Origin,
    tick: Callable[[int], None],
) -> Counts:
    counts = Counts(rows=checked["rows"])
    counts.rejected.update(checked["rejected"])
    if checked["rejected"]:
        line = "file_line" if has_line else "NULL::BIGINT"
        said = ", ".join(SCHEMAS[entity].names)
        _keep(
            cursor,
            entity,
            _stream(
                db,
                f"SELECT {line} AS line_number, reason, to_json(struct_pack({said}))::VARCHAR AS raw"
                f" FROM judged_{entity} JOIN {entity} ON {entity}.rowid = judged_{entity}.row"
                " WHERE reason <> 'duplicate' ORDER BY row",
            ),
            origin,
        )
    stage(cursor, name=f"staged_{entity}", table=_accepted(db, entity, has_line), told=tick)
    for reference in UPSERTS[entity].references:
        refused = _refuse_dangling(cursor, entity, reference, has_line=has_line, origin=origin)
        if refused:
            counts.rejected[reference.reason] += refused
    counts.inserted, counts.updated = ingest.write(cursor, entity, origin=origin)
    counts.duplicates = counts.rows - counts.accepted - counts.rejected.total()
    return counts


# ---------------------------------------------------------------- out of DuckDB
def _columns(entity: str) -> pa.Schema:
    """Of an entity's staged rows."""
    schema = pa.schema([*SCHEMAS[entity], ("row", pa.int64())])
    if entity == "customers":
        schema = schema.append(pa.field("email_hmac", pa.string()))
    if entity == "orders":
        schema = schema.append(pa.field("margin_cents", pa.int64()))
    return schema


def _accepted(
    db: duckdb.DuckDBPyConnection,
    entity: str,
    has_line: bool,  # noqa: FBT001 - one caller
) -> pa.RecordBatchReader:
    said = [f"rows.{name}" for name in SCHEMAS[entity].names]
    more = ""
    if entity == "orders":
        said = [
            "coalesce(discount_cents, 0) AS discount_cents"
            if name.endswith("discount_cents")
            else name
            for name in said
        ]
        said.append("margin AS margin_cents")
        more = "JOIN margins ON margins.row = rows.rowid"
    if has_line:
        said.append("rows.file_line")
    reader = _stream(
        db,
        f"SELECT {', '.join(said)}, rows.rowid AS row FROM {entity} rows {more}"
        f" WHERE rows.rowid NOT IN (SELECT row FROM judged_{entity})",
    )
    if entity != "customers":
        return reader
    first = ingest.with_hmac(reader.schema.empty_table())

    def hashed() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            yield from ingest.with_hmac(pa.Table.from_batches([batch])).to_batches()

    return pa.RecordBatchReader.from_batches(first.schema, hashed())


def _stream(db: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader:
    return db.sql(sql).to_arrow_reader(PORTION)


# ---------------------------------------------------------------- what is refused
def _keep(cursor: Any, entity: str, refused: pa.RecordBatchReader, origin: Origin) -> None:
    for batch in refused:
        origin.keep_refused(cursor, entity, pa.Table.from_batches([batch]).cast(REFUSED))


def _refuse_dangling(
    cursor: Any, entity: str, reference: Any, *, has_line: bool, origin: Origin
) -> int:
    """Take the rows whose references lead nowhere out of the staged table, and keep them as refused."""
    line = "gone.file_line" if has_line else "NULL::bigint"
    cursor.execute(
        f"""
        WITH gone AS (
            DELETE FROM staged_{entity} gone USING (
                SELECT s.row FROM staged_{entity} s {reference.join} WHERE {reference.broken}
            ) broken WHERE gone.row = broken.row RETURNING gone.*
        )
        INSERT INTO customers_rejectedrow (source_import_id, entity, line_number, reason, raw)
        SELECT %(import)s, '{entity}', {line}, '{reference.reason}',
               left((to_jsonb(gone) - 'row' - 'file_line')::text, 2000)
        FROM gone ORDER BY gone.row
        """,
        origin.parameters,
    )
    return int(cursor.rowcount)
