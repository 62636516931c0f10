"""One process at a time computes who is in which segment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from segmentation.expectation import READER


@contextmanager
def alone() -> Iterator[bool]:
    """
    True for the one process that computes; False while another one does.

    Without turns, a slow look at everybody would overwrite what a quick look at a few had just found.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [READER])
        if not cursor.fetchone()[0]:
            yield False
            return
        try:
            yield True
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [READER])
