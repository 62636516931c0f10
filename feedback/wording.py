"""Results in words. A sentence never says more than the interval does."""

from __future__ import annotations

import math

from customers import display
from feedback.enums import Metric, Verdict
from feedback.lift import MIN_CONVERSIONS, MIN_HELD_OUT, Difference


def sentence(estimate: Difference, *, metric: Metric, verdict: Verdict, conversions: int) -> str:
    """The verdict of one metric for somebody who knows no statistics."""
    if verdict is Verdict.SAMPLE_RATIO:
        return (
            "Do not trust this result: the numbers of customers held out and mailed do not match what "
            "was planned, so the groups cannot be compared. Find out who is missing first."
        )
    low, high = _in_words(estimate, metric=metric)
    if verdict is Verdict.NOT_ENOUGH_DATA:
        shortage = _shortage(estimate, conversions=conversions)
        between = "" if math.isnan(estimate.low) else f"between {low} and {high}"
        return f"Not enough data: {', '.join(filter(None, [between, shortage]))}."
    better = verdict is Verdict.HELPED
    if metric is Metric.CONVERSION:
        return (
            f"{display.points(abs(estimate.difference)).removeprefix('+')} "
            f"{'more' if better else 'fewer'} customers ordered than without mailing "
            f"(95\u00a0% interval {low} to {high})."
        )
    what = "revenue" if metric is Metric.REVENUE else "profit"
    against = (
        "on the customers chosen for a message"
        if metric is Metric.MAILED
        else "than mailing nobody"
    )
    return (
        f"{_money(abs(estimate.total), is_signed=False)} {'more' if better else 'less'} {what} "
        f"{against} (95\u00a0% interval {low} to {high})."
    )


def _in_words(estimate: Difference, *, metric: Metric) -> tuple[str, str]:
    """The bounds: points for a share, the whole campaign's money otherwise."""
    if metric is Metric.CONVERSION:
        return display.points(estimate.low).removesuffix(f"{display.NBSP}points"), display.points(
            estimate.high
        )
    return _money(estimate.low * estimate.treated), _money(estimate.high * estimate.treated)


def _money(cents: float, *, is_signed: bool = True) -> str:
    """Whole units of the currency unless that hides all there is."""
    shown = display.signed_money if is_signed else display.money
    return shown(cents, decimals=0 if abs(cents) >= 1_000 else 2)


def _shortage(estimate: Difference, *, conversions: int) -> str:
    if estimate.held_out < MIN_HELD_OUT:
        return f"{estimate.held_out:,} held out where at least {MIN_HELD_OUT} are needed"
    if conversions < MIN_CONVERSIONS:
        return f"{conversions:,} customers ordered where at least {MIN_CONVERSIONS} are needed"
    return ""


def interval(*, low_cents: float, high_cents: float) -> str:
    """The bounds of a sum of money, saying so when they leave the sign open."""
    bounds = f"{_money(low_cents)} and {_money(high_cents)}"
    if low_cents <= 0 <= high_cents:
        return f"Not enough data: between {bounds}."
    return f"Between {bounds}."
