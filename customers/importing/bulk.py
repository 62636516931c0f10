"""What a bulk of rows is spared: foreign keys checked row by row, and indexes that grow row by row."""

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


_MANY = 50_000


@contextmanager
def indexes_afterwards(
    cursor: Any, table: str, *, rows: int, keep_unique: bool = False
) -> Iterator[None]:
    """
    Build the indexes of a table that is still empty after it was filled: sorted, at a third of the cost.

    The transaction then holds the table for itself. It is empty: nobody is kept from reading anything.
    keep_unique: those that ON CONFLICT needs, and a primary key that other tables refer to, stay.
    """
    cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")
    (is_in_use,) = cursor.fetchone()
    if is_in_use or rows < _MANY:
        yield
        return
    cursor.execute(
        """
        SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), c.conname,
               pg_get_constraintdef(c.oid)
        FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('u', 'p')
        WHERE i.indrelid = %s::regclass AND NOT (%s AND i.indisunique)
        """,
        [table, keep_unique],
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
