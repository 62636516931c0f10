"""
Statements that are executed again and again, prepared: planning them costs the database as much as doing them.

A pooler that changes connections with every transaction must know prepared statements (PgBouncer does
from 1.21).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


Parameters = Mapping[str, Any] | Sequence[Any]


def run(sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Execute on Django's connection, in its transaction, and return the rows."""
    cursor = send(sql, parameters)
    with connection.wrap_database_errors:
        return cursor.fetchall()


def send(sql: str, parameters: Parameters = ()) -> psycopg.Cursor[Any]:
    """As `run`, for statements that return no rows; within `together` it does not wait for an answer."""
    connection.close_if_health_check_failed()  # a connection that is kept may have died meanwhile
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return psycopg.Cursor(connection.connection).execute(sql, parameters, prepare=True)


_HAS_TRANSACTION_TIMEOUT = 170_000


@contextmanager
def together(*, seconds: int = 0) -> Iterator[None]:
    """
    Let statements leave without waiting for the answers of those before; within a transaction.

    The database does them one after the other as ever, each seeing what the one before has waited for.

    seconds: after so many the database ends the transaction, from PostgreSQL 17 on. Between two such
    statements it does not count as idle, so a process that is stopped there would keep its locks.
    """
    connection.close_if_health_check_failed()  # a connection that is kept may have died meanwhile
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        if seconds and connection.connection.info.server_version >= _HAS_TRANSACTION_TIMEOUT:
            send(f"SET LOCAL transaction_timeout = '{seconds}s'")
        yield


def plan_anew() -> None:
    """Forget the plans: tables may have grown since from nothing to a million rows."""
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")
