"""
The table of scores lies in parts, one a generation, named by it.

A part is loaded before it belongs to the table, so that no reader waits for it and its index is built once,
over rows in order; it goes by dropping it whole. A part is unique by customer.
"""

from __future__ import annotations

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from segmentation.models import Score


PATIENCE = "200ms"
"""How long dropping may keep readers waiting behind it, while it waits for one that is at it (a backup, say)."""


def name(generation_id: int) -> str:
    """The table that holds the scores of one generation."""
    return f"{Score._meta.db_table}_{int(generation_id)}"


def begin(generation_id: int) -> None:
    """An empty table of its own, where rows need not say their generation. To be filled in this transaction."""
    table = name(generation_id)
    with connection.cursor() as cursor:
        cursor.execute(
            f"DROP TABLE IF EXISTS {table}"
        )  # of a generation that nobody knows any more
        cursor.execute(f"CREATE TABLE {table} (LIKE {Score._meta.db_table} INCLUDING GENERATED)")
        cursor.execute(
            f"ALTER TABLE {table} ALTER generation_id SET DEFAULT {int(generation_id)},"
            # what is known of each row as it comes need not be looked for in all of them when it becomes a part
            f" ADD CONSTRAINT {table}_is_of CHECK (generation_id = {int(generation_id)})"
        )


def attach(generation_id: int) -> None:
    """Index what was loaded and make it a part. Readers of the whole table are not kept waiting."""
    table = name(generation_id)
    with connection.cursor() as cursor:
        # rows in order are sorted already: to start helpers would cost more than they save
        cursor.execute("SET LOCAL max_parallel_maintenance_workers = 0")
        cursor.execute(f"CREATE UNIQUE INDEX ON {table} (customer_id)")
        cursor.execute(
            f"ALTER TABLE {Score._meta.db_table} ATTACH PARTITION {table}"
            f" FOR VALUES IN ({int(generation_id)})"
        )


def make(generation_id: int) -> None:
    """An empty part, for rows that come one by one."""
    begin(generation_id)
    attach(generation_id)


def drop(generation_id: int) -> bool:
    """Drop a part with all its rows; False, having done nothing, when readers do not let go of it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('lock_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            cursor.execute(f"DROP TABLE IF EXISTS {name(generation_id)}")
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
    except OperationalError as error:
        if not isinstance(
            error.__cause__, LockNotAvailable
        ):  # its words are in the server's language
            raise
        return False
    return True
