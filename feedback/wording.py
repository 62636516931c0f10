"""Results in words. A sentence never says more than the interval does."""

from __future__ import annotations

import math

from feedback.enums import Metric, Verdict
from feedback.lift import MIN_CONVERSIONS, MIN_HELD_OUT, Difference


def money(cents: float, *, currency: str, signed: bool = False) -> str:
    """1234567.8 becomes EUR 12,346; amounts under ten of the currency keep their cents."""
    amount = cents / 100
    digits = 2 if abs(amount) < 9.995 else 0
    sign = "−" if round(amount, digits) < 0 else "+" if signed and round(amount, digits) > 0 else ""
    return f"{sign}{currency} {abs(amount):,.{digits}f}"


def points(share: float, *, signed: bool = False) -> str:
    """0.0123 becomes 1.2: percentage points."""
    value = round(100 * share, 2 if abs(share) < 0.00095 else 1)
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    return f"{sign}{abs(value):g}"


def sentence(
    estimate: Difference, *, metric: Metric, verdict: Verdict, conversions: int, currency: str
) -> str:
    """The verdict of one metric for somebody who knows no statistics."""
    if verdict is Verdict.SAMPLE_RATIO:
        return (
            "Do not trust this result: the numbers of customers held out and mailed do not match what "
            "was planned, so the groups cannot be compared. Find out who is missing first."
        )
    low, high = _in_words(estimate, metric=metric, currency=currency)
    if verdict is Verdict.NOT_ENOUGH_DATA:
        shortage = _shortage(estimate, conversions=conversions)
        between = "" if math.isnan(estimate.low) else f"between {low} and {high}"
        return f"Not enough data: {', '.join(filter(None, [between, shortage]))}."
    better = verdict is Verdict.HELPED
    if metric is Metric.CONVERSION:
        return (
            f"{points(abs(estimate.difference))} points {'more' if better else 'fewer'} customers "
            f"ordered than without mailing (95 % interval {low} to {high})."
        )
    total = money(abs(estimate.total), currency=currency)
    against = (
        "on the customers chosen for a message"
        if metric is Metric.MAILED
        else "than mailing nobody"
    )
    what = {Metric.REVENUE: "revenue", Metric.PROFIT: "profit", Metric.MAILED: "profit"}[metric]
    change = f"{total} {'more' if better else 'less'} {what} {against}"
    return f"{change} (95 % interval {low} to {high})."


def _in_words(estimate: Difference, *, metric: Metric, currency: str) -> tuple[str, str]:
    """The bounds: points for a share, the whole campaign's money otherwise."""
    if metric is Metric.CONVERSION:
        return points(estimate.low, signed=True), f"{points(estimate.high, signed=True)} points"
    low, high = (bound * estimate.treated for bound in (estimate.low, estimate.high))
    return money(low, currency=currency, signed=True), money(high, currency=currency, signed=True)


def _shortage(estimate: Difference, *, conversions: int) -> str:
    if estimate.held_out < MIN_HELD_OUT:
        return f"{estimate.held_out:,} held out where at least {MIN_HELD_OUT} are needed"
    if conversions < MIN_CONVERSIONS:
        return f"{conversions:,} customers ordered where at least {MIN_CONVERSIONS} are needed"
    return ""
