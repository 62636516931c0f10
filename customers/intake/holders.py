"""Whose key or address is this? Looked up once, remembered for a few seconds.

A revoked key, a changed secret or a changed list of origins is believed for REMEMBERED_SECONDS, and for
LOOKING_SECONDS more by those who come while one of them looks again.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from customers.intake import keys, own_connection


REMEMBERED_SECONDS = 3.0
LOOKING_SECONDS = 1.0
_MOST = 10_000  # strangers' keys are remembered too; they must not fill the memory


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyHolder:
    """A living key: what it may do, and from which pages (`*`: any)."""

    key_id: int
    shown: str
    source_id: int
    power: str
    origins: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookHolder:
    source_id: int
    sealed_secret: str


_Kept = TypeVar("_Kept")


class _Memory(Generic[_Kept]):
    """What was found for a name, or that nothing was. Assignments to a dict need no lock."""

    def __init__(self) -> None:
        self.kept: dict[object, tuple[float, _Kept | None]] = {}

    def get(self, name: object) -> tuple[bool, _Kept | None]:
        """Whether to believe it, and what was found. Who may not believe it looks, for all the others."""
        until, found = self.kept.get(name, (0.0, None))
        now = time.monotonic()
        if until > now:
            return True, found
        if name in self.kept:  # else every thread would ask the database at the same moment
            self.kept[name] = (now + LOOKING_SECONDS, found)
        return False, found

    def keep(self, name: object, found: _Kept | None) -> None:
        if len(self.kept) >= _MOST:
            self.kept.clear()
        self.kept[name] = (time.monotonic() + REMEMBERED_SECONDS, found)


_keys: _Memory[KeyHolder] = _Memory()
_webhooks: _Memory[WebhookHolder] = _Memory()


def forget() -> None:
    """Look everything up again from now on (this process)."""
    _keys.kept.clear()
    _webhooks.kept.clear()


def of_key(key: str, *, now: datetime) -> KeyHolder | None:
    """None for an unknown or revoked key. Raises DatabaseAwayError."""
    # by hash: the memory of the process need not hold what strangers try
    name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    fresh, holder = _keys.get(name)
    if not fresh:
        holder = own_connection.run(lambda cursor: _ask_key(cursor, key, now=now))
        _keys.keep(name, holder)
    return holder


def of_webhook(kind: str, public_id: str) -> WebhookHolder | None:
    """None for an address that was never given out. Raises DatabaseAwayError."""
    if "\0" in public_id or not public_id.isascii():
        return None
    fresh, holder = _webhooks.get((kind, public_id))
    if not fresh:
        holder = own_connection.run(lambda cursor: _ask_webhook(cursor, kind, public_id))
        _webhooks.keep((kind, public_id), holder)
    return holder


def _ask_key(cursor: own_connection.Cursor, key: str, *, now: datetime) -> KeyHolder | None:
    cursor.execute(
        """
        SELECT key.id, key.prefix, key.source_id, key.power,
               source.settings -> 'allowed_origins'
        FROM customers_sourcekey key
        JOIN customers_source source ON source.id = key.source_id
        WHERE key.key_sha256 = %s AND (key.revoked_at IS NULL OR key.revoked_at > %s)
        """,
        [keys.digest(key), now],
    )
    row = cursor.fetchone()
    if row is None:
        return None
    return KeyHolder(
        key_id=row[0], shown=row[1], source_id=row[2], power=row[3],
        origins=_origins(row[4]),
    )  # fmt: skip


def _ask_webhook(cursor: own_connection.Cursor, kind: str, public_id: str) -> WebhookHolder | None:
    cursor.execute(
        "SELECT id, sealed_secret FROM customers_source WHERE kind = %s AND public_id = %s",
        [kind, public_id],
    )
    row = cursor.fetchone()
    return None if row is None else WebhookHolder(source_id=row[0], sealed_secret=row[1])


def _origins(listed: object) -> frozenset[str]:
    # on the caller's connection Django has taught psycopg to leave jsonb as text
    if isinstance(listed, str):
        listed = json.loads(listed)
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(str(origin).rstrip("/").lower() for origin in listed)
