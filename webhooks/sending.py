"""
Handing messages over: claimed under a lease, posted, and tried again until they are taken.

A receiver may get a message twice (the answer was lost, or we were killed after posting): it carries
the same webhook-id then. None is ever lost; what nobody took in three days is kept as dead and can
be sent again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from customers.intake import keys
from webhooks import signing
from webhooks.enums import PostState
from webhooks.models import Endpoint, Message, Post


log = logging.getLogger(__name__)

# Seconds to wait after the first try, the second, ...: what the specification proposes, about three days.
DELAYS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
LONGEST_WISH = 86_400  # seconds; a Retry-After beyond is not followed
STOP_AFTER = timedelta(days=5)  # of nothing but failures
LEASE = timedelta(minutes=2)
AT_ONCE = 8  # connections
_GONE = 410


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one try; `status` is None when there was no answer at all."""

    status: int | None
    error: str = ""
    retry_after: str = ""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


Courier = Callable[[str, bytes, dict[str, str]], Answer]
"""Posts a body with headers to a URL. Raises nothing."""


def send_due(*, now: Callable[[], datetime], courier: Courier, limit: int = 200) -> int:
    """Try up to `limit` posts that are due; returns how many were tried."""
    posts = _claim(now=now(), limit=limit)
    if not posts:
        return 0
    sealed = {endpoint.pk: endpoint for endpoint in {post.endpoint for post in posts}}
    signers = {pk: _secrets(endpoint, now=now()) for pk, endpoint in sealed.items()}

    def attempt(post: Post) -> Answer:
        body = encoded(post.message)
        signed = signing.headers(
            message_id=post.message.message_id,
            timestamp=int(now().timestamp()),
            body=body,
            signing_secrets=signers[post.endpoint_id],
        )
        return courier(post.endpoint.url, body, {**signed, "content-type": "application/json"})

    with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
        for post, answer in zip(posts, threads.map(attempt, posts), strict=True):
            settle(post, answer, now=now())
    return len(posts)


def encoded(message: Message) -> bytes:
    """The body: the same bytes at every try."""
    said = {
        "type": message.topic,
        "timestamp": message.happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": message.data,
    }
    return json.dumps(said, separators=(",", ":"), sort_keys=True).encode()


def _claim(*, now: datetime, limit: int) -> list[Post]:
    with transaction.atomic(), connection.cursor() as cursor:
        # a dead receiver must not take all places: of each endpoint a share
        cursor.execute(
            """
            UPDATE webhooks_post SET leased_until = %(until)s WHERE id IN (
                SELECT post.id FROM webhooks_endpoint endpoint, LATERAL (
                    SELECT id FROM webhooks_post
                    WHERE endpoint_id = endpoint.id AND state = 'PENDING' AND next_try_at <= %(now)s
                      AND (leased_until IS NULL OR leased_until < %(now)s)
                    ORDER BY next_try_at, id LIMIT %(share)s FOR UPDATE SKIP LOCKED
                ) post WHERE endpoint.is_active LIMIT %(limit)s
            ) RETURNING id
            """,
            {"now": now, "until": now + LEASE, "limit": limit, "share": max(limit // 4, 1)},
        )
        claimed = [pk for (pk,) in cursor.fetchall()]
    posts = Post.objects.filter(pk__in=claimed).select_related("message", "endpoint")
    return list(posts.order_by("pk"))


def _secrets(endpoint: Endpoint, *, now: datetime) -> Sequence[str]:
    current = keys.unseal(endpoint.sealed_secret)
    if endpoint.old_secret_until is None or endpoint.old_secret_until <= now:
        return [current]
    return [current, keys.unseal(endpoint.sealed_old_secret)]


@transaction.atomic
def settle(post: Post, answer: Answer, *, now: datetime) -> None:
    """Write down what became of a try: taken, to be tried again, or given up."""
    tried = {
        "tries": F("tries") + 1,
        "leased_until": None,
        "last_tried_at": now,
        "last_status": answer.status,
        "last_error": answer.error[:300],
    }
    if answer.is_taken:
        _write(post, state=PostState.DELIVERED, delivered_at=now, **tried)
        Endpoint.objects.filter(pk=post.endpoint_id).exclude(failing_since=None).update(
            failing_since=None
        )
        return
    Endpoint.objects.filter(pk=post.endpoint_id, failing_since=None).update(failing_since=now)
    if answer.status == _GONE:
        _write(post, state=PostState.DEAD, **tried)
        _stop(post.endpoint_id, "The receiver answered 410: it wants no more messages.")
    elif post.tries >= len(DELAYS):
        _write(post, state=PostState.DEAD, **tried)
        if Endpoint.objects.filter(
            pk=post.endpoint_id, failing_since__lt=now - STOP_AFTER
        ).exists():
            _stop(post.endpoint_id, f"Nothing was taken for {STOP_AFTER.days} days.")
    else:
        wait = max(DELAYS[post.tries], _wish(answer.retry_after, now=now))
        _write(post, next_try_at=now + timedelta(seconds=wait), **tried)


def _write(post: Post, **changes: Any) -> None:
    Post.objects.filter(pk=post.pk).update(**changes)


def _stop(endpoint_id: int, reason: str) -> None:
    log.warning("webhook endpoint %d stopped: %s", endpoint_id, reason)
    Endpoint.objects.filter(pk=endpoint_id).update(is_active=False, stopped_because=reason)


def _wish(retry_after: str, *, now: datetime) -> int:
    """Seconds that the receiver asks us to wait: a number or an HTTP date; 0 for anything else."""
    text = retry_after.strip()
    if text.isdecimal():
        return min(int(text[:9]), LONGEST_WISH)
    try:
        seconds = (parsedate_to_datetime(text) - now).total_seconds()
    except (TypeError, ValueError):
        return 0
    return int(min(max(seconds, 0), LONGEST_WISH))


def send_again(post: Post, *, now: datetime) -> bool:
    """Put a dead post back in the queue, all tries before it; False when it is not dead."""
    return bool(
        Post.objects.filter(pk=post.pk, state=PostState.DEAD).update(
            state=PostState.PENDING, tries=0, next_try_at=now
        )
    )


def forget(*, before: datetime) -> int:
    """Delete messages older than `before` that nobody waits for any more; returns how many."""
    waiting = Post.objects.filter(state=PostState.PENDING).values("message")
    old = Message.objects.filter(created_at__lt=before).exclude(pk__in=waiting)
    return old.delete()[1].get("webhooks.Message", 0)
