"""Segments that name segments: no cycles, and an order in which each comes after what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from segmentation.rules.problems import Problem, RuleError
from segmentation.rules.rule import Rule


def refresh_order(
    rules: Mapping[int, Rule], *, names: Mapping[int, str] | None = None
) -> tuple[int, ...]:
    """
    The ids of `rules` so that every segment comes after the ones that it reads; smaller ids first.

    Segments that are not in `rules` (static, machine-made) are there before. Raises RuleError that shows the
    cycle in words, with `names` where there are some.
    """
    known = names or {}
    done: dict[int, None] = {}
    for segment in sorted(rules):
        _visit(segment, rules=rules, path=(), done=done, names=known)
    return tuple(done)


def _visit(
    segment: int,
    *,
    rules: Mapping[int, Rule],
    path: tuple[int, ...],
    done: dict[int, None],
    names: Mapping[int, str],
) -> None:
    if segment in done or segment not in rules:
        return
    if segment in path:
        circle = (*path[path.index(segment) :], segment)
        words = " uses ".join(f"“{names.get(one, str(one))}”" for one in circle)
        raise RuleError((Problem("", f"a segment cannot depend on itself: {words}"),))
    for other in sorted(rules[segment].uses.segments):
        _visit(other, rules=rules, path=(*path, segment), done=done, names=names)
    done[segment] = None


def profiled(
    rules: Mapping[int, Rule], *, machine_made: AbstractSet[int] = frozenset()
) -> frozenset[int]:
    """
    The segments of which only customers who agreed to profiling can be members: `machine_made`, those whose
    rule uses what profiling is needed for, and those that name one of these ("not in" too).
    """
    found = set(machine_made)
    for segment in refresh_order(rules):
        uses = rules[segment].uses
        if uses.profiling or uses.segments & found:
            found.add(segment)
    return frozenset(found)
