"""A whole rule: its tree, its conditions one by one, and what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from segmentation.rules.tree import Group, Leaf
from segmentation.rules.uses import Uses, uses_of


@dataclass(frozen=True)
class Placed:
    """A leaf, the path to it, and whether the rule wants it to hold (an even number of "none" above)."""

    path: str
    leaf: Leaf
    wanted: bool


@dataclass(frozen=True)
class Rule:
    """A whole rule; its root is a group."""

    root: Group

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON; `parse` reads it back to an equal rule."""
        return self.root.to_dict()

    def leaves(self) -> Iterator[Placed]:
        """Every condition, in the order of the tree."""
        return _leaves(self.root, path="", wanted=True)

    @cached_property
    def uses(self) -> Uses:
        """What the rule reads."""
        return uses_of(placed.leaf for placed in self.leaves())


def _leaves(group: Group, *, path: str, wanted: bool) -> Iterator[Placed]:
    wanted = wanted != (group.quantifier == "none")
    for number, node in enumerate(group.nodes):
        here = f"{path}{group.quantifier}[{number}]"
        if isinstance(node, Group):
            yield from _leaves(node, path=f"{here}.", wanted=wanted)
        else:
            yield Placed(path=here, leaf=node, wanted=wanted)
