"""
A record outside the database of what a restored backup would have forgotten: the restore interlock.

Two kinds of append-only files in one folder (COTERIE_LOGBOOK), without addresses: numbers and keyed
hashes only.

    acts-2026-11.log      erasures, suppressions, withdrawals, restrictions, by month
    sent-2026-11-22.log   what was about to be handed over and what became of it, by day

An act is written and on the disk before its transaction commits; that it has committed is noted after.
Written and not committed, a replay withdraws once too often; the other way round somebody who left would
be mailed. A group of messages is written when its intent has committed and before one is handed over.

Each transaction leaves the same token in both places. A database that lacks a token whose commit the
files know is older than they are: it was restored. Then the gate is shut, by a file that stays until
`manage.py restored` has replayed what is missing.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from consent.interlock.logbook_models import LogbookMark
from core import statements


ACTS, SENT = "acts", "sent"
SHUT = "sending-is-shut"
BEGUN = "begun"
TAIL = 1 << 16
"""Bytes of a file whose tokens are looked up at first; later only what was added."""
WRITE = 1 << 20
MARKS_KEPT = timedelta(days=7)
HORIZON = "horizon"
SYNC_EVERY = 1.0
"""Seconds between two syncs of what was sent: what a power cut may take from it."""

IS_OLDER = (
    "The database is older than the logbook: it was restored from a backup, and has forgotten who left "
    "since and what was sent. Nothing is sent until manage.py restored has replayed that."
)
IS_MISSING = (
    "The logbook is missing: the database says that there is one, and its folder (COTERIE_LOGBOOK) is "
    "empty. Nothing is sent, because nobody can say whether this database was restored from a backup. "
    "Put the folder back, or see manage.py restored --help."
)


class BehindError(Exception):
    """Nothing may be sent; the message says why and what to do."""


def folder() -> Path:
    return Path(settings.LOGBOOK) if settings.LOGBOOK else settings.HOME / "logbook"


# ---------------------------------------------------------------- writing
def enter(facts: Iterable[Mapping[str, Any]], *, now: datetime) -> None:
    """
    Write down acts that the caller's transaction is about to commit: JSON, no addresses.

    Nothing for no facts. Raises OSError when the disk takes no more: then the act does not happen either.
    """
    if not (facts := list(facts)):
        return
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an act is entered in its transaction")
    # a mark of messages has it off: an act that a crash took back would be taken for a restore
    statements.send("SET LOCAL synchronous_commit TO DEFAULT")
    token = _mark(now=now)
    lines = [json.dumps({"t": token, "at": now.isoformat(), **fact}) for fact in facts]
    name = f"{ACTS}-{now:%Y-%m}"
    _append(name, lines, now=now, sync=True)
    done = json.dumps({"t": token, "at": now.isoformat(), "done": 1})
    transaction.on_commit(lambda: _append(name, [done], now=now))


def step(*, now: datetime) -> str:
    """
    A token for what is about to be sent, in the caller's transaction.

    Raises BehindError when the gate is shut, or this database lacks what this process saw committed.
    """
    return _mark(now=now, strict=True)


def handed(
    token: str, *, salt: str, campaign_id: int, rows: Sequence[tuple[int, int, str]], now: datetime
) -> None:
    """
    These (delivery, customer, keyed hash) will be handed over next; `token`'s transaction has committed.

    Raises OSError when it cannot be written: then nothing may be handed over.
    """
    if rows:
        known = [[delivery, customer, hmac[:22]] for delivery, customer, hmac in rows]
        told = {"t": token, "at": now.isoformat(), "s": salt, "c": campaign_id, "d": known}
        _append(f"{SENT}-{now:%Y-%m-%d}", [json.dumps(told)], now=now, sync=_is_time_to_sync())


def answered(states: Mapping[str, Mapping[str, Sequence[int]]], *, now: datetime) -> None:
    """What became of deliveries, by campaign's salt and state; their marks have committed."""
    told = [{"at": now.isoformat(), "s": salt, "a": by_state} for salt, by_state in states.items()]
    _append(f"{SENT}-{now:%Y-%m-%d}", [json.dumps(line) for line in told], now=now)


_synced_at = 0.0


def _is_time_to_sync() -> bool:
    global _synced_at  # noqa: PLW0603 - of this process, whichever campaign it sends
    if time.monotonic() - _synced_at < SYNC_EVERY:
        return False
    _synced_at = time.monotonic()
    return True


def _append(name: str, lines: Sequence[str], *, now: datetime, sync: bool = False) -> None:
    path = folder() / f"{name}.log"
    is_new = not path.exists()
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = [one.name for one in files(name.partition("-")[0]) if one.name < path.name]
        if not before and is_lost():
            before = ["what was here"]
            shut(IS_MISSING)
        begins = {"begins": now.isoformat(), "after": before[-1] if before else ""}
        lines = [json.dumps(begins), *lines]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for portion in _portions(lines):
            if os.write(handle, portion) < len(portion):
                raise OSError(28, "the logbook takes no more", str(path))
        if sync:
            os.fdatasync(handle)
    finally:
        os.close(handle)
    if is_new:
        parent = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


def _portions(lines: Sequence[str]) -> Iterator[bytes]:
    """Whole lines, each of which begins anew: one that a full disk tore spoils no other."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(f"\n{line}\n")
        size += len(line) + 2
        if size >= WRITE:
            yield "".join(held).encode()
            held, size = [], 0
    if held:
        yield "".join(held).encode()


def is_lost() -> bool:
    """Whether the database says that there is a logbook, and it is not here."""
    known = LogbookMark.objects.exclude(token=HORIZON)
    return not (folder() / BEGUN).exists() and known.exists()


def begin() -> None:
    """From here on it tells everything."""
    folder().mkdir(parents=True, exist_ok=True)
    (folder() / BEGUN).touch()


def files(kind: str) -> list[Path]:
    """In the order of time."""
    return sorted(folder().glob(f"{kind}-*.log"))


# ---------------------------------------------------------------- is the database as young as the files?
@dataclass
class _Seen:
    """How far this process has read the files; a token that it knows to be in the database, and when."""

    folder: Path | None = None
    read: dict[Path, int] = field(default_factory=dict)
    last: tuple[str, datetime] | None = None


_seen = _Seen()


def _mark(*, now: datetime, strict: bool = False) -> str:
    """
    Leave a token in the database.

    It goes in only beside the last one that this process saw committed: with no further question, a
    database that was restored under us is found out. `strict` raises BehindError; an act is taken all
    the same, and only shuts the gate.
    """
    words = blocked() if _seen.folder != folder() else _shut_words()
    last = _seen.last if _seen.folder == folder() else None
    token = secrets.token_hex(12)
    if not words and not last:
        begin()
    if (not words or not strict) and not _leave(token, beside=last[0] if last else "", now=now):
        # from here on by the files: what has replayed them may not know of this token
        _seen.folder = None
        if last and missing(dict([last])):
            shut(IS_OLDER)
        words = blocked()  # else it was tidied away: nothing was noted in this process for days
        if not words or not strict:
            _leave(token, beside="", now=now)
    if words and strict:
        raise BehindError(words)
    if not words:
        transaction.on_commit(lambda: _remember(token, at=now))
    return token


def _leave(token: str, *, beside: str, now: datetime) -> bool:
    sql = """INSERT INTO consent_logbookmark (token, at) SELECT %s, %s
             WHERE %s = '' OR EXISTS (SELECT 1 FROM consent_logbookmark WHERE token = %s)"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [token, now, beside, beside])
        return bool(cursor.rowcount)


def _remember(token: str, *, at: datetime) -> None:
    if _seen.folder == folder():
        _seen.last = token, at


def blocked() -> str:
    """Why nothing may be sent, in words; "" when it may. Reads what was added to the files since."""
    return _shut_words() or _look()


def must_be_current() -> None:
    """Raises BehindError when nothing may be sent."""
    if words := blocked():
        raise BehindError(words)


def shut(words: str) -> None:
    """Shut the gate until `open_again`; what came since may hide what was missing."""
    path = folder() / SHUT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)


def open_again() -> None:
    (folder() / SHUT).unlink(missing_ok=True)
    _seen.last = None


def _shut_words() -> str:
    try:
        return (folder() / SHUT).read_text() or IS_OLDER
    except FileNotFoundError:
        return ""


def _look() -> str:
    """Look up the tokens that the files have and this process has not looked up yet."""
    if _seen.folder != folder():
        _seen.folder, _seen.read, _seen.last = folder(), {}, None
    newest = [path for kind in (ACTS, SENT) for path in files(kind)[-2:]]
    if not newest and is_lost():
        return IS_MISSING
    tokens: dict[str, datetime] = {}
    read = {}
    for path in newest:
        found, read[path] = _tokens_since(path, _seen.read.get(path))
        tokens |= found
    if missing(tokens):
        shut(IS_OLDER)
        return IS_OLDER
    _seen.read = read
    if tokens:
        _seen.last = next(reversed(tokens.items()))
    return ""


def missing(tokens: Mapping[str, datetime]) -> set[str]:
    """Those that the database should have and has not; what is older than the horizon was tidied away."""
    if not tokens:
        return set()
    horizon = LogbookMark.objects.filter(token=HORIZON).values_list("at", flat=True).first()
    asked = {token for token, at in tokens.items() if horizon is None or at >= horizon}
    known = LogbookMark.objects.filter(token__in=asked).values_list("token", flat=True)
    return asked - set(known)


def _tokens_since(path: Path, place: int | None) -> tuple[dict[str, datetime], int]:
    """Tokens whose commit `path` tells of from `place` on (None: near its end), and where it ends."""
    size = path.stat().st_size
    start = max(0, size - TAIL if place is None else max(place, size - TAIL))
    if start >= size:
        return {}, size
    with path.open("rb") as file:
        file.seek(start)
        raw = file.read(size - start)
    end = start + raw.rfind(b"\n") + 1  # the last line may still be written
    found = {}
    for line in raw[: end - start].split(b"\n"):
        if line.startswith(b'{"t"') and (b'"done"' in line or b'"d":' in line):
            with suppress(ValueError):  # torn; the replay says so
                told = json.loads(line)
                found[told["t"]] = datetime.fromisoformat(told["at"])
    return found, end


# ---------------------------------------------------------------- how long it is kept
def tidy(*, now: datetime) -> int:
    """
    Delete files that tell only of what is older than any backup (COTERIE_BACKUP_DAYS), and old marks.

    Returns how many files.
    """
    marks_since = now - MARKS_KEPT
    LogbookMark.objects.update_or_create(token=HORIZON, defaults={"at": marks_since})
    LogbookMark.objects.filter(at__lt=marks_since).delete()
    horizon = now - timedelta(days=settings.BACKUP_DAYS)
    gone = 0
    for kind in (ACTS, SENT):
        for path in files(kind)[:-1]:
            if datetime.fromtimestamp(path.stat().st_mtime, tz=now.tzinfo) < horizon and (
                path.name < f"{kind}-{horizon:%Y-%m-%d}.log"
            ):
                path.unlink()
                gone += 1
    return gone
