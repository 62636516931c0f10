"""Requests that were stored become shop data: claimed per source in order of arrival, read in chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from core.garbage import uncollected
from customers.enums import InboundStatus
from customers.intake import unpacking
from customers.intake.taking import Outcome, Verdict, take
from customers.intake.translation import Item
from customers.models import InboundRequest, RejectedRow, Source
from customers.sources import TRANSLATORS
from customers.sources.shopify import PRIVACY_TOPICS


MOST_REQUESTS = 2_000
MOST_BYTES = 4_000_000  # of bodies in one chunk; a single larger one is a chunk of its own
PATIENCE = timedelta(days=30)
"""How long an item waits for what it refers to before it is rejected."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=6)
_LOCK = 0x5EAD_1


def read_due(*, now: datetime, most_chunks: int = 200) -> int:
    """
    Read what is waiting to be read; the number of items. A transaction a chunk: all of it or nothing.

    Several may call it at once: one reads a source, the others go on to the next. Requests about privacy
    are left for `consent`. Raises OperationalError when the database goes away; what was not committed
    is unread and is read next time.
    """
    items = 0
    for source in Source.objects.filter(pk__in=_sources_due(now)).order_by("pk"):
        for _ in range(most_chunks):
            read = _read_chunk(source, now=now)
            if read is None:
                break
            items += read
    return items


_DUE = """status IN ('RECEIVED', 'WAITING') AND (status = 'RECEIVED' OR next_try_at <= %(now)s)
          AND topic <> ALL (%(not_ours)s)"""


def _sources_due(now: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT DISTINCT due.source_id FROM (
                    SELECT source_id FROM customers_inboundrequest WHERE {_DUE} ORDER BY id LIMIT 50000
                ) due JOIN customers_source source ON source.id = due.source_id
                WHERE source.kind = ANY (%(kinds)s)""",
            {"now": now, "not_ours": list(PRIVACY_TOPICS), "kinds": TRANSLATORS.names()},
        )
        return [source_id for (source_id,) in cursor.fetchall()]


def _read_chunk(source: Source, *, now: datetime) -> int | None:
    """The items read; None when nothing is due, or somebody else reads this source."""
    with uncollected(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK, source.pk])
        if not cursor.fetchone()[0]:
            return None
        requests = _claim(cursor, source, now=now)
        if not requests:
            return None
        readings = [_Reading(request, source=source) for request in requests]
        items = [item for reading in readings for item in reading.items]
        verdicts = iter(take(items, source=source, now=now))
        for reading in readings:
            reading.verdicts = [next(verdicts) for _ in reading.items]
        _settle(cursor, readings, now=now)
        if any(reading.brought_orders for reading in readings):
            _wake(cursor, source)
        return len(items)


def _claim(cursor: Any, source: Source, *, now: datetime) -> list[InboundRequest]:
    cursor.execute(
        f"""
        WITH due AS (
            SELECT id, octet_length(body) AS size FROM customers_inboundrequest
            WHERE source_id = %(source)s AND {_DUE}
            ORDER BY id LIMIT %(requests)s FOR UPDATE SKIP LOCKED
        )
        SELECT id FROM (SELECT id, size, sum(size) OVER (ORDER BY id) AS so_far FROM due) sized
        WHERE so_far - size < %(bytes)s ORDER BY id
        """,
        {
            "source": source.pk, "now": now, "not_ours": list(PRIVACY_TOPICS),
            "requests": MOST_REQUESTS, "bytes": MOST_BYTES,
        },
    )  # fmt: skip
    ids = [request_id for (request_id,) in cursor.fetchall()]
    found = InboundRequest.objects.in_bulk(ids)
    return [found[request_id] for request_id in ids]


@dataclass(slots=True)
class _Reading:
    """One request being read. An item that waited is read again, its neighbours are not."""

    request: InboundRequest
    source: Source
    items: list[Item] = field(init=False)
    texts: list[bytes] = field(init=False)
    refused: Mapping[int, str] = field(init=False)
    """Items that could not be decoded, by number."""
    verdicts: Sequence[Verdict] = ()

    def __init__(self, request: InboundRequest, *, source: Source) -> None:
        self.request, self.source = request, source
        unpacked = unpacking.unpack(request, kind=source.kind)
        self.items, self.texts, self.refused = unpacked.items, unpacked.texts, unpacked.refused
        if request.waiting:
            again = set(request.waiting)
            self.items = [item for item in self.items if item.number in again]
            self.refused = {}

    @property
    def brought_orders(self) -> bool:
        accepted = (
            item
            for item, verdict in zip(self.items, self.verdicts, strict=True)
            if verdict.outcome is Outcome.ACCEPTED
        )
        return any(_may_bring_orders(item) for item in accepted)

    def settle(self, *, now: datetime) -> list[RejectedRow]:
        """Write the account into the request; gives the items that were rejected."""
        request = self.request
        outcomes = Counter(verdict.outcome for verdict in self.verdicts)
        patient = now < request.received_at + PATIENCE
        rejected = dict(self.refused)
        waiting = []
        for item, verdict in zip(self.items, self.verdicts, strict=True):
            if verdict.outcome is Outcome.REJECTED or (
                verdict.outcome is Outcome.WAITING and not patient
            ):
                rejected[item.number] = verdict.reason
            elif verdict.outcome is Outcome.WAITING:
                waiting.append(item.number)
        request.items = len(self.texts)
        request.accepted += outcomes[Outcome.ACCEPTED] + outcomes[Outcome.IGNORED]
        request.duplicates += outcomes[Outcome.DUPLICATE]
        request.rejected += len(rejected)
        request.waiting = waiting
        request.tries += 1
        request.next_try_at = now + _wait(request.tries) if waiting else None
        request.read_at = now
        if rejected:
            request.reason = next(iter(rejected.values()))
        request.status = _status(request, all_ignored=outcomes[Outcome.IGNORED] == len(self.texts))
        return [
            RejectedRow(
                inbound=request,
                entity="item",
                line_number=number,
                reason=reason,
                raw=unpacking.as_text(self.texts[number - 1]),
            )
            for number, reason in sorted(rejected.items())
        ]


def _wait(tries: int) -> timedelta:
    """Twice as long each time."""
    waits = 1 << min(tries - 1, 20)
    return min(_FIRST_WAIT * waits, _LONGEST_WAIT)


def _status(request: InboundRequest, *, all_ignored: bool) -> InboundStatus:
    if request.waiting:
        return InboundStatus.WAITING
    if request.rejected and request.rejected == request.items:
        return InboundStatus.REJECTED
    if request.rejected:
        return InboundStatus.PARTLY
    return InboundStatus.IGNORED if all_ignored else InboundStatus.DONE


_SETTLED = {
    "status": "text", "reason": "text", "items": "int", "accepted": "int", "duplicates": "int",
    "rejected": "int", "tries": "smallint", "next_try_at": "timestamptz", "read_at": "timestamptz",
}  # fmt: skip


def _settle(cursor: Any, readings: Sequence[_Reading], *, now: datetime) -> None:
    RejectedRow.objects.bulk_create(row for reading in readings for row in reading.settle(now=now))
    requests = [reading.request for reading in readings]
    columns = ", ".join(_SETTLED)
    cursor.execute(
        f"""
        UPDATE customers_inboundrequest old
        SET {", ".join(f"{name} = new.{name}" for name in _SETTLED)}, waiting = new.waiting::jsonb
        FROM unnest(%s::bigint[], %s::text[], {", ".join(f"%s::{kind}[]" for kind in _SETTLED.values())})
             AS new (id, waiting, {columns})
        WHERE old.id = new.id
        """,
        [
            [request.pk for request in requests],
            [str(request.waiting) for request in requests],
            *([getattr(request, name) for request in requests] for name in _SETTLED),
        ],
    )


def _may_bring_orders(item: Item) -> bool:
    """Whether it is worth trying again what waits: by the look of it, since most items are behaviour."""
    return "order" in item.topic or "order" in str(item.body.get("event", "")).lower()


def _wake(cursor: Any, source: Source) -> None:
    """An order has come: who waits for one is tried at the next tick."""
    cursor.execute(
        "UPDATE customers_inboundrequest SET next_try_at = read_at"
        " WHERE source_id = %s AND status = 'WAITING'",
        [source.pk],
    )
