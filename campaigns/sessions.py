"""A sender that stands still holds up nobody: the database ends its transaction for it."""

from __future__ import annotations

from django.db import connection


IDLE_SECONDS = 30.0  # a sender asks the next thing within milliseconds


def bound() -> None:
    """
    Let the database cut this connection when it is idle in a transaction for so long.

    A process that was stopped or swapped out would keep its locks, and the sweeper and every other
    sender would wait for them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false)",
            [f"{int(IDLE_SECONDS * 1000)}ms"],
        )
