"""Why a customer is in a segment or not: every condition, whether it holds, and what the customer has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from segmentation.rules import fields, templates, vocabulary
from segmentation.rules.compiling import from_people
from segmentation.rules.conditions import condition
from segmentation.rules.plan import Cutoffs, Plan
from segmentation.rules.rule import Rule
from segmentation.rules.tree import ConsentIs, Did, FieldIs, Leaf, ScoreIs, SegmentIs
from segmentation.rules.wording import NO_NAMES, Names, Words


@dataclass(frozen=True, kw_only=True)
class Reason:
    """
    One condition of the rule, of one customer.

    text: the condition ("ordered at least 2 times"). holds: whether it does. wanted: whether the rule asks for
    it to hold (False below a "none"). actual: what the customer has ("3 times"). path: where it is in the tree;
    empty for the consent to profiling that the whole rule needs.
    """

    text: str
    holds: bool
    actual: str
    wanted: bool = True
    path: str = ""


def explain(
    rule: Rule,
    connection: Any,
    *,
    customer_id: int,
    now: int,
    names: Names = NO_NAMES,
    zone: tzinfo = UTC,
    profiling: bool = False,
    cutoffs: Cutoffs | None = None,
    translate: Callable[[str], str] = str,
) -> tuple[Reason, ...]:
    """
    The conditions of `rule` for one customer, in the order of the tree; empty for a customer who is not known.

    The parameters are those of `compile_rule`. A rule that needs consent to profiling says so first, and tells
    nothing else of a customer who did not give it.
    """
    plan = Plan(now=now, zone=zone, customer_ids=(customer_id,), cutoffs=cutoffs)
    placed = list(rule.leaves())
    found = [condition(one.leaf, plan=plan) for one in placed]
    columns = ", ".join(f"({one.holds}) IS TRUE, {one.actual}" for one in found)
    rows = connection.execute(
        f"SELECT people.may_profile, {columns}\n{from_people(plan)}", plan.parameters
    ).fetchall()
    if not rows:
        return ()
    (row,) = rows
    words = Words(names=names, translate=translate)
    consent: tuple[Reason, ...] = ()
    if rule.uses.profiling or profiling:
        answer = words.fill(templates.YES if row[0] else templates.NO)
        consent = (
            Reason(text=words.fill(templates.NO_PROFILING), holds=bool(row[0]), actual=answer),
        )
        if not row[0]:
            return consent
    return consent + tuple(
        Reason(
            text=words.leaf(one.leaf, holds=True),
            holds=holds,
            actual=_actual(one.leaf, actual, words=words),
            wanted=one.wanted,
            path=one.path,
        )
        for one, holds, actual in zip(placed, row[1::2], row[2::2], strict=True)
    )


def _actual(leaf: Leaf, value: Any, *, words: Words) -> str:
    if isinstance(leaf, ConsentIs | SegmentIs):
        return words.fill(templates.YES if value else templates.NO)
    if value is None or value == "":
        return words.fill(templates.NOT_KNOWN)
    if isinstance(leaf, Did):
        return words.fill(templates.ONCE if value == 1 else templates.TIMES, number=value)
    if isinstance(leaf, FieldIs) and leaf.field == "source":
        return words.names.sources.get(value, str(value))
    if isinstance(leaf, ScoreIs):
        unit = vocabulary.SCORES[leaf.score].unit
    else:
        known = fields.find(leaf.field) if isinstance(leaf, FieldIs) else None
        unit = known.unit if known else "percent"
    digits = 1 if unit == "days" else 4
    return words.amount(round(value, digits) if isinstance(value, float) else value, unit=unit)
