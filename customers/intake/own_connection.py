"""The one database connection that the doors of a process share.

Not Django's connection of the thread: any thread may write for all (intake.landing), and a server
with many threads would end with as many idle connections. Within a transaction of the caller there
is no choice: what the caller wrote is seen on the caller's connection alone, so that one is used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from customers.intake import arrays


Result = TypeVar("Result")
Cursor = psycopg.Cursor[Any]
_PAUSE = 1.0  # seconds without knocking again: all who wait would knock, one after the other
# Few statements, again and again: planning them costs the database as much as doing them. A pooler that
# changes connections with every transaction must know prepared statements (PgBouncer does from 1.21).
_PREPARED: dict[str, Any] = {"prepare_threshold": 0}
_PATIENCE = "10s"  # a database that hangs must not take every thread of the server with it

_lock = threading.Lock()
_own: psycopg.Connection[Any] | None = None
_knocks_again_at = 0.0


class DatabaseAwayError(RuntimeError):
    """The database did not take it now; the client should come again."""


def run(work: Callable[[Cursor], Result]) -> Result:
    """
    Call `work` with a cursor, and commit; one statement is one transaction.

    `work` is called again on a new connection when the old one turns out to be dead, so it must bear
    being done twice. Raises DatabaseAwayError, and psycopg.Error for what the database refuses.
    """
    caller = connections[DEFAULT_DB_ALIAS]
    if caller.in_atomic_block:
        cursor: Cursor = psycopg.Cursor(caller.connection)
        arrays.teach(cursor.adapters)
        with transaction.atomic():
            return work(cursor)
    with _lock:
        used_before = _own is not None
        try:
            try:
                return work(psycopg.Cursor(_opened()))
            except (psycopg.OperationalError, psycopg.InterfaceError):
                if not used_before or (_own is not None and not _own.closed):
                    raise
                _forget()
                return work(psycopg.Cursor(_opened()))
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            _forget()
            raise DatabaseAwayError(str(error)) from error


def close() -> None:
    """Give the connection back; the next `run` opens another."""
    global _knocks_again_at  # noqa: PLW0603 - one a process is the point
    with _lock:
        _forget()
        _knocks_again_at = 0.0


def _opened() -> psycopg.Connection[Any]:
    global _own, _knocks_again_at  # noqa: PLW0603
    if _own is None:
        if time.monotonic() < _knocks_again_at:
            raise psycopg.OperationalError("the database did not answer a moment ago")
        parameters = connections[DEFAULT_DB_ALIAS].get_connection_params()
        try:
            _own = psycopg.connect(
                **{"connect_timeout": 5, **parameters, "autocommit": True, **_PREPARED}
            )
        except psycopg.OperationalError:
            _knocks_again_at = time.monotonic() + _PAUSE
            raise
        arrays.teach(_own.adapters)
        _own.execute(f"SET statement_timeout = '{_PATIENCE}'")
    return _own


def _forget() -> None:
    global _own  # noqa: PLW0603
    if _own is not None:
        _own.close()
        _own = None
