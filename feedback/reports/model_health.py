"""The health of one model: how it was judged over time and by group, how it came about, what it got right and wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from customers import display
from customers.models import Customer
from segmentation import examples
from segmentation.enums import Task
from segmentation.models import ModelVersion
from segmentation.registry import JudgedCase


_LAST_SECOND = 253_402_300_799  # of the year 9999: a later one is no date


@dataclass(frozen=True, kw_only=True)
class Past:
    """One line of the time split: a window that the model of that time had not seen."""

    day: datetime
    what: str
    rows: str
    rate: str
    auc: str
    rule_auc: str
    loss: str
    rule_loss: str
    ece: str


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way of retraining over past windows."""

    words: str
    chosen: bool
    loss: str
    auc: str
    against: str


@dataclass(frozen=True, kw_only=True)
class Tried:
    words: str
    loss: str
    best: bool


@dataclass(frozen=True, kw_only=True)
class Rival:
    """Another algorithm on the same test window."""

    name: str
    auc: str
    loss: str
    ece: str


@dataclass(frozen=True, kw_only=True)
class GroupRow:
    name: str
    rows: str
    selected: str
    found: str
    gap: str


@dataclass(frozen=True, kw_only=True)
class Field:
    """The finding about one declared sensitive field, with its groups."""

    name: str
    words: str
    warns: bool
    groups: tuple[GroupRow, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A customer of the test window: what was said before it and what came."""

    customer: Customer
    said: str
    came: str


@dataclass(frozen=True, kw_only=True)
class Health:
    """Of one version; every part is empty where it says nothing about it."""

    excluded: str
    without: str
    strategy: str
    past: tuple[Past, ...]
    ways: tuple[Way, ...]
    tried: tuple[Tried, ...]
    rivals: tuple[Rival, ...]
    fields: tuple[Field, ...]
    right: tuple[Case, ...]
    wrong: tuple[Case, ...]


def health(version: ModelVersion, *, with_customers: bool) -> Health:
    """What `version` says of itself, ready to be shown; customers only to who may see them."""
    metrics = _mapping(version.metrics)
    details = _mapping(_mapping(version.manifest).get("details"))
    right, wrong = _cases(version) if with_customers else ((), ())
    return Health(
        excluded=_excluded(details),
        without=", ".join(str(one) for one in _list(details.get("excluded_features"))),
        strategy=str(metrics.get("strategy_reason") or ""),
        past=tuple(_past(metrics)),
        ways=tuple(_ways(metrics)),
        tried=tuple(_tried(metrics)),
        rivals=tuple(
            Rival(
                name=str(name),
                auc=_three(one.get("auc")),
                loss=_three(one.get("log_loss")),
                ece=_three(one.get("ece")),
            )
            for name, one in sorted(_mapping(metrics.get("rivals")).items())
            if isinstance(one, Mapping)
        ),
        fields=tuple(_fields(metrics)),
        right=right,
        wrong=wrong,
    )


def metrics_of(version: ModelVersion) -> Mapping[str, Any]:
    return _mapping(version.metrics)


def _excluded(details: Mapping[str, Any]) -> str:
    count, profiled = _number(details.get("excluded_customers")), _number(details.get("profiled_customers"))  # fmt: skip
    rows = _number(details.get("rows_left_out_without_profiling_consent_or_choice"))
    if count is None and rows is not None:
        return (
            f"{display.number(rows)} rows of campaigns were left out: no basis for profiling, or no choice "
            "between a message and none."
        )
    if count is None:
        return ""
    who = "customer was" if count == 1 else "customers were"
    of = "" if profiled is None else f" of {display.number(count + profiled)}"
    return f"{display.number(count)}{of} {who} left out: no basis for profiling."


def _past(metrics: Mapping[str, Any]) -> Iterator[Past]:
    for one in _mappings(metrics.get("past")):
        yield _line(one, at=one.get("at"), rows=one.get("rows"), rate=one.get("rate"), what="past window")  # fmt: skip
    rows, positives = _number(metrics.get("rows")), _number(metrics.get("positives"))
    # the columns are those of a model of yes or no: of another one there would be dashes
    told = {"auc", "log_loss"} & _mapping(metrics.get("model")).keys()
    if metrics.get("test_at") is not None and told:
        rate = positives / rows if rows and positives is not None else None
        yield _line(
            metrics, at=metrics.get("test_at"), rows=rows, rate=rate, what="newest closed window"
        )


def _line(one: Mapping[str, Any], *, at: Any, rows: Any, rate: Any, what: str) -> Past:
    model, rule = _mapping(one.get("model")), _mapping(one.get("baseline"))
    return Past(
        day=datetime.fromtimestamp(min(max(_number(at) or 0, 0), _LAST_SECOND), tz=UTC),
        what=what,
        rows=display.number(_number(rows)),
        rate=display.percent(_number(rate)),
        auc=_three(model.get("auc")),
        rule_auc=_three(rule.get("auc")),
        loss=_three(model.get("log_loss")),
        rule_loss=_three(rule.get("log_loss")),
        ece=_three(model.get("ece")),
    )


def _ways(metrics: Mapping[str, Any]) -> Iterator[Way]:
    for one in _mappings(metrics.get("strategies")):
        against = _mapping(one.get("against_anew"))
        mean, low, high = (_number(against.get(name)) for name in ("mean", "low", "high"))
        said = "–" if mean is None else f"{mean:+.4f} ({low or 0:+.4f} to {high or 0:+.4f})"
        yield Way(
            words=str(one.get("words", "")),
            chosen=one.get("strategy") == metrics.get("strategy"),
            loss=_four(one.get("log_loss")),
            auc=_three(one.get("auc")),
            against=said.replace("-", "−"),
        )


def _tried(metrics: Mapping[str, Any]) -> Iterator[Tried]:
    rows = list(_mappings(metrics.get("search")))
    for position, one in enumerate(rows):
        words = ", ".join(
            f"{name.replace('_', ' ')} {value:g}"
            for name, raw in sorted(one.items())
            if name not in ("log_loss", "taken") and (value := _number(raw)) is not None
        )
        yield Tried(
            words=words + (" (usual)" if position == 0 else ""),
            loss=_four(one.get("log_loss")),
            best=bool(_number(one.get("taken"))),
        )


def _fields(metrics: Mapping[str, Any]) -> Iterator[Field]:
    for one in _mappings(metrics.get("fairness")):
        yield Field(
            name=str(one.get("field", "")),
            words=str(one.get("words", "")),
            warns=bool(one.get("warns")),
            groups=tuple(
                GroupRow(
                    name=str(group.get("name", "")),
                    rows=display.number(_number(group.get("rows"))),
                    selected=_range(group.get("selected"), display.percent),
                    found=_range(group.get("found"), display.percent),
                    gap=_range(group.get("gap"), display.points),
                )
                for group in _mappings(one.get("groups"))
            ),
        )


def _range(value: Any, show: Any) -> str:
    parts = _mapping(value)
    middle, low, high = (_number(parts.get(name)) for name in ("value", "low", "high"))
    if middle is None:
        return display.NOTHING
    if low is None or high is None:
        return str(show(middle))
    return f"{show(middle)} ({show(low)} to {show(high)})"


def _cases(version: ModelVersion) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """The surest first; nobody who does not agree to it now."""
    rows = (
        JudgedCase.objects.filter(version=version, customer__in=examples.may_be_shown())
        .select_related("customer__source")
        .order_by("pk")
    )
    right: list[tuple[float, Case]] = []
    wrong: list[tuple[float, Case]] = []
    for row in rows:
        sure = row.probability if row.ordered else 1 - row.probability
        leaves = version.task == Task.CHURN
        said = 1 - row.probability if leaves else row.probability
        case = Case(
            customer=row.customer,
            said=f"{display.percent(said, decimals=0)} {'not to order' if leaves else 'to order'}",
            came="ordered" if row.ordered else "did not order",
        )
        (right if sure >= _rate(version, ordered=row.ordered) else wrong).append((sure, case))
    right.sort(key=lambda pair: -pair[0])
    wrong.sort(key=lambda pair: pair[0])
    return tuple(case for _, case in right), tuple(case for _, case in wrong)


def _rate(version: ModelVersion, *, ordered: bool) -> float:
    """How probable the outcome was for everybody: a prediction above that leant the right way."""
    metrics = _mapping(version.metrics)
    rows, positives = _number(metrics.get("rows")), _number(metrics.get("positives"))
    share = positives / rows if rows and positives is not None else 0.5
    return share if ordered else 1 - share


# JSON of an older version, or of another kind of model, may hold anything
def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (one for one in _list(value) if isinstance(one, Mapping))


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _three(value: Any) -> str:
    return display.number(_number(value), decimals=3)


def _four(value: Any) -> str:
    return display.number(_number(value), decimals=4)
