"""Foreign keys of a bulk of rows, checked set by set instead of row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


# What is written of these joins the rows it refers to in the same statement, or in DuckDB after they were
# written in the same transaction. Nothing but an undoing deletes such rows, and that waits for
# `ingest.lock`. A trigger for each row would find the same, for half of the time of an import.
_JOINED = frozenset({"orders", "order_lines", "refunds"})


@contextmanager
def set_wise_references(cursor: Any, entity: str) -> Iterator[None]:
    """Spare PostgreSQL the check of every single row, where the database's user may."""
    cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
    (may,) = cursor.fetchone()
    if not may or entity not in _JOINED:
        yield
        return
    cursor.execute("SET LOCAL session_replication_role = replica")
    yield
    cursor.execute("SET LOCAL session_replication_role = DEFAULT")
