"""The doors' routes: as a WSGI application of their own, and as a Django view of the same.

No middleware is asked: no session, no CSRF token, no host check and above all no redirect. Every client
follows a redirect with a GET, and then reports success while nothing was stored.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from core import clock
from customers.intake import cors, doors, landing, own_connection, replies
from customers.intake.replies import RefusedError, Reply


log = logging.getLogger(__name__)
Environ = dict[str, Any]
Door = Callable[..., Reply]
WSGIApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

PREFIXES: Final = ("/v1/", "/in/")
# what a client may call it -> the request's topic
CALLS: Final = {
    "batch": "batch", "b": "batch", "import": "batch",
    "identify": "identify", "i": "identify",
    "track": "track", "t": "track",
    "page": "page", "p": "page",
    "screen": "screen", "s": "screen",
    "group": "group", "g": "group",
    "alias": "alias", "a": "alias",
}  # fmt: skip
_WEBHOOKS: Final[Mapping[str, Door]] = {"shopify": doors.shopify, "woocommerce": doors.woocommerce}
_CALLS: Final[Mapping[str, Door]] = {
    f"/v1/{name}{slash}": partial(doors.call, topic=topic)
    for name, topic in CALLS.items()
    for slash in ("", "/")
}


class _Clock:
    """core.clock, whose file is looked for once a second: looking costs as much as all else here."""

    def __init__(self) -> None:
        self.looks_again_at = 0.0
        self.shift = timedelta(0)

    def now(self) -> datetime:
        if time.monotonic() >= self.looks_again_at:
            self.shift = clock.shift()
            self.looks_again_at = time.monotonic() + 1
        return datetime.now(tz=UTC) + self.shift  # noqa: TID251 - this is the clock


_clock = _Clock()


def answer(environ: Mapping[str, Any]) -> Reply:
    """The reply to a request below PREFIXES; never raises."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    door = _CALLS.get(path) or _webhook(path)
    if door is None:
        return replies.UNKNOWN_CALL
    if method == "OPTIONS":
        return cors.PREFLIGHT
    if method != "POST":
        return replies.ONLY_POST
    try:
        reply = replies.MAINTENANCE if settings.MAINTENANCE else door(environ, now=_clock.now())
    except RefusedError as error:
        reply = error.reply
    except own_connection.DatabaseAwayError as error:
        log.error("not stored: %s", type(error.__cause__).__name__)  # noqa: TRY400 - no trace: it may quote a row
        reply = replies.DATABASE_AWAY
    except landing.SourceGoneError:
        reply = replies.UNKNOWN_KEY
    except Exception as error:  # noqa: BLE001 - whatever it is, the client must be told to keep the data
        log.error("not stored: %s at %s", type(error).__name__, _where(error))  # noqa: TRY400 - as above
        reply = replies.UNEXPECTED
    if reply.status != 200 and "HTTP_ORIGIN" in environ:  # a page's script may read why
        return reply.with_headers(cors.OPEN)
    return reply


def _where(error: Exception) -> str:
    return " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )


def _webhook(path: str) -> Door | None:
    parts = path.split("/")
    if len(parts) == 5 and not parts[4]:  # the spelling with a slash at the end
        parts.pop()
    if len(parts) == 4 and parts[1] == "in" and parts[3] and (door := _WEBHOOKS.get(parts[2])):
        return partial(door, public_id=parts[3])
    return None


def in_front_of(application: WSGIApplication) -> WSGIApplication:
    """A WSGI application that answers at the doors itself and passes everything else on."""

    def front(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(PREFIXES):
            return application(environ, start_response)
        reply = answer(environ)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(reply.body))),
            *reply.headers.items(),
        ]
        start_response(f"{reply.status} {replies.PHRASES[reply.status]}", headers)
        return [reply.body]

    return front


@csrf_exempt
def door(request: HttpRequest, **parts: str) -> HttpResponse:
    """The same behind Django, for servers that do not load config.wsgi (runserver, the test client)."""
    reply = answer(request.META)
    return HttpResponse(
        reply.body,
        status=reply.status,
        content_type="application/json",
        headers=dict(reply.headers),
    )
