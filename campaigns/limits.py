"""
How fast messages may leave: per recipient domain and overall, in every window of a second, a minute or an hour.

    COTERIE_SEND_LIMITS="* 50/s 100000/h, gmail.com 10/s 20000/h"

Grants are rows in PostgreSQL, taken in the transaction of the intent and before it: they survive every
restart, they are the same for all senders, and without the database nothing is granted. A window slides,
so no window of that length ever has more, wherever it begins.

A grant is worth something for SLACK seconds; a message that was not handed over by then goes back and
asks again, and its grant is given back. So what was granted at a moment left within SLACK of it, and
counting over the window and SLACK bounds what left in any window.

Who gets none waits for a slot of their own: the slots of a key are handed out one after the other at its
rate, so that many waiting messages of one domain are looked at seldom, and those of other domains
meanwhile go out. No slot is further off than LONGEST: a queue whose campaign was paused or cancelled
keeps others waiting no longer than that. Who comes for a slot at the end of the queue asks again then.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable


OVERALL: Final = "*"
SLACK: Final = 0.25  # seconds from a grant to the hand-over
LONGEST: Final = timedelta(minutes=15)  # from asking in vain to asking again
WINDOWS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_RULE = re.compile(r"(\*|[a-z0-9-]+(?:\.[a-z0-9-]+)+)((?:\s+[1-9]\d*/[smh])+)", re.IGNORECASE)

Limits = Mapping[str, Mapping[float, int]]  # key -> window in seconds -> messages


class LimitsError(ValueError):
    """The setting cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What the limits of `keys` granted one row at a moment; over at `ends`, by time.monotonic."""

    keys: tuple[str, ...]
    at: datetime
    ends: float


@dataclass(frozen=True, kw_only=True)
class Grants:
    """Rows that may go now, with the grants of those that a limit counts; for the others when to ask again."""

    ids: frozenset[int]
    timed: Mapping[int, Grant]
    waiting: tuple[tuple[int, datetime], ...]


@lru_cache(maxsize=8)
def read(text: str) -> Limits:
    """The limits that the setting names. Raises LimitsError."""
    limits: dict[str, dict[float, int]] = {}
    for rule in filter(None, (part.strip() for part in text.split(","))):
        found = _RULE.fullmatch(rule)
        if found is None:
            raise LimitsError(
                f"COTERIE_SEND_LIMITS: {rule!r} is not a domain (or *) and numbers like 10/s 500/h"
            )
        pairs = (one.split("/") for one in found[2].split())
        limits[found[1].lower()] = {WINDOWS[unit.lower()]: int(number) for number, unit in pairs}
    return limits


def take(limits: Limits, domains: Mapping[int, str]) -> Grants:
    """
    Grants for rows (id -> the recipient's domain), in their order.

    To be called in the transaction of the intent. A row of two keys (its domain and all) needs both.
    """
    keys = {
        row: tuple(key for key in (domain, OVERALL) if key in limits)
        for row, domain in domains.items()
    }
    return _sift(limits, keys, queue=True)


def renew(limits: Limits, late: Mapping[int, Grant]) -> dict[int, Grant]:
    """
    New grants in place of unused ones that are over, in a transaction of its own.

    It locks nothing but the limits: a row whose intent took longer than SLACK gets off all the same.
    Who gets none has a grant of no keys, over already. None where somebody else holds the limits: that
    one may wait for a withdrawal, which waits for us (campaigns/handover_lock.py).
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            give_back(late.values())
            again = _sift(
                limits, {row: grant.keys for row, grant in late.items()}, queue=False
            ).timed
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        again = {}
    return {row: again.get(row) or replace(grant, keys=()) for row, grant in late.items()}


def give_back(unused: Iterable[Grant]) -> None:
    """Grants with which nothing left do not count."""
    counted = Counter((key, grant.at) for grant in unused for key in grant.keys)
    if not counted:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_sendgrant SET messages = campaigns_sendgrant.messages - told.messages
               FROM unnest(%s::text[], %s::timestamptz[], %s::int[]) AS told(key, at, messages)
               WHERE campaigns_sendgrant.key = told.key AND granted_at = told.at""",
            [[key for key, _ in counted], [at for _, at in counted], list(counted.values())],
        )


def _sift(limits: Limits, keys: Mapping[int, tuple[str, ...]], *, queue: bool) -> Grants:
    """Grants for rows by their keys; with `queue`, a slot for each of the others."""
    timed: dict[int, Grant] = {}
    granted: list[int] = []
    waiting: list[tuple[int, datetime]] = []
    with connection.cursor() as cursor:
        named = sorted({key for wanted in keys.values() for key in wanted})
        books, until = _books(cursor, limits, named)
        for row, wanted in keys.items():
            full = [books[key] for key in wanted if books[key].room <= 0]
            if full:
                if queue:
                    waiting.append((row, max(book.slot() for book in full)))
                continue
            for key in wanted:
                books[key].take()
            granted.append(row)
            if wanted:
                timed[row] = Grant(keys=wanted, at=books[wanted[0]].now, ends=until)
        for book in books.values():
            book.write(cursor)
    return Grants(ids=frozenset(granted), timed=timed, waiting=tuple(waiting))


def forget() -> int:
    """Delete grants that no window reaches any more; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM campaigns_sendgrant"
            " WHERE granted_at < clock_timestamp() - make_interval(secs => %s)",
            [max(WINDOWS.values()) + 60],
        )
        return int(cursor.rowcount)


class _Book:
    """One key's grants while its row is locked. `used`: window -> (messages in it, its oldest grant)."""

    def __init__(
        self, key: str, windows: Mapping[float, int], *, now: datetime, tail: datetime,
        used: Mapping[float, tuple[int, datetime | None]],
    ) -> None:  # fmt: skip
        self.key, self.windows, self.now, self.used = key, windows, now, used
        self.room = min(limit - used[window][0] for window, limit in windows.items())
        self.rate = min(limit / (window + SLACK) for window, limit in windows.items())
        self.tail = self.old_tail = tail
        self.taken = 0
        self.asked = False

    def take(self) -> None:
        self.room -= 1
        self.taken += 1

    def slot(self) -> datetime:
        """The next moment at which it is worth asking again."""
        if not self.asked:
            self.tail, self.asked = max(self.tail, self._frees()), True
        self.tail = min(self.tail + timedelta(seconds=1 / self.rate), self.now + LONGEST)
        return self.tail

    def _frees(self) -> datetime:
        """When the full windows have room again: as their oldest grants leave them."""
        return max(
            (self.used[window][1] or self.now) + timedelta(seconds=window + SLACK)
            for window, limit in self.windows.items()
            if self.used[window][0] + self.taken >= limit
        )

    def write(self, cursor: Any) -> None:
        if self.taken:
            cursor.execute(
                "INSERT INTO campaigns_sendgrant (key, granted_at, messages) VALUES (%s, %s, %s)",
                [self.key, self.now, self.taken],
            )
        if self.tail != self.old_tail:
            cursor.execute(
                "UPDATE campaigns_sendlimit SET tail = %s WHERE key = %s", [self.tail, self.key]
            )


def _books(cursor: Any, limits: Limits, keys: Sequence[str]) -> tuple[dict[str, _Book], float]:
    """
    The books of `keys`, locked in the order of their names until the transaction ends.

    Also when what they grant is over.
    """
    if not keys:
        return {}, 0.0
    cursor.execute(
        """INSERT INTO campaigns_sendlimit (key, tail) SELECT unnest(%s::text[]), 'epoch'
           ON CONFLICT (key) DO NOTHING""",
        [list(keys)],
    )
    cursor.execute(
        "SELECT key, tail FROM campaigns_sendlimit WHERE key = ANY(%s) ORDER BY key FOR UPDATE",
        [list(keys)],
    )
    tails = dict(cursor.fetchall())
    until = time.monotonic() + SLACK  # before the clock is read, and after the wait for the locks
    cursor.execute("SELECT clock_timestamp()")
    (now,) = cursor.fetchone()
    books = {}
    for key in keys:
        used = {}
        for window in limits[key]:
            cursor.execute(
                """SELECT COALESCE(sum(messages), 0), min(granted_at) FROM campaigns_sendgrant
                   WHERE key = %s AND granted_at > %s AND messages > 0""",
                [key, now - timedelta(seconds=window + SLACK)],
            )
            total, oldest = cursor.fetchone()
            used[window] = (int(total), oldest)
        books[key] = _Book(key, limits[key], now=now, tail=tails[key], used=used)
    return books, until
