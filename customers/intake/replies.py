"""The answers at the doors. Clients act on the status: what is 4xx is thrown away, the rest comes again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


PHRASES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        return replace(self, headers={**self.headers, **headers}) if headers else self


class RefusedError(Exception):
    """The request is not taken; the reply says why, and what to do."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply

    @property
    def code(self) -> str:
        return str(json.loads(self.reply.body)["code"])


# exactly 200: a 202 or 204 makes rudder-sdk-python send an accepted batch again
TAKEN = Reply(200, b'{"success": true}')


def refusal(
    status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
) -> Reply:
    """`code` and `message`: without them rudder-sdk-python takes a 401 for a network error."""
    body = {"success": False, "code": code, "message": message, "detail": message}
    return Reply(status, json.dumps(body).encode(), headers or {})


def come_again(status: int, code: str, message: str, *, seconds: int) -> Reply:
    return refusal(status, code, message, headers={"Retry-After": str(max(1, seconds))})


UNKNOWN_KEY = refusal(
    401,
    "unknown_key",
    "The write key is missing, unknown or revoked. Send a source's key as the Basic user name or as "
    "writeKey.",
    headers={"WWW-Authenticate": 'Basic realm="write key"'},
)
ONLY_POST = refusal(
    405,
    "method_not_allowed",
    "This address takes POST only; give its host to a Segment client or a webhook.",
    headers={"Allow": "POST, OPTIONS"},
)
UNKNOWN_CALL = refusal(
    404, "unknown_call", "There is no such call. See docs/how-to/receive-events.md."
)
UNKNOWN_ADDRESS = refusal(
    404, "unknown_address", "No source has this address. Copy it again from the source's page."
)
BAD_SIGNATURE = refusal(
    401,
    "bad_signature",
    "The signature does not belong to this body and the source's secret. Set the secret that the shop "
    "shows with `manage.py source secret`.",
)
FOREIGN_ORIGIN = refusal(
    403,
    "origin_not_allowed",
    "This browser key is for other pages. Add the page's origin to the source's allowed origins.",
)
MAINTENANCE = come_again(
    503, "maintenance", "Coterie is being maintained. Keep the data and send it again.", seconds=60
)
DATABASE_AWAY = come_again(
    503, "unavailable", "The data could not be stored now. Keep it and send it again.", seconds=10
)
SEALED = come_again(
    503, "secret_unreadable", "The source's secret cannot be read. Set it again.", seconds=300
)
UNEXPECTED = refusal(
    500, "unexpected", "Something went wrong on our side; it is in the log. Send it again."
)
