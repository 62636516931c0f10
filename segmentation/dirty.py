"""Customers of whom something changed since they were last computed; see dirty_triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
from django.db import connection

from segmentation.bulk import as_array
from segmentation.ml.tables import Ints


MARKS = 100_000
CUSTOMERS = 20_000
_DUE = "(due_at IS NULL OR due_at <= %s)"


@dataclass(frozen=True, kw_only=True, eq=False)
class Taken:
    """Marks, (m,) ids, and the customers they are of, (n,) ascending without repeats."""

    marks: Ints
    customer_ids: Ints


def any_marked(*, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM segmentation_dirtycustomer WHERE {_DUE})",
            [now],
        )
        return bool(cursor.fetchone()[0])


def marked_customers(*, at_most: int, now: datetime) -> int:
    """How many customers are marked, counted no further than `at_most` marks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT customer_id) FROM"
            f" (SELECT customer_id FROM segmentation_dirtycustomer WHERE {_DUE} LIMIT %s) first",
            [now, at_most],
        )
        return int(cursor.fetchone()[0])


def take(*, now: datetime, customers: int = CUSTOMERS) -> Taken:
    """
    The oldest marks. They stay until `forget`: who dies in between has taken nothing.

    What they tell of was committed before this returns. For one reader at a time.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, customer_id FROM segmentation_dirtycustomer WHERE {_DUE} ORDER BY id LIMIT %s",
            [now, MARKS],
        )
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    marks, of = rows[:, 0], rows[:, 1]
    ids, first = np.unique(of, return_index=True)
    if len(ids) > customers:
        ids = np.sort(of[np.sort(first)[:customers]])
    return Taken(marks=marks[np.isin(of, ids)], customer_ids=ids)


def forget(taken: Taken) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM segmentation_dirtycustomer WHERE id = ANY(%s::bigint[])",
            [as_array(taken.marks)],
        )


@contextmanager
def all_taken() -> Iterator[None]:
    """Forget, when the block has computed everybody, the marks that were there when it began."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.taken_marks")
        # with a key: how many marks there are is what the database knows least of all
        cursor.execute("CREATE TEMPORARY TABLE taken_marks (id bigint PRIMARY KEY)")
        cursor.execute("INSERT INTO taken_marks SELECT id FROM segmentation_dirtycustomer")
        yield
        cursor.execute(
            "DELETE FROM segmentation_dirtycustomer d USING taken_marks t WHERE t.id = d.id"
        )
        cursor.execute("DROP TABLE taken_marks")


# Every row by which a feature may change, and from when on it is known.
_KNOWN_FROM = " UNION ALL ".join(
    f"SELECT customer_id, greatest({happened}, arrived_at) AS known_from FROM {table}"
    for table, happened in {
        "orders": "placed_at", "order_lines": "placed_at", "refunds": "refunded_at",
        "events": "happened_at", "reviews": "written_at", "people": "joined_at",
    }.items()
)  # fmt: skip


def mark_for_later(database: duckdb.DuckDBPyConnection, *, as_of: int) -> int:
    """
    Mark whose rows in `database` are only known after `as_of`, for the first moment at which one is.

    A shop's clock may run ahead of ours, and what is computed may lag behind what has come in. Returns how many.
    """
    found = database.execute(
        f"SELECT customer_id, min(known_from) AS first_at FROM ({_KNOWN_FROM}) WHERE known_from >= ? GROUP BY 1",
        [as_of],
    ).fetchnumpy()
    ids = found["customer_id"].tolist()
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO segmentation_dirtycustomer (customer_id, marked_at, due_at)"
                " SELECT id, to_timestamp(%s), to_timestamp(at)"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS later (id, at)",
                [as_of, ids, found["first_at"].tolist()],
            )
    return len(ids)
