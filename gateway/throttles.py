"""So many requests a minute and key, counted exactly: one script in Redis counts and sets the end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from django.conf import settings


log = logging.getLogger(__name__)

WINDOW_SECONDS = 60
# A count without an end would shut the key out for ever, so both happen in one script.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Where a key stands in its minute, which begins with its first request."""

    limit: int
    used: int
    reset_seconds: int

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.reset_seconds),
        }


@cache
def _server(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def count(name: str, *, limit: int) -> Rate:
    """Count one request under `name`. Without Redis nothing is counted: the API is worth more than the limit."""
    try:
        used, left_ms = _server(settings.REDIS_URL).eval(
            _COUNT, 1, f"coterie:throttle:{name}", WINDOW_SECONDS * 1_000
        )
    except redis.RedisError:
        log.warning("requests are not being counted: Redis does not answer")
        used, left_ms = 1, WINDOW_SECONDS * 1_000
    return Rate(limit=limit, used=int(used), reset_seconds=max(1, -(-int(left_ms) // 1_000)))
