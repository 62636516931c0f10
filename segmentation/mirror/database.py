"""Reading PostgreSQL in columns, through ADBC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from django.db import connection


if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor


_opened: ContextVar[Connection | None] = ContextVar("_opened", default=None)


@contextmanager
def snapshot() -> Iterator[Cursor]:
    """A cursor whose statements all see one moment; over the connection of the block, where it has one."""
    with one_connection() as source, source.cursor() as cursor:
        _look_at_one_moment(cursor)
        try:
            yield cursor
        finally:
            source.rollback()


@contextmanager
def snapshots(count: int) -> Iterator[list[Cursor]]:
    """Cursors over as many connections, all of whose statements see one moment: for reading side by side."""
    from adbc_driver_postgresql import dbapi

    with ExitStack() as opened:
        cursors = [opened.enter_context(snapshot())]
        cursors[0].execute("SELECT pg_export_snapshot()")
        ((moment,),) = cursors[0].fetchall()
        for _ in range(1, count):
            source = opened.enter_context(dbapi.connect(uri()))
            cursor = opened.enter_context(source.cursor())
            _look_at_one_moment(cursor)
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{moment}'")
            cursors.append(cursor)
        yield cursors


def _look_at_one_moment(cursor: Cursor) -> None:
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    # of two that read side by side, who is ready first waits for the other
    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


@contextmanager
def one_connection() -> Iterator[Connection]:
    """One connection for every `snapshot` of the block: opening one costs more than reading a few customers."""
    from adbc_driver_postgresql import dbapi

    if (source := _opened.get()) is not None:
        yield source
        return
    with dbapi.connect(uri()) as source:
        token = _opened.set(source)
        try:
            yield source
        finally:
            _opened.reset(token)


def uri() -> str:
    """The database of this process as a libpq URI."""
    known = connection.settings_dict
    query = {"host": known["HOST"], "port": known["PORT"], "user": known["USER"],
             "password": known["PASSWORD"], **known["OPTIONS"]}  # fmt: skip
    # libpq reads a plus sign as one, not as a space
    given = urlencode({key: value for key, value in query.items() if value}, quote_via=quote)
    return f"postgresql:///{quote(known['NAME'])}?{given}"
