"""The panel beside the builder: the sentence, how many, whom one may mail, who, and why."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Exists, OuterRef, QuerySet, When
from django.http import Http404, HttpRequest

from consent.enums import Purpose
from consent.models import ConsentState
from core import clock
from customers.models import Customer
from customers.queries import known_until
from segmentation import previewing, rule_segments
from segmentation.cautions import cautions_of
from segmentation.rules import Rule, cutoffs, explain
from segmentation.segment_pages.draft import Draft
from segmentation.words import names_for, words_of


SEE_PEOPLE = "customers.view_customer"


def counted(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    """The sentence and the number alone, which are known soonest."""
    if draft.rule is None:
        return {"listed": draft.listed()}
    found: dict[str, Any] = {"words": words_of(draft.rule)}
    try:
        matching = previewing.count(
            draft.rule, now=known_until(now=clock.now()), profiling=_profiling(draft.rule)
        )
    except previewing.NoAnswerError as error:
        return {**found, "too_slow": str(error)}
    return {**found, "matching": len(matching.ids), "everyone": matching.everyone}


def whole(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    """Everything: the sums, the pictures, some of the people, warnings."""
    if draft.rule is None:
        return {"listed": draft.listed()}
    found: dict[str, Any] = {"words": words_of(draft.rule)}
    try:
        preview = previewing.preview(
            draft.rule, now=known_until(now=clock.now()), profiling=_profiling(draft.rule)
        )
        warnings = cautions_of(draft.rule, matching=preview.matching)
    except previewing.NoAnswerError as error:
        return {**found, "too_slow": str(error)}
    return {
        **found,
        "matching": preview.matching,
        "everyone": preview.everyone,
        "preview": preview,
        "read_at": preview.read_at + clock.shift() if preview.read_at else None,
        "warnings": warnings,
        "people": _people(preview.sample, profiling=_asks(draft.rule))
        if request.user.has_perm(SEE_PEOPLE)
        else None,
    }


def why(request: HttpRequest, draft: Draft, act: str) -> dict[str, Any]:
    """Why one customer is in, or is not: condition by condition."""
    number = act.removeprefix("why:")
    if not request.user.has_perm(SEE_PEOPLE) or not (number.isdecimal() and len(number) < 19):
        raise Http404
    if draft.rule is None:
        return {"why_id": int(number), "reasons": ()}
    rule = draft.rule
    # who has gone or withdrawn since the tables were read is not explained out of them
    if not _people((int(number),), profiling=_asks(rule)).exists():
        return {"why_id": int(number), "reasons": ()}
    try:
        with previewing.tables() as database:
            reasons = explain(
                rule, database, customer_id=int(number),
                now=int(known_until(now=clock.now()).timestamp()), names=names_for(rule),
                profiling=_profiling(rule), cutoffs=cutoffs(rule, database),
            )  # fmt: skip
    except previewing.NoAnswerError as error:
        return {"why_id": int(number), "reasons": (), "no_answer": str(error)}
    return {"why_id": int(number), "reasons": reasons}


def _profiling(rule: Rule) -> bool:
    return rule_segments.needs_profiling(rule)


def _asks(rule: Rule) -> bool:
    return rule.uses.profiling or _profiling(rule)


def _people(ids: tuple[int, ...], *, profiling: bool) -> QuerySet[Customer]:
    """Those of them who are still there and, where the rule asks for it, still agree to profiling."""
    in_order = Case(*(When(pk=pk, then=place) for place, pk in enumerate(ids)), default=len(ids))
    found = Customer.objects.filter(
        pk__in=ids, erased_at=None, merged_into=None, restricted_at=None
    )
    if profiling:
        agreed = ConsentState.objects.filter(
            customer=OuterRef("pk"), purpose=Purpose.PROFILING, is_granted=True
        )
        found = found.filter(Exists(agreed))
    return found.order_by(in_order)
