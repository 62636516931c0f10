"""State machines whose moves are compare-and-set in the database: a lost race is told, not hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from django.db.models import Model


class IllegalMoveError(ValueError):
    """The transition is not in the table: a bug in the caller."""


class LostRaceError(RuntimeError):
    """Somebody else moved the row first; the message says to which state."""


class StateMachine:
    """Allowed transitions of one field of one model."""

    def __init__(self, transitions: Mapping[str, frozenset[str]], *, field: str = "state") -> None:
        self.transitions = transitions
        self.field = field

    def allows(self, old: str, new: str) -> bool:
        return new in self.transitions.get(old, frozenset())

    def move(self, row: Model, new: str, **also: Any) -> None:
        """
        Move `row` to `new` and set the fields in `also`, if it is still where we last saw it.

        Raises IllegalMoveError for a transition that does not exist, LostRaceError when the row
        has moved in the meantime.
        """
        old = getattr(row, self.field)
        if not self.allows(old, new):
            raise IllegalMoveError(f"{type(row).__name__} {row.pk} cannot go from {old} to {new}")
        changes = {self.field: new, **also}
        moved = type(row)._default_manager.filter(pk=row.pk, **{self.field: old}).update(**changes)
        if moved != 1:
            row.refresh_from_db()
            raise LostRaceError(
                f"{type(row).__name__} {row.pk} was {old} and is now {getattr(row, self.field)}"
            )
        for name, value in changes.items():
            setattr(row, name, value)
