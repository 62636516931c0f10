"""Writing the ledger, and how far it may be read. Besides `ingest`, nothing else writes to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa
from django.db import connection, transaction

from core import statements
from customers.models import Source
from customers.staging import stage


LEDGER_LOCK = 0x1ED6E5
"""First key of the advisory locks by which `settled_position` sees who is writing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRow:
    """One row for the ledger. `external_id` is unique within `source`, and within no source."""

    customer_id: int
    kind: str
    happened_at: datetime
    arrived_at: datetime
    external_id: str
    source: Source | None = None
    campaign_id: int | None = None
    delivery_id: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


def record(
    *,
    source: Source | None,
    customer_id: int,
    kind: str,
    happened_at: datetime,
    arrived_at: datetime,
    external_id: str,
    campaign_id: int | None = None,
    delivery_id: int | None = None,
    properties: Mapping[str, Any] | None = None,
) -> bool:
    """Add one event; False when the ledger has it already. Raises IntegrityError for an unknown customer."""
    with transaction.atomic(), connection.cursor() as cursor:
        announce_writing(cursor)
        cursor.execute(
            """
            INSERT INTO customers_event (source_id, external_id, customer_id, kind, happened_at,
                                         arrived_at, campaign_id, delivery_id, properties)
            -- of somebody who was merged it is the survivor's
            VALUES (%s, %s, coalesce((SELECT merged_into_id FROM customers_customer WHERE id = %s), %s),
                    %s, %s, %s, %s, %s, %s)
            ON CONFLICT (source_id, external_id) DO NOTHING
            """,
            [
                source.pk if source else None, external_id, customer_id, customer_id, kind,
                happened_at, arrived_at, campaign_id, delivery_id, json.dumps(dict(properties or {})),
            ],
        )  # fmt: skip
        return bool(cursor.rowcount)


def record_many(rows: Iterable[EventRow]) -> int:
    """Add many events and return how many are new; one transaction, all or none."""
    entries = list(rows)
    if not entries:
        return 0
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        if len(entries) <= _FEW:
            with statements.together():
                announce_writing(cursor)
                return len(statements.run(_INSERT_FEW, [json.dumps([*map(_as_told, entries)])]))
        stage(cursor, name="staged_ledger_rows", table=_as_table(entries))
        announce_writing(cursor)
        cursor.execute(_INSERT_STAGED)
        return int(cursor.rowcount)


_FEW = 1000  # rows: more go by COPY, whose temporary table costs as much as some hundred of them
_COLUMNS = (
    ("source_id", "bigint"), ("external_id", "text"), ("customer_id", "bigint"), ("kind", "text"),
    ("happened_at", "timestamptz"), ("arrived_at", "timestamptz"), ("campaign_id", "bigint"),
    ("delivery_id", "bigint"), ("properties", "json"),
)  # fmt: skip
_INSERT = """
INSERT INTO customers_event (source_id, external_id, customer_id, kind, happened_at,
                             arrived_at, campaign_id, delivery_id, properties)
SELECT s.source_id, s.external_id, coalesce({survivor}, s.customer_id), s.kind,
       s.happened_at, s.arrived_at, s.campaign_id, s.delivery_id, s.properties::jsonb
FROM {rows}
-- one order for everybody: two writers of the same rows wait, they do not deadlock
ORDER BY s.source_id, s.external_id
ON CONFLICT (source_id, external_id) DO NOTHING"""
_INSERT_STAGED = _INSERT.format(
    survivor="c.merged_into_id",
    rows="staged_ledger_rows s LEFT JOIN customers_customer c ON c.id = s.customer_id",
)
_INSERT_FEW = f"""{
    _INSERT.format(
        survivor="(SELECT merged_into_id FROM customers_customer WHERE id = s.customer_id)",
        rows=f"json_to_recordset(%s) AS s({', '.join(f'{name} {kind}' for name, kind in _COLUMNS)})",
    )
} RETURNING id"""


_as_text = lru_cache(maxsize=64)(datetime.isoformat)  # many events arrive at one moment


def _as_told(row: EventRow) -> dict[str, Any]:
    return {
        "source_id": row.source.pk if row.source else None, "external_id": row.external_id,
        "customer_id": row.customer_id, "kind": row.kind,
        "happened_at": _as_text(row.happened_at), "arrived_at": _as_text(row.arrived_at),
        "campaign_id": row.campaign_id, "delivery_id": row.delivery_id,
        "properties": dict(row.properties),
    }  # fmt: skip


def _as_table(entries: list[EventRow]) -> pa.Table:
    return pa.table({
        "source_id": pa.array([row.source.pk if row.source else None for row in entries], pa.int64()),
        "external_id": pa.array([row.external_id for row in entries], pa.string()),
        "customer_id": pa.array([row.customer_id for row in entries], pa.int64()),
        "kind": pa.array([row.kind for row in entries], pa.string()),
        "happened_at": pa.array([row.happened_at for row in entries], pa.timestamp("us", "UTC")),
        "arrived_at": pa.array([row.arrived_at for row in entries], pa.timestamp("us", "UTC")),
        "campaign_id": pa.array([row.campaign_id for row in entries], pa.int64()),
        "delivery_id": pa.array([row.delivery_id for row in entries], pa.int64()),
        "properties": pa.array([json.dumps(dict(row.properties)) for row in entries], pa.string()),
    })  # fmt: skip


# ---------------------------------------------------------------- reading by cursor
# Ids are given out before their rows are committed: a reader that remembers the highest id it saw
# would never see a row of a slower transaction with a lower one. Every writer therefore holds,
# until it commits, a shared advisory lock that carries the sequence's position before its first
# row (in blocks of 1,024, to fit the key). Writers never wait for one another or for a reader.


def announce_writing(cursor: Any) -> None:
    """To be called in the transaction before an INSERT into the ledger."""
    cursor.execute(
        "SELECT pg_advisory_xact_lock_shared(%s, (last_value >> 10)::int)"
        " FROM customers_event_id_seq",
        [LEDGER_LOCK],
    )


def settled_position() -> int:
    """
    The id up to which a reader by cursor may read: no row at or below it can still appear.

    Call it before the SELECT of the rows, in a transaction of isolation READ COMMITTED (Django's
    default). Rows of the caller's own transaction count as settled.
    """
    with connection.cursor() as cursor:
        # first the position, then the writers: who took an id up to it still holds a lock, or is done
        cursor.execute(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM customers_event_id_seq"
        )
        (position,) = cursor.fetchone()
        cursor.execute(
            """
            SELECT min(objid::bigint << 10) FROM pg_locks
            WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND pid <> pg_backend_pid()
            """,
            [LEDGER_LOCK],
        )
        (writing_from,) = cursor.fetchone()
    # a lock at block b says: my ids come after b * 1024 (or after 0)
    return int(position) if writing_from is None else min(int(position), int(writing_from))
