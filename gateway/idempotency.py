"""
A write that is asked for twice happens once, and both askers get the same answer.

The row is claimed in a transaction of its own, so that others see it in flight. The write and its
answer are committed together: after a crash there is either both or neither, and when the lease of
a dead process has ended, whoever asks again does the write. Leases go by the database's clock.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from gateway.errors import Refused
from gateway.models import ApiKey, IdempotentReply


KEPT = timedelta(hours=24)
LEASE_SECONDS = 30
_TOKEN = re.compile(r"[\x21-\x7e]{1,255}")

_CLAIM = """
    INSERT INTO gateway_idempotentreply AS old
        (key_id, token, fingerprint, created_at, leased_until, epoch, body)
    VALUES (%(key)s, %(token)s, %(fingerprint)s, clock_timestamp(),
            clock_timestamp() + make_interval(secs => %(lease)s), 1, '')
    ON CONFLICT (key_id, token) DO UPDATE
        SET fingerprint = EXCLUDED.fingerprint, leased_until = EXCLUDED.leased_until,
            created_at = EXCLUDED.created_at, epoch = old.epoch + 1, status = NULL, body = ''
        -- too old to matter, or left behind by a process that died over the same request
        WHERE old.created_at < clock_timestamp() - make_interval(secs => %(kept)s)
           OR old.status IS NULL AND old.leased_until < clock_timestamp()
              AND old.fingerprint = EXCLUDED.fingerprint
    RETURNING id, epoch"""

_LOOK = """
    SELECT fingerprint, status, body, extract(epoch FROM leased_until - clock_timestamp())
    FROM gateway_idempotentreply WHERE key_id = %(key)s AND token = %(token)s"""


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
    claimed = _claim(key=key, token=token, fingerprint=fingerprint)
    if isinstance(claimed, Answer):
        return claimed
    mine = IdempotentReply.objects.filter(pk=claimed[0], epoch=claimed[1])
    try:
        with transaction.atomic():
            # the row is ours until we commit: who takes the lease over waits for this lock, then sees us
            _hold(mine)
            status, body = write()
            if status >= 500:
                transaction.set_rollback(True)
            else:
                mine.update(status=status, body=body)
    except BaseException:
        mine.delete()
        raise
    if status >= 500:
        mine.delete()
    return Answer(status=status, body=body)


def _claim(*, key: ApiKey, token: str, fingerprint: str) -> Answer | tuple[int, int]:
    parameters: dict[str, str | int | float] = {
        "key": key.pk, "token": token, "fingerprint": fingerprint,
        "lease": LEASE_SECONDS, "kept": KEPT.total_seconds(),
    }  # fmt: skip
    with connection.cursor() as cursor:
        # a row that is being written is locked: look before touching it, so that nobody waits
        cursor.execute(_LOOK, parameters)
        found = cursor.fetchone()
        if found and found[1] is None and found[3] > 0:
            raise _other_body() if found[0] != fingerprint else _in_flight(found[3])
        cursor.execute(_CLAIM, parameters)
        if claimed := cursor.fetchone():
            return int(claimed[0]), int(claimed[1])
        cursor.execute(_LOOK, parameters)
        found = cursor.fetchone()
    if found is None:  # it failed and was forgotten between the two statements
        raise _in_flight(1)
    said, status, body, left = found
    if said != fingerprint:
        raise _other_body()
    if status is None:
        raise _in_flight(left)
    if not body:
        raise Refused(
            410, "answer_erased",
            "This write was done; its answer was about somebody who has been erased since.",
        )  # fmt: skip
    return Answer(status=status, body=body, replayed=True)


def _hold(mine: QuerySet[IdempotentReply]) -> None:
    """Raises Refused (409) when somebody has taken the lease over."""
    if mine.select_for_update().first() is None:
        raise _in_flight(1)


def _other_body() -> Refused:
    return Refused(
        422, "idempotency_key_reused",
        "This `Idempotency-Key` was used for another request. Make a new one for each write.",
    )  # fmt: skip


def _in_flight(seconds: float) -> Refused:
    wait = min(LEASE_SECONDS, max(1, math.ceil(seconds)))
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
