"""
While a group is being handed over, whoever of it withdraws waits until it has left.

The other half is a trigger of the database (migration 0017): a withdrawal that has its row looks for
messages of its customer that are SENDING and waits for the locks of those who hold them. A session's
lock, for the intent is another transaction than what follows it; a sender that dies loses it. So a
sender needs a connection of its own for as long as it lives: no pooler that changes it in between.
"""

from __future__ import annotations

from contextlib import suppress

from django.db import DatabaseError

from core import statements


_LOCK = 0x4A4D  # first key, as in the trigger
_held: set[str] = (
    set()
)  # whose lock was asked for; to give back what is not held would be a warning


def take(*, owner: str) -> None:
    """
    Let withdrawals wait for `owner`; to be called in the transaction of an intent.

    After the intent has locked its customers: a withdrawal that this would wait for waits for nobody.
    """
    _held.add(owner)
    statements.send("SELECT pg_advisory_lock(%s, hashtext(%s))", [_LOCK, owner])


def let_go(*, owner: str) -> None:
    """
    Nothing of `owner` is in flight: withdrawals go on.

    Before anything else is written, because a withdrawal may hold the rows that this would wait for.
    """
    if owner in _held:
        with suppress(DatabaseError):  # without a connection there is no lock
            statements.run("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCK, owner])
        _held.discard(owner)
