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

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from customers.intake import keys
from webhooks import signing
from webhooks.enums import PostState, Topic
from webhooks.models import Endpoint, Message, Post


log = logging.getLogger(__name__)

# Seconds to wait after the first try, the second, ...: what the specification proposes, about three days.
DELAYS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
LONGEST_WISH = 86_400  # seconds; a Retry-After beyond is not followed
STOP_AFTER = timedelta(days=5)  # of nothing but failures
LEASE = timedelta(minutes=2)
LONGEST_TRY = timedelta(
    seconds=30
)  # with room to spare; none begins when less is left of the lease
SHORTEST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)
"""How long an endpoint that does not answer at all is left alone."""
AT_ONCE = 8  # connections
_GONE = 410
_AT_ONCE_FORGOTTEN = 5_000
_UNREADABLE = "The secret cannot be read: COTERIE_SOURCE_KEY has changed. Give it a new secret."


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
    last_start = min(post.leased_until for post in posts if post.leased_until) - LONGEST_TRY
    endpoints = {post.endpoint_id: post.endpoint for post in posts}
    signing_secrets = {pk: _secrets(endpoint, now=now()) for pk, endpoint in endpoints.items()}
    silent: set[int] = set()

    def attempt(post: Post) -> Answer | None:
        # the lease must outlast the try; and one that does not answer is not knocked at again and again
        if post.endpoint_id in silent or now() > last_start:
            return None
        secrets = signing_secrets[post.endpoint_id]
        if not secrets:
            return Answer(status=None, error=_UNREADABLE)
        body = encoded(post.message)
        signed = signing.headers(
            message_id=post.message.message_id,
            timestamp=int(now().timestamp()),
            body=body,
            signing_secrets=secrets,
        )
        answer = courier(post.endpoint.url, body, {**signed, "content-type": "application/json"})
        if answer.status is None:
            silent.add(post.endpoint_id)
        return answer

    tried = 0
    with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
        for post, answer in zip(posts, threads.map(attempt, posts), strict=True):
            if answer is None:
                _mine(post).update(leased_until=None)
            else:
                settle(post, answer, now=now())
                tried += 1
    return tried


def encoded(message: Message) -> bytes:
    """The body: the same bytes at every try."""
    said = {
        "type": message.topic,
        "timestamp": message.happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": message.data,
    }
    return json.dumps(said, separators=(",", ":"), sort_keys=True).encode()


def _claim(*, now: datetime, limit: int) -> list[Post]:
    """Posts under a lease of ours, of each endpoint in turn: a long queue makes no other one wait."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE webhooks_post SET leased_until = %(until)s FROM (
                SELECT post.id, row_number() OVER (
                    PARTITION BY endpoint.id ORDER BY post.next_try_at, post.id) AS turn
                FROM webhooks_endpoint endpoint, LATERAL (
                    SELECT id, next_try_at FROM webhooks_post
                    WHERE endpoint_id = endpoint.id AND state = 'PENDING' AND next_try_at <= %(now)s
                      AND (leased_until IS NULL OR leased_until < %(now)s)
                    ORDER BY next_try_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
                ) post
                WHERE endpoint.is_active
                  AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= %(now)s)
                ORDER BY turn LIMIT %(limit)s
            ) fair WHERE webhooks_post.id = fair.id RETURNING webhooks_post.id, turn
            """,
            {"now": now, "until": now + LEASE, "limit": limit},
        )
        turns = dict(cursor.fetchall())
    posts = Post.objects.filter(pk__in=turns).select_related("message", "endpoint")
    return sorted(posts, key=lambda post: (turns[post.pk], post.pk))


def _secrets(endpoint: Endpoint, *, now: datetime) -> Sequence[str]:
    """Empty when they cannot be read: then this endpoint waits, and no other one."""
    try:
        current = keys.unseal(endpoint.sealed_secret)
        if endpoint.old_secret_until is None or endpoint.old_secret_until <= now:
            return [current]
        return [current, keys.unseal(endpoint.sealed_old_secret)]
    except keys.SealError:
        return []


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
        # a fact, also where the lease ran out meanwhile and somebody else is trying
        pending = Post.objects.filter(pk=post.pk, state=PostState.PENDING)
        pending.update(state=PostState.DELIVERED, delivered_at=now, **tried)
        Endpoint.objects.filter(pk=post.endpoint_id).exclude(failing_since=None).update(
            failing_since=None, rests_until=None
        )
        return
    if answer.status == _GONE or post.tries >= len(DELAYS):
        changed = _mine(post).update(state=PostState.DEAD, **tried)
    else:
        wait = max(DELAYS[post.tries], _wish(answer.retry_after, now=now))
        changed = _mine(post).update(next_try_at=now + timedelta(seconds=wait), **tried)
    if changed:
        _endpoint_failed(post.endpoint_id, answer, now=now)


def _mine(post: Post) -> QuerySet[Post]:
    """The post, unless its lease ran out and somebody else has taken it up or settled it."""
    return Post.objects.filter(pk=post.pk, state=PostState.PENDING, leased_until=post.leased_until)


def _endpoint_failed(endpoint_id: int, answer: Answer, *, now: datetime) -> None:
    Endpoint.objects.filter(pk=endpoint_id, failing_since=None).update(failing_since=now)
    since = Endpoint.objects.values_list("failing_since", flat=True).get(pk=endpoint_id) or now
    if answer.status == _GONE:
        _stop(endpoint_id, "The receiver answered 410: it wants no more messages.")
    elif since < now - STOP_AFTER:
        _stop(endpoint_id, f"Nothing was taken for {STOP_AFTER.days} days.")
    elif answer.status is None:
        # every try of a receiver that hangs costs a worker's time: the longer it has been so, the rarer
        rest = min(max((now - since) / 4, SHORTEST_REST), LONGEST_REST)
        Endpoint.objects.filter(pk=endpoint_id).update(rests_until=now + rest)


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
    except (TypeError, ValueError, OverflowError):
        return 0
    return int(min(max(seconds, 0), LONGEST_WISH))


def send_again(posts: QuerySet[Post], *, now: datetime) -> int:
    """Put those of `posts` that are dead back in the queue, all tries before them; returns how many."""
    return posts.filter(state=PostState.DEAD).update(
        state=PostState.PENDING, tries=0, next_try_at=now, leased_until=None
    )


def forget(*, before: datetime) -> int:
    """Delete messages older than `before` that nobody is waiting for; returns how many."""
    # an erasure is owed to a stopped endpoint too
    is_owed = Q(endpoint__is_active=True) | Q(message__topic=Topic.CUSTOMER_ERASED)
    waiting = Post.objects.filter(is_owed, message=OuterRef("pk"), state=PostState.PENDING)
    old = Message.objects.filter(~Exists(waiting), created_at__lt=before).order_by("created_at")
    forgotten = 0
    while some := list(old.values_list("pk", flat=True)[:_AT_ONCE_FORGOTTEN]):
        forgotten += Message.objects.filter(pk__in=some).delete()[1]["webhooks.Message"]
    return forgotten
