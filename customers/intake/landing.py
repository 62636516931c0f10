"""A request becomes a durable row. Requests that wait at the same moment share one INSERT and one commit.

A commit costs a flush of the disk, a millisecond or more, whatever it holds. The first thread that
comes writes (the leader); those that come while it waits for the disk gather, and when it is done
one of them writes for all of them. Nobody waits for a timer: a lone request is written at once.

Those who wait wake one after the other, each by the one before. All at once they would queue for the
interpreter, and the next leader among them, while the disk has nothing to do.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from django.db import connection

from customers.enums import InboundStatus
from customers.intake import arrays, own_connection


MAX_TOPIC = 100
_GROUP_BYTES = 8_000_000  # bodies in one statement; a single larger one goes alone

# ids follow the order of the arrays: requests of a process are read in the order they came in
_INSERT = """
    INSERT INTO customers_inboundrequest
           (source_id, topic, power, received_at, headers, body, dedupe_key, status, reason)
    SELECT source_id, topic, power, received_at, headers::jsonb, body, dedupe_key, status, reason
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::bytea[],
                %b::text[], %b::text[], %b::text[])
         AS new (source_id, topic, power, received_at, headers, body, dedupe_key, status, reason)
    ON CONFLICT (source_id, dedupe_key) DO NOTHING
"""
_TELL_WHICH = " RETURNING source_id, dedupe_key"

Row = tuple[int, str, str, datetime, str, bytes, str | None, str, str]


class SourceGoneError(RuntimeError):
    """The source was deleted since its key was looked up."""


def land(
    *,
    source_id: int,
    topic: str,
    body: bytes,
    power: str,
    headers: Mapping[str, str],
    dedupe_key: str | None = None,
    now: datetime,
    refused: str = "",
) -> bool:
    """
    Store a request; when this returns it is committed. False: the source has that dedupe_key already.

    Within a transaction of the caller the row is written, and committed, with it.
    refused: a key of quality.REASONS; the row is there to be seen, and is not read.
    Raises DatabaseAwayError, SourceGoneError.
    """
    if dedupe_key is not None:
        dedupe_key = _short(dedupe_key)
    status = InboundStatus.REJECTED if refused else InboundStatus.RECEIVED
    row: Row = (
        source_id, _clean(topic)[:MAX_TOPIC], str(power), now, _as_json(headers), body, dedupe_key,
        str(status), refused,
    )  # fmt: skip
    if connection.in_atomic_block:  # its rows are not everybody's to commit
        return _store([row])[0]
    return _group.add(row)


def _clean(text: str) -> str:
    return text.replace("\0", "�")


def _short(key: str) -> str:
    key = _clean(key)
    return key if len(key) <= 100 else hashlib.sha256(key.encode()).hexdigest()


def _as_json(headers: Mapping[str, str]) -> str:
    if not headers:
        return "{}"
    return json.dumps({_clean(name): _clean(value) for name, value in headers.items()})


@dataclass(eq=False, slots=True)
class _Waiting:
    row: Row
    gate: threading.Lock = field(default_factory=threading.Lock)
    leads: bool = False
    stored: bool = False
    error: Exception | None = None
    behind: Iterator[_Waiting] = field(default_factory=lambda: iter(()))
    """Of its group those who still sleep; one iterator for all."""

    def wake_next(self) -> None:
        if (following := next(self.behind, None)) is not None:
            following.gate.release()


class _Group:
    """Who waits, and whether somebody is writing. The leader is always the first of those who wait."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: list[_Waiting] = []
        self.led = False

    def add(self, row: Row) -> bool:
        entry = _Waiting(row)
        entry.gate.acquire()
        with self.lock:
            self.waiting.append(entry)
            entry.leads = not self.led
            self.led = True
        if not entry.leads:
            entry.gate.acquire()  # until it is written, or it is this one's turn to lead
        try:
            if entry.leads:
                self._lead()
        finally:
            entry.wake_next()
        if entry.error is not None:
            raise entry.error
        return entry.stored

    def _lead(self) -> None:
        with self.lock:
            group = self._take()
        try:
            _write(group)
        except BaseException:
            for entry in group:
                entry.error = entry.error or own_connection.DatabaseAwayError("interrupted")
            raise
        finally:
            with self.lock:
                following = self.waiting[0] if self.waiting else None
                self.led = following is not None
            if following is not None:  # before the others wake: the disk should not idle
                following.leads = True
                following.gate.release()
            sleepers = iter(group[1:])
            for entry in group:
                entry.behind = sleepers

    def _take(self) -> list[_Waiting]:
        size = count = 0
        for entry in self.waiting:
            size += len(entry.row[5])
            if count and size > _GROUP_BYTES:
                break
            count += 1
        group, self.waiting = self.waiting[:count], self.waiting[count:]
        return group


_group = _Group()


def _write(group: list[_Waiting]) -> None:
    """Store the group's rows; when the database refuses one, the others are stored one by one."""
    try:
        stored = _store([entry.row for entry in group])
    except own_connection.DatabaseAwayError as error:
        for entry in group:
            entry.error = error
    except (psycopg.Error, SourceGoneError) as error:
        if len(group) == 1:
            group[0].error = error
            return
        for entry in group:
            _write([entry])
    else:
        for entry, new in zip(group, stored, strict=True):
            entry.stored = new


def _store(rows: list[Row]) -> list[bool]:
    """One statement for all rows; whether each is new."""
    sources, topics, powers, times, headers, bodies, keys, statuses, reasons = zip(
        *rows, strict=True
    )
    columns = (
        arrays.numbers(sources), arrays.texts(topics), arrays.texts(powers), arrays.times(times),
        arrays.texts(headers), arrays.bodies(bodies), arrays.texts(keys), arrays.texts(statuses),
        arrays.texts(reasons),
    )  # fmt: skip
    deduped = any(key is not None for key in keys)

    def insert(cursor: own_connection.Cursor) -> set[tuple[int, str | None]]:
        cursor.execute(_INSERT + _TELL_WHICH if deduped else _INSERT, columns)
        return set(cursor.fetchall()) if deduped else set()

    try:
        new = own_connection.run(insert)
    except psycopg.errors.ForeignKeyViolation as error:
        raise SourceGoneError("the source is gone") from error
    # of two rows with one key in one statement the first is stored
    told = []
    for row in rows:
        told.append(row[6] is None or (row[0], row[6]) in new)
        new.discard((row[0], row[6]))
    return told
