"""Few rows: judged, looked up and written by one statement an entity, without staging them.

What one request says of an order is four rows. To make, fill and analyse temporary tables for them, and to
ask DuckDB about each, took ten times as long as to write them. The rules are `quality`'s and the statements
`upserts`', as for a million rows; only where the rows lie is another thing: in a parameter.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import pyarrow as pa
from django.conf import settings
from psycopg.types.numeric import Int8

from core import statements
from customers import quality
from customers.sources.base import ShopBatch
from customers.staging import sql_type
from customers.upserts import UPSERTS


MOST = 100
"""Rows of a batch, all its tables together."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """refused: the place of a row in its table, and the reason."""

    inserted: int
    updated: int
    refused: Sequence[tuple[int, str]]


def suits(batch: ShopBatch) -> bool:
    """Whether the rows are few, no two have one key, and PostgreSQL can be asked about all of them."""
    tables = [(entity, table) for entity, table in batch.tables() if table.num_rows]
    if sum(table.num_rows for _, table in tables) > MOST:
        return False
    for entity, table in tables:
        names = [table[name].to_pylist() for name in quality.key(entity)]
        if len(set(zip(*names, strict=True))) < table.num_rows:
            return False
        texts = (table[field.name] for field in table.schema if field.type == pa.string())
        if any(value and "\0" in value for text in texts for value in text.to_pylist()):
            return False
    return True


class Few:
    """
    The way in of one batch, entity by entity in the order of `ShopBatch.tables`.

    whole_orders: as in `ingest.Origin`.
    """

    def __init__(
        self, *, source_id: int, arrived_at: datetime | None, whole_orders: bool, now: datetime
    ) -> None:
        self._whole_orders = whole_orders
        self._parameters = {
            "source": Int8(source_id),
            "arrived": arrived_at,
            "whole_orders": whole_orders,
            "latest": Int8(quality.latest(now)),
            "orders": "[]",
        }

    def write(self, entity: str, table: pa.Table) -> Written:
        """`table`: of the entity, with the columns that `ingest` computes. In the caller's transaction."""
        columns = tuple((field.name, sql_type(field.type)) for field in table.schema)
        rows = [{**row, "row": place} for place, row in enumerate(table.to_pylist())]
        first, *more = UPSERTS[entity].to_execute(whole_orders=self._whole_orders)
        inserted, updated, refused = self._run(_judging(entity, first, columns), rows)
        if refused:
            gone = {place for place, _ in refused}
            rows = [row for row in rows if row["row"] not in gone]
        for statement in more if rows else ():
            if inserted + updated == len(rows) and statement in UPSERTS[entity].statements:
                continue  # nothing is left for it
            # judged once more though all are good: of rows that were judged PostgreSQL expects one and looks
            # customers up, of rows as they come ten thousand, and reads all customers there are
            new, changed, _ = self._run(_judging(entity, statement, columns), rows)
            inserted, updated = inserted + new, updated + changed
        if UPSERTS[entity].read_later:
            self._parameters[entity] = json.dumps(rows)
        return Written(
            inserted=inserted, updated=updated, refused=[(row, why) for row, why in refused or ()]
        )

    def _run(self, sql: str, rows: list[dict[str, Any]]) -> tuple[int, int, Any]:
        ((inserted, updated, refused),) = statements.run(
            sql, {**self._parameters, "rows": json.dumps(rows)}
        )
        return inserted, updated, refused


def margins(orders: pa.Table, lines: pa.Table) -> pa.Array:
    """What `ingest.margins` says, an int64 for each order, without a database; a test holds them together."""
    share = Decimal(str(float(settings.ASSUMED_MARGIN)))
    costs: dict[str, list[int | None]] = {}
    for line in lines.to_pylist():
        number, cost = line["quantity"], line["cost_cents"]
        if cost is None or number is not None:  # a line that says no quantity is no goods
            costs.setdefault(line["order_external_id"], []).append(
                None if cost is None else number * cost
            )
    found = []
    for number, total in zip(
        orders["external_id"].to_pylist(), orders["total_cents"].to_pylist(), strict=True
    ):
        cost = costs.get(number)
        known = None
        if total is not None and cost and None not in cost:
            known = total - sum(part for part in cost if part is not None)
        if total is not None and (known is None or not -(2**63) <= known < 2**63):
            known = int((total * share).to_integral_value(ROUND_HALF_UP))
        found.append(known or 0)
    return pa.array(found, pa.int64())


# ---------------------------------------------------------------- statements
Columns = tuple[tuple[str, str], ...]


@cache
def _judging(entity: str, statement: str, columns: Columns) -> str:
    """The statement over those rows that break no rule and refer to nothing unknown; and the others."""
    references = UPSERTS[entity].references
    dangling = "\n".join(
        f"WHEN {reference.broken} THEN '{reference.reason}'" for reference in references
    )
    broken = quality.first_broken(entity, latest="%(latest)s", dialect=quality.POSTGRESQL)
    # as they stand, or a cast of the statement could meet a row that was refused for it
    rows = f"""
        judged AS MATERIALIZED (
            SELECT s.*, {f"coalesce(s.broken, CASE {dangling} END)" if dangling else "s.broken"} AS refused_for
            FROM (SELECT *, {broken} AS broken FROM {_rows("rows", columns)}) s
            {" ".join(reference.join for reference in references)}
        ),
        staged_{entity} AS MATERIALIZED (SELECT * FROM judged WHERE refused_for IS NULL)"""
    refused = """(SELECT json_agg(json_build_array(judged.row, refused_for) ORDER BY judged.row)
                  FROM judged WHERE refused_for IS NOT NULL)"""
    return _counting(entity, statement, rows=rows, refused=refused)


def _counting(entity: str, statement: str, *, rows: str, refused: str) -> str:
    if entity == "order_lines":  # its statements ask which orders were told
        told = _rows("orders", (("external_id", "text"), ("changed_at", "bigint")))
        rows = f"staged_orders AS MATERIALIZED (SELECT * FROM {told}), {rows}"
    sql = f"""
        WITH {rows}, written AS ({statement})
        SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new), {refused}
        FROM written"""
    # what comes by this way is no file's; and a parameter in a SELECT needs its type
    return sql.replace("%(import)s", "NULL::bigint").replace("%(source)s", "%(source)s::bigint")


def _rows(parameter: str, columns: Columns) -> str:
    told = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    place = "" if parameter == "orders" else ', "row" bigint'
    return f"json_to_recordset(%({parameter})s::json) AS few({told}{place})"
