"""Stop what takes too long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

import duckdb


AGAIN = 0.05  # seconds


@contextmanager
def stopped_after(database: duckdb.DuckDBPyConnection, limit: timedelta) -> Iterator[None]:
    """
    Interrupt every statement of the block from `limit` on; they raise duckdb.InterruptException.

    Again and again, because an interrupt that comes between two statements stops neither.
    """
    is_over = Event()

    def interrupt() -> None:
        wait = limit.total_seconds()
        while not is_over.wait(wait):
            database.interrupt()
            wait = AGAIN

    thread = Thread(target=interrupt, name="stopped_after", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
