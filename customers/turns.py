"""Writers of one source take turns, so that none sees another's work half done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


_LOCK = 0x1_1A9085


def wait(cursor: Any, *source_ids: int) -> None:
    """Wait until this transaction is the only writer of the sources, in the order of their ids."""
    for source_id in sorted(set(source_ids)):
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, source_id])


def take_if_free(cursor: Any, source_ids: Iterable[int]) -> bool:
    """
    The same without waiting: False when somebody else is writing one of them.

    For who writes one source already: two who waited for each other's source would never end.
    """
    for source_id in sorted(set(source_ids)):
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK, source_id])
        if not cursor.fetchone()[0]:
            return False
    return True
