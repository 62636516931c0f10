"""What a bulk of rows is spared: foreign keys checked row by row, and indexes that grow row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable


# What is written of these joins the rows it refers to in the same statement, or in DuckDB after they were
# written in the same transaction. Nothing but an undoing deletes such rows, and that waits for
# `ingest.lock`. A trigger for each row would find the same, for half of the time of an import.
_JOINED = frozenset({"orders", "order_lines", "refunds"})


@contextmanager
def set_wise_references(cursor: Any, entity: str) -> Iterator[None]:
    """Spare PostgreSQL the check of every single row, where the database's user may."""
    if entity not in _JOINED:
        yield
        return
    with unchecked_references(cursor):
        yield


@contextmanager
def unchecked_references(cursor: Any) -> Iterator[None]:
    """
    In the block no foreign key is checked, where the database's user may spare it, and no usual trigger runs.

    For rows whose references are known to be there, and to stay until the transaction ends.
    """
    cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
    (may,) = cursor.fetchone()
    if not may:
        yield
        return
    cursor.execute("SET LOCAL session_replication_role = replica")
    yield
    cursor.execute("SET LOCAL session_replication_role = DEFAULT")


_MANY = 50_000
# Less than deadlock_timeout (1 s): whoever waits for this import is not called a deadlock for our asking.
_PATIENCE = "200ms"


@contextmanager
def indexes_afterwards(cursor: Any, table: str, *, rows: int) -> Iterator[None]:
    """
    Build the indexes of a table that is still empty after it was filled: sorted, at a third of the cost.

    The transaction then holds the table for itself: whoever reads or writes it waits until the commit. So
    this is for a table that is filled last and read by few, in a transaction that touched it in no way
    before. Where others use the table now, or it has rows, its indexes stay and grow row by row.
    """
    if rows < _MANY or not _is_empty(cursor, table) or not _is_ours_alone(cursor, table):
        yield
        return
    cursor.execute(
        """
        SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), c.conname,
               pg_get_constraintdef(c.oid)
        FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('u', 'p')
        WHERE i.indrelid = %s::regclass
        """,
        [table],
    )
    found = cursor.fetchall()
    for index, _, constraint, _ in found:
        if constraint:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}"')
        else:
            cursor.execute(f"DROP INDEX {index}")
    yield
    # no index is built while the rows wait for a check of their references
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for _, definition, constraint, law in found:
        if constraint:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{constraint}" {law}')
        else:
            cursor.execute(definition)
    cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _is_empty(cursor: Any, table: str) -> bool:
    """As of now, and without keeping the lock of having looked: two who keep it could not both go on."""
    with transaction.atomic():
        cursor.execute(f"SELECT NOT EXISTS (SELECT 1 FROM {table})")
        (is_empty,) = cursor.fetchone()
        transaction.set_rollback(True)
    return bool(is_empty)


def _is_ours_alone(cursor: Any, table: str) -> bool:
    """Take the table's whole lock, if it is soon to be had and the table is empty then."""
    cursor.execute("SELECT current_setting('lock_timeout')")
    (patience,) = cursor.fetchone()
    try:
        with transaction.atomic():
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_PATIENCE])
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [patience])
            is_empty = _is_empty(cursor, table)
            transaction.set_rollback(not is_empty)  # somebody came first: give the lock back
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False
    return is_empty
