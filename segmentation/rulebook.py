"""Every rule segment as it is now: what can be computed and in which order, and what cannot and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np

from segmentation.enums import SegmentKind
from segmentation.limits import limited
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
    segments = {one.pk: one for one in Segment.objects.in_use().filter(kind=SegmentKind.RULE)}
    kinds = dict(Segment.objects.in_use().values_list("pk", "kind"))
    rules, problems = _parsed(segments.values())
    for pk in [pk for pk, rule in rules.items() if rule.uses.segments - kinds.keys()]:
        problems[pk] = "The rule names a segment that is not there any more."
    for pk in [pk for pk, rule in rules.items() if _lead_to(pk, rule.uses.segments, rules)]:
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


def built_on(segment_id: int) -> frozenset[int]:
    """The segment itself and all whose rule names it, directly or not; also those that cannot be computed."""
    rules, _ = _parsed(Segment.objects.in_use().filter(kind=SegmentKind.RULE))
    return frozenset({
        segment_id,
        *(pk for pk, rule in rules.items() if _lead_to(segment_id, rule.uses.segments, rules)),
    })  # fmt: skip


def behind(segment: Segment) -> dict[int, int]:
    """
    The rules that say who is in `segment`, its own and those of the segments that it names: ids to versions.

    Nothing for a segment that the code defines, or a fixed list.
    """
    versions = dict(
        Segment.everything.filter(kind=SegmentKind.RULE).values_list("pk", "rule_version")
    )
    if segment.pk not in versions:
        return {}
    rules, _ = _parsed(Segment.everything.filter(kind=SegmentKind.RULE))
    found: dict[int, int] = {}
    waiting = {segment.pk}
    while waiting:
        here = waiting.pop()
        found[here] = versions[here]
        named = rules[here].uses.segments if here in rules else frozenset[int]()
        waiting |= (named & versions.keys()) - found.keys()
    return found


def naming(segment_id: int) -> list[Segment]:
    """The segments in use whose own rule names this one, by name."""
    segments = {one.pk: one for one in Segment.objects.in_use().filter(kind=SegmentKind.RULE)}
    rules, _ = _parsed(segments.values())
    found = [segments[pk] for pk, rule in rules.items() if segment_id in rule.uses.segments]
    return sorted(found, key=lambda one: one.name)


def _parsed(segments: Iterable[Segment]) -> tuple[dict[int, Rule], dict[int, str]]:
    """Their rules and, where a rule is of an older version of the language, why it cannot be read."""
    rules: dict[int, Rule] = {}
    problems: dict[int, str] = {}
    for segment in segments:
        try:
            rules[segment.pk] = parse(segment.definition)
        except RuleError as error:
            problems[segment.pk] = f"The rule cannot be read any more: {error}"
    return rules, problems


def _lead_to(goal: int, named: frozenset[int], rules: Mapping[int, Rule]) -> bool:
    """Whether one of the `named` segments is `goal`, or built on it."""
    waiting, seen = set(named), set[int]()
    while waiting:
        here = waiting.pop()
        if here == goal:
            return True
        seen.add(here)
        if here in rules:
            waiting |= rules[here].uses.segments - seen
    return False


def _cutoffs(segment: Segment) -> Cutoffs:
    return {(name, percent): value for name, percent, value in segment.cutoffs}
