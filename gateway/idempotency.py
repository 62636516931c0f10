"""
A write that is asked for twice happens once, and both askers get the same answer.

The write and its answer are one transaction: after a crash there is either both or neither. While it
lasts it holds two locks, which end with it whatever ends it: one of the token, and one of the token and
what is asked for, by which somebody else can tell the same write in flight from another one.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.http import HttpRequest

from core import statements
from gateway.errors import Refused
from gateway.models import ApiKey


KEPT = timedelta(hours=24)
_TOKEN = re.compile(r"[\x21-\x7e]{1,255}")

# NULL: the same write is in flight; false: another one with this token is
_LOCK = """
    SELECT CASE WHEN pg_try_advisory_xact_lock(%(same)s::bigint)
                THEN pg_try_advisory_xact_lock(%(lock)s::bigint) END"""

# a statement of its own after the lock: one that waited for nobody may have begun before another's commit
_LOOK = """
    SELECT fingerprint, status, body, extract(epoch FROM leased_until - clock_timestamp())
    FROM gateway_idempotentreply WHERE key_id = %(key)s::bigint AND token = %(token)s
        AND created_at >= clock_timestamp() - make_interval(secs => %(kept)s)"""

_REMEMBER = """
    INSERT INTO gateway_idempotentreply AS old
        (key_id, token, fingerprint, created_at, leased_until, epoch, status, body)
    VALUES (%(key)s::bigint, %(token)s, %(fingerprint)s, clock_timestamp(), clock_timestamp(), 1,
            %(status)s, %(body)s)
    ON CONFLICT (key_id, token) DO UPDATE
        SET fingerprint = EXCLUDED.fingerprint, leased_until = EXCLUDED.leased_until,
            created_at = EXCLUDED.created_at, epoch = old.epoch + 1, status = EXCLUDED.status,
            body = EXCLUDED.body
        -- too old to matter, or left behind by a process of an earlier release
        WHERE old.created_at < clock_timestamp() - make_interval(secs => %(kept)s)
           OR old.status IS NULL AND old.leased_until < clock_timestamp()
    RETURNING true"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a write was answered with; `body` is JSON."""

    status: int
    body: str
    replayed: bool = False


def token_of(request: HttpRequest) -> str:
    """The request's `Idempotency-Key`. Raises Refused (400) without one that can be used."""
    token = request.headers.get("Idempotency-Key", "")
    if not token:
        raise Refused(
            400, "idempotency_key_required",
            "Send an `Idempotency-Key` header with every write: any text that is new for each write "
            "and the same when you try that write again.",
        )  # fmt: skip
    if not _TOKEN.fullmatch(token):
        raise Refused(
            400, "idempotency_key_invalid",
            "The `Idempotency-Key` must be 1 to 255 visible ASCII characters.",
        )  # fmt: skip
    return token


def fingerprint_of(request: HttpRequest) -> str:
    """SHA-256 of method, path with query, and body."""
    line = f"{request.method} {request.get_full_path()}\n".encode("utf-8", "surrogatepass")
    return hashlib.sha256(line + request.body).hexdigest()


def once(
    *, key: ApiKey, token: str, fingerprint: str, write: Callable[[], tuple[int, str]]
) -> Answer:
    """
    Do `write`, which returns status and body, unless it has been done, and remember the answer.

    A status of 500 or more is not remembered, and what was written is rolled back; a status of 400 or
    more is remembered, and `write` itself has rolled back. Raises Refused: 409 while another request
    with this token is in flight, 422 when the token belongs to another request.
    """
    parameters: dict[str, str | int | float] = {
        "key": key.pk, "token": token, "fingerprint": fingerprint, "kept": KEPT.total_seconds(),
        "lock": _number(f"{key.pk} {token}"), "same": _number(f"{key.pk} {token} {fingerprint}"),
    }  # fmt: skip
    with transaction.atomic():
        answer = _known(parameters)
        if answer is not None:
            return answer
        status, body = write()
        if status >= 500:
            transaction.set_rollback(True)
        elif not statements.run(_REMEMBER, {**parameters, "status": status, "body": body}):
            raise _in_flight(1)  # claimed by a process of an earlier release, which knows no lock
    return Answer(status=status, body=body)


def _known(parameters: dict[str, str | int | float]) -> Answer | None:
    """The answer that was given, or None: then the write is ours until the transaction ends."""
    with statements.together():
        locked = statements.send(_LOCK, parameters)
        looked = statements.send(_LOOK, parameters)
    (is_ours,) = locked.fetchone() or (None,)
    found = looked.fetchone()
    if found is None or found[1] is None:  # what is done is told to however many ask at once
        if is_ours is None:
            raise _in_flight(1)
        if not is_ours:
            raise _other_body()
    if found is not None and found[0] != parameters["fingerprint"]:
        raise _other_body()
    if found is None:
        return None
    _, status, body, left = found
    if status is None:
        if left > 0:
            raise _in_flight(left)
        return None
    if not body:
        raise Refused(
            410, "answer_erased",
            "This write was done; its answer was about somebody who has been erased since.",
        )  # fmt: skip
    return Answer(status=status, body=body, replayed=True)


def _number(text: str) -> int:
    """A lock's: 64 bits, of which two different texts practically never share all."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def _other_body() -> Refused:
    return Refused(
        422, "idempotency_key_reused",
        "This `Idempotency-Key` was used for another request. Make a new one for each write.",
    )  # fmt: skip


def _in_flight(seconds: float) -> Refused:
    wait = min(30, max(1, math.ceil(seconds)))
    return Refused(
        409, "in_flight",
        f"The same write is being done just now. Ask again in {wait} s for its answer.",
        retry_after=wait,
    )  # fmt: skip


def forget() -> int:
    """Delete answers that are kept no longer; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM gateway_idempotentreply"
            " WHERE created_at < clock_timestamp() - make_interval(secs => %s)",
            [KEPT.total_seconds()],
        )
        return int(cursor.rowcount)
