"""How many requests a minute one key may make: counted in Redis, so that all web servers count as one.

INCR is atomic, so a limit holds exactly however many ask at once. Where the limit is high a process takes
a hundredth of it at a time and counts that down itself; what is left of a portion when the minute ends
is not used. Without Redis nothing is limited: data comes first, and Redis only rings the bell.
"""

from __future__ import annotations

import logging
import threading
import time

import redis
from django.conf import settings


log = logging.getLogger(__name__)
_WINDOW = 60
_PAUSE = 5.0  # seconds without asking a Redis that did not answer

_lock = threading.Lock()
_portions: dict[str, tuple[int, int]] = {}  # who -> (minute, requests left of the portion)
_client: redis.Redis | None = None
_asks_again_at = 0.0


def seconds_to_wait(who: str) -> int:
    """0: take the request. Else the caller is over the limit until so many seconds have passed."""
    limit = int(settings.RECEIVE_PER_MINUTE)
    if limit <= 0:
        return 0
    moment = time.time()  # the machine's clock: a simulated shop's jumps
    minute = int(moment // _WINDOW)
    with _lock:
        kept_minute, left = _portions.get(who, (minute, 0))
        if kept_minute == minute and left > 0:
            _portions[who] = (minute, left - 1)
            return 0
    portion = max(1, limit // 100)
    used = _take(f"coterie:received:{who}:{minute}", portion)
    if used is None:
        return 0
    got = portion - max(0, used - limit)
    if got <= 0:
        return int(_WINDOW - moment % _WINDOW) + 1
    if got > 1:
        with _lock:
            if len(_portions) > 10_000:
                _portions.clear()
            kept_minute, left = _portions.get(who, (minute, 0))
            _portions[who] = (minute, got - 1 + (left if kept_minute == minute else 0))
    return 0


def _take(name: str, portion: int) -> int | None:
    """Requests of this minute including the new portion; None when Redis does not answer."""
    global _client, _asks_again_at  # noqa: PLW0603 - one client a process
    if time.monotonic() < _asks_again_at:
        return None
    try:
        with _lock:  # of two clients the one let go would close the other's thread's connection
            if _client is None:
                _client = redis.Redis.from_url(
                    settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5
                )
        with _client.pipeline(transaction=True) as both:
            both.incrby(name, portion)
            both.expire(name, 2 * _WINDOW)
            used, _ = both.execute()
        return int(used)
    except redis.RedisError as error:
        _asks_again_at = time.monotonic() + _PAUSE
        log.warning("requests are not counted: %s", type(error).__name__)
        return None
