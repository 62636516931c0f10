"""Charts as points: numbers in, coordinates for templates/charts/*.svg out. Nothing is drawn here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncMonth

from customers import display
from customers.enums import OrderStatus
from customers.models import Customer, Order


@dataclass(frozen=True, kw_only=True)
class Tick:
    position: float
    label: str


@dataclass(frozen=True, kw_only=True)
class LineChart:
    """`line` and `area` are SVG path data inside (left, top) to (right, bottom)."""

    line: str
    area: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    width: int = 720
    height: int = 220
    left: int = 56
    top: int = 12
    right: int = 712
    bottom: int = 190


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten, so that an axis has round labels."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))


def daily(days: Sequence[tuple[date, float]], *, label: Callable[[float], str]) -> LineChart | None:
    """A line over days with an area below; None when there are fewer than two days."""
    if len(days) < 2:
        return None
    lowest = min(0.0, *(value for _, value in days))
    top = nice_ceiling(max(value for _, value in days))
    bottom = -nice_ceiling(-lowest) if lowest < 0 else 0.0
    left, right, y_top, y_bottom = 56, 712, 12, 190

    def x(number: int) -> float:
        return left + (right - left) * number / (len(days) - 1)

    def y(value: float) -> float:
        return y_bottom - (y_bottom - y_top) * (value - bottom) / (top - bottom)

    points = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, (_, value) in enumerate(days))
    steps = 4
    every = max(1, round((len(days) - 1) / 6))
    return LineChart(
        line=f"M {points}",
        area=f"M {left},{y(0):.1f} L {points} L {right},{y(0):.1f} Z",
        x_ticks=[
            Tick(position=round(x(n), 1), label=f"{day.day} {day:%b}")
            for n, (day, _) in enumerate(days)
            if n % every == 0
        ],
        y_ticks=[
            Tick(position=round(y(value), 1), label=label(value))
            for value in (bottom + (top - bottom) * n / steps for n in range(steps + 1))
        ],
    )


@dataclass(frozen=True, kw_only=True)
class Whisker:
    """A difference with its interval on an axis that contains zero; positions in 0 to 600."""

    low: float
    high: float
    middle: float
    zero: float
    low_label: str
    high_label: str
    middle_label: str


def whisker(
    *, difference: float, low: float, high: float, label: Callable[[float], str]
) -> Whisker | None:
    """None when the interval is not known."""
    if any(math.isnan(value) or math.isinf(value) for value in (difference, low, high)):
        return None
    start, end = min(low, 0.0), max(high, 0.0)
    if start == end:
        return None
    margin = 0.12 * (end - start)
    start, end = start - margin, end + margin

    def x(value: float) -> float:
        return round(600 * (value - start) / (end - start), 1)

    return Whisker(
        low=x(low),
        high=x(high),
        middle=x(difference),
        zero=x(0.0),
        low_label=label(low),
        high_label=label(high),
        middle_label=label(difference),
    )


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One of several bars; `width` of 100."""

    label: str
    value: str
    width: float
    note: str = ""


def bars(rows: Sequence[tuple[str, float, str]]) -> list[Bar]:
    """(label, number, note) as bars as long as their share of the longest."""
    longest = max((number for _, number, _ in rows), default=0)
    return [
        Bar(
            label=label,
            value=display.number(number),
            width=round(100 * number / longest, 2) if longest else 0,
            note=note,
        )
        for label, number, note in rows
    ]


@dataclass(frozen=True, kw_only=True)
class Month:
    """One month of a customer's strip; `height` of 48."""

    name: str
    orders: int
    x: int
    height: int


def monthly_orders(customer: Customer, *, now: datetime, months: int = 24) -> list[Month]:
    """Orders a month over the last `months`, the present one included."""
    year, month = now.year, now.month
    starts = []
    for _ in range(months):
        starts.append(date(year, month, 1))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    starts.reverse()
    counted = (
        Order.objects.filter(
            customer=customer, status=OrderStatus.PLACED, placed_at__date__gte=starts[0]
        )
        .annotate(month=TruncMonth("placed_at"))
        .values_list("month")
        .annotate(n=Count("pk"))
        .order_by()
    )
    numbers = {moment.date(): n for moment, n in counted}
    most = max(numbers.values(), default=1)
    return [
        Month(
            name=f"{start:%B %Y}",
            orders=numbers.get(start, 0),
            x=6 + number * 25,
            height=round(48 * numbers.get(start, 0) / most),
        )
        for number, start in enumerate(starts)
    ]


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A point of a square chart of 0 to 240, y downwards; `radius` grows with the rows behind it."""

    x: float
    y: float
    radius: float
    predicted: str
    observed: str
    rows: str


def calibration(bins: Sequence[Mapping[str, Any]]) -> list[Dot]:
    """What was predicted against what came, on a square of 240 by 240."""
    most = max((row["rows"] for row in bins), default=1)
    return [
        Dot(
            x=round(240 * row["predicted"], 1),
            y=round(240 * (1 - row["observed"]), 1),
            radius=round(3 + 6 * math.sqrt(row["rows"] / most), 1),
            predicted=display.percent(row["predicted"]),
            observed=display.percent(row["observed"]),
            rows=display.number(row["rows"]),
        )
        for row in bins
    ]
