"""The product's own server, and in front of it the no-op and the bare COPY."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import psycopg

from config import embedded


embedded.ensure()
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.receive_reference.settings"

from django.db import connection  # noqa: E402 - settings come first

from config.wsgi import application as product  # noqa: E402


def no_op(body: bytes) -> None:
    """The floor below the floor: the same without Django, straight from the server's WSGI call."""
    msgspec.json.decode(body)


def bare_copy(body: bytes) -> None:
    """The floor of batches: decode, and COPY one row an event. No key, no check, no duplicate found."""
    connection.ensure_connection()
    events = msgspec.json.decode(body)["batch"]
    with (
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(
            "COPY receive_reference_copied (message_id, user_id, event, happened_at, properties)"
            " FROM STDIN"
        ) as copy,
    ):
        for event in events:
            copy.write_row((
                event["messageId"], event["userId"], event["event"], event["timestamp"],
                msgspec.json.encode(event["properties"]).decode(),
            ))  # fmt: skip


_FLOORS = {"/noop": no_op, "/copy": bare_copy}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    floor = _FLOORS.get(environ["PATH_INFO"])
    if floor is None:
        return product(environ, start_response)
    floor(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    answer = b'{"success": true}'
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    )
    return [answer]
