"""What is wrong with a definition, told so that a person can put it right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """
    One thing to put right. `path` leads to it from the top (`all[1].value`; empty for the whole rule);
    `message` is a sentence that says what to do.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class RuleError(ValueError):
    """The definition is not a rule; `problems` names everything that is wrong, in the order of the tree."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class UnfitError(ValueError):
    """One value does not fit; the parser adds where it stands."""
