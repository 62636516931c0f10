"""Every rule segment as it is now: what can be computed and in which order, and what cannot and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np

from segmentation.dynamic.limits import limited
from segmentation.enums import SegmentKind
from segmentation.ml.tables import Ints
from segmentation.models import Segment
from segmentation.rules import Rule, RuleError, compile_rule, parse
from segmentation.rules.plan import Cutoffs
from segmentation.rules.references import profiled, refresh_order


@dataclass(frozen=True, kw_only=True)
class Entry:
    """
    A segment whose rule can be computed.

    profiling: only who agreed to profiling may be in it. cutoffs: what the best n per cent started at when
    everybody was last looked at. status: as it was when the book was read.
    """

    segment_id: int
    version: int
    rule: Rule
    profiling: bool
    cutoffs: Cutoffs
    status: str

    def members(
        self, database: duckdb.DuckDBPyConnection, *, now: datetime, cutoffs: Cutoffs | None = None
    ) -> Ints:
        """Who of the people in `database` the rule selects; raises TooSlowError, or what DuckDB raises."""
        statement = compile_rule(
            self.rule, now=int(now.timestamp()), profiling=self.profiling,
            cutoffs=self.cutoffs if cutoffs is None else cutoffs,
        )  # fmt: skip
        with limited(database):
            found = database.execute(statement.sql, statement.parameters).fetchnumpy()
        return np.asarray(found["customer_id"], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Rulebook:
    """
    entries: in an order in which each comes after what it reads. problems: segment id to why its rule cannot
    be computed. versions: of all of them. profiled: of all segments, those of profiled people only.
    """

    entries: tuple[Entry, ...]
    problems: Mapping[int, str]
    versions: Mapping[int, int]
    profiled: frozenset[int]

    @property
    def named(self) -> frozenset[int]:
        """The segments that some rule names."""
        return frozenset[int]().union(*(entry.rule.uses.segments for entry in self.entries))

    def with_dependents(self, segment_ids: Iterable[int]) -> frozenset[int]:
        """`segment_ids`, and whatever is built on them."""
        found = set(segment_ids)
        for entry in self.entries:  # what is built on something comes later
            if entry.rule.uses.segments & found:
                found.add(entry.segment_id)
        return frozenset(found)


def read() -> Rulebook:
    """The book as the database has it now."""
    segments = {one.pk: one for one in Segment.objects.filter(kind=SegmentKind.RULE)}
    kinds = dict(Segment.objects.values_list("pk", "kind"))
    rules: dict[int, Rule] = {}
    problems: dict[int, str] = {}
    for pk, segment in segments.items():
        try:
            rules[pk] = parse(segment.definition)
        except RuleError as error:
            problems[pk] = f"The rule cannot be read any more: {error}"
    for pk in [pk for pk, rule in rules.items() if rule.uses.segments - kinds.keys()]:
        problems[pk] = "The rule names a segment that is not there any more."
    for pk in [pk for pk in rules if _is_circular(pk, rules)]:
        problems[pk] = "The rule depends on itself, through the segments that it names."
    fit = {pk: rule for pk, rule in rules.items() if pk not in problems}
    # of a rule that cannot be read nobody knows what it asked: the careful answer
    machine_made = {
        pk
        for pk, kind in kinds.items()
        if pk in problems
        or kind not in {SegmentKind.RULE, SegmentKind.EVERYONE, SegmentKind.STATIC}
    }
    of_profiled = profiled(fit, machine_made=machine_made)
    return Rulebook(
        entries=tuple(
            Entry(
                segment_id=pk, version=segments[pk].rule_version, rule=fit[pk],
                profiling=pk in of_profiled, cutoffs=_cutoffs(segments[pk]),
                status=segments[pk].status,
            )
            for pk in refresh_order(fit)
        ),
        problems=problems,
        versions={pk: segment.rule_version for pk, segment in segments.items()},
        profiled=of_profiled,
    )  # fmt: skip


def _is_circular(start: int, rules: Mapping[int, Rule]) -> bool:
    waiting, seen = set(rules[start].uses.segments), set[int]()
    while waiting:
        here = waiting.pop()
        if here == start:
            return True
        seen.add(here)
        if here in rules:
            waiting |= rules[here].uses.segments - seen
    return False


def _cutoffs(segment: Segment) -> Cutoffs:
    return {(name, percent): value for name, percent, value in segment.cutoffs}
