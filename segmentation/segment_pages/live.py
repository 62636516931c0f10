"""The panel beside the builder: the sentence, how many, whom one may mail, who, and why."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, QuerySet, When
from django.http import Http404, HttpRequest

from core import clock
from customers.models import Customer
from customers.queries import known_until
from segmentation import mirror, previewing, rule_segments
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
    except previewing.TooSlowError as error:
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
    except previewing.TooSlowError as error:
        return {**found, "too_slow": str(error)}
    return {
        **found,
        "matching": preview.matching,
        "everyone": preview.everyone,
        "preview": preview,
        "read_at": preview.read_at + clock.shift() if preview.read_at else None,
        "warnings": cautions_of(draft.rule, matching=preview.matching),
        "people": _people(preview.sample) if request.user.has_perm(SEE_PEOPLE) else None,
    }


def why(request: HttpRequest, draft: Draft, act: str) -> dict[str, Any]:
    """Why one customer is in, or is not: condition by condition."""
    number = act.removeprefix("why:")
    if not request.user.has_perm(SEE_PEOPLE) or not (number.isdecimal() and len(number) < 19):
        raise Http404
    if draft.rule is None:
        return {"why_id": int(number), "reasons": ()}
    rule = draft.rule
    with mirror.connect() as database:
        reasons = explain(
            rule, database, customer_id=int(number),
            now=int(known_until(now=clock.now()).timestamp()), names=names_for(rule),
            profiling=_profiling(rule), cutoffs=cutoffs(rule, database),
        )  # fmt: skip
    return {"why_id": int(number), "reasons": reasons}


def _profiling(rule: Rule) -> bool:
    return rule_segments.needs_profiling(rule)


def _people(ids: tuple[int, ...]) -> QuerySet[Customer]:
    in_order = Case(*(When(pk=pk, then=place) for place, pk in enumerate(ids)), default=len(ids))
    return Customer.objects.filter(pk__in=ids).order_by(in_order)
