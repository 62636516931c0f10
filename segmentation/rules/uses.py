"""What a rule reads: so that a change is brought only to the rules that it can concern."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from segmentation.ml.features import FEATURES
from segmentation.rules import fields, operators
from segmentation.rules.tree import Bucket, ConsentIs, Did, FieldIs, Leaf, ScoreIs, SegmentIs
from segmentation.rules.vocabulary import ORDER


@dataclass(frozen=True, kw_only=True)
class Uses:
    """
    tables: the analytic tables that the statement reads; always `people`.
    fields: features and fields of the profile. events: what `did` and `did_not` name ("ORDER" too).
    segments: other segments, by id. scores: codes of tasks.
    profiling: only customers who agreed to profiling can match.
    days: every number of days that a window or an age compares with; empty does not mean that time changes
    nothing (see `timing.changes_with_time`).
    relative: compares customers with one another (`top_percent`): the answer for one depends on others.
    """

    tables: frozenset[str]
    fields: frozenset[str]
    events: frozenset[str]
    segments: frozenset[int]
    scores: frozenset[str]
    profiling: bool
    days: frozenset[int]
    relative: bool


def uses_of(leaves: Iterable[Leaf]) -> Uses:
    """What these conditions read together."""
    found = tuple(leaves)
    named = [one for one in found if isinstance(one, FieldIs)]
    deeds = [one for one in found if isinstance(one, Did)]
    scores = [one for one in found if isinstance(one, ScoreIs)]
    return Uses(
        tables=frozenset({"people"}.union(*map(_tables, found))),
        fields=frozenset(one.field for one in named),
        events=frozenset(one.event for one in deeds),
        segments=frozenset(one.segment for one in found if isinstance(one, SegmentIs)),
        scores=frozenset(one.score for one in scores),
        profiling=any(map(_needs_profiling, found)),
        days=frozenset(
            [one.window.days for one in deeds if one.window.days]
            + [days for one in named for days in _days(one)]
        ),
        relative=operators.TOP
        in {one.operator for one in named} | {one.operator for one in scores},
    )


def _tables(leaf: Leaf) -> frozenset[str]:
    match leaf:
        case FieldIs():
            return frozenset({"features"} if leaf.field in FEATURES else ())
        case ScoreIs():
            return frozenset({"scores"})
        case ConsentIs():
            return frozenset({"consents"})
        case SegmentIs():
            return frozenset({"memberships"})
        case Bucket():
            return frozenset()
        case Did():
            return _tables_of_deed(leaf)


def _tables_of_deed(deed: Did) -> frozenset[str]:
    if deed.event != ORDER:
        return frozenset({"events"})
    asked = {one.property for one in deed.where}
    if not asked & fields.OF_LINES:
        return frozenset({"orders"})
    found = {"order_lines"}
    if asked - fields.OF_LINES:
        found.add("orders")
    if asked & {"product", "brand"}:
        found.add("products")
    return frozenset(found)


def _needs_profiling(leaf: Leaf) -> bool:
    if isinstance(leaf, FieldIs):
        known = fields.find(leaf.field)
        return known is None or known.profiling
    return isinstance(leaf, ScoreIs | Did)


def _days(leaf: FieldIs) -> list[int]:
    known = fields.find(leaf.field)
    if known is None or known.unit != "days":
        return []
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    return [int(value) for value in values if isinstance(value, int | float)]
