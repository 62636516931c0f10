"""Customers of whom something changed since they were last computed; see dirty_triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.db import connection

from segmentation.ml.tables import Ints


MARKS = 100_000
CUSTOMERS = 20_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Taken:
    """Marks, (m,) ids, and the customers they are of, (n,) ascending without repeats."""

    marks: Ints
    customer_ids: Ints


def any_marked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM segmentation_dirtycustomer)")
        return bool(cursor.fetchone()[0])


def marked_customers(*, at_most: int) -> int:
    """How many customers are marked, counted no further than `at_most` marks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT customer_id) FROM"
            " (SELECT customer_id FROM segmentation_dirtycustomer LIMIT %s) first",
            [at_most],
        )
        return int(cursor.fetchone()[0])


def take(*, customers: int = CUSTOMERS) -> Taken:
    """
    The oldest marks. They stay until `forget`: who dies in between has taken nothing.

    What they tell of was committed before this returns. For one reader at a time.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, customer_id FROM segmentation_dirtycustomer ORDER BY id LIMIT %s", [MARKS]
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
            "DELETE FROM segmentation_dirtycustomer WHERE id = ANY(%s)", [taken.marks.tolist()]
        )


@contextmanager
def all_taken() -> Iterator[None]:
    """Forget, when the block has computed everybody, the marks that were there when it began."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.taken_marks")
        cursor.execute(
            "CREATE TEMPORARY TABLE taken_marks AS SELECT id FROM segmentation_dirtycustomer"
        )
        yield
        cursor.execute(
            "DELETE FROM segmentation_dirtycustomer d USING taken_marks t WHERE t.id = d.id"
        )
        cursor.execute("DROP TABLE taken_marks")
