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
from feedback.reports.campaign import ConversionDay
from feedback.reports.home import DayRevenue


@dataclass(frozen=True, kw_only=True)
class Tick:
    position: float
    label: str


# The plotting area that the templates of the two larger charts share: 720 by 220, axes inside.
LEFT, RIGHT, TOP, BOTTOM = 64, 712, 12, 190


def nice_ceiling(value: float) -> float:
    """The next of some round numbers times a power of ten, whose quarters label an axis well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power
        for step in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10)
        if step * power >= value * (1 - 1e-9)
    )


def _height(value: float, *, top: float) -> float:
    """Of `value` above the axis, when `top` reaches the ceiling."""
    return round((BOTTOM - TOP) * value / top, 1)


def _y_ticks(top: float, label: Callable[[float], str]) -> list[Tick]:
    return [
        Tick(position=BOTTOM - _height(top * n / 4, top=top), label=label(top * n / 4))
        for n in range(5)
    ]


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One day: the attributed part stands on the axis, the rest on it."""

    x: float
    attributed_y: float
    attributed_height: float
    other_y: float
    other_height: float
    day: date
    attributed_cents: int
    other_cents: int
    total_cents: int


@dataclass(frozen=True, kw_only=True)
class StackChart:
    stacks: list[Stack]
    width: float
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def revenue(days: Sequence[DayRevenue]) -> StackChart | None:
    """Stacked columns a day; None when nothing was sold."""
    totals = [day.attributed_cents + day.other_cents for day in days]
    if not any(totals):
        return None
    top = nice_ceiling(max(totals) / 100) * 100
    step = (RIGHT - LEFT) / len(days)
    stacks = []
    for number, (day, total) in enumerate(zip(days, totals, strict=True)):
        attributed = _height(day.attributed_cents, top=top)
        other = _height(day.other_cents, top=top)
        stacks.append(
            Stack(
                x=round(LEFT + step * (number + 0.12), 1),
                attributed_y=round(BOTTOM - attributed, 1),
                attributed_height=attributed,
                other_y=round(BOTTOM - attributed - other, 1),
                other_height=other,
                day=day.day,
                attributed_cents=day.attributed_cents,
                other_cents=day.other_cents,
                total_cents=total,
            )
        )
    return StackChart(
        stacks=stacks,
        width=round(step * 0.76, 1),
        x_ticks=[
            Tick(
                position=round(LEFT + step * (number + 0.5), 1), label=f"{day.day.day} {day.day:%b}"
            )
            for number, day in enumerate(days)
            if number % 5 == 0
        ],
        y_ticks=_y_ticks(top, lambda cents: display.short_money(cents, largest=top)),
    )


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Two lines with their bands, as points of SVG polylines and polygons."""

    treated: str
    treated_band: str
    held_out: str
    held_out_band: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def conversion(days: Sequence[ConversionDay]) -> Curves | None:
    """Share of customers who have ordered by each day, mailed or not; None without two days."""
    if len(days) < 2:
        return None
    top = nice_ceiling(max(max(day.treated_high, day.held_out_high) for day in days))

    def points(values: Sequence[float]) -> list[str]:
        step = (RIGHT - LEFT) / (len(values) - 1)
        return [
            f"{LEFT + step * n:.1f},{BOTTOM - _height(value, top=top):.1f}"
            for n, value in enumerate(values)
        ]

    def band(low: Sequence[float], high: Sequence[float]) -> str:
        return " ".join([*points(high), *reversed(points(low))])

    every = max(1, len(days) // 7)
    step = (RIGHT - LEFT) / (len(days) - 1)
    return Curves(
        treated=" ".join(points([day.treated for day in days])),
        treated_band=band([d.treated_low for d in days], [d.treated_high for d in days]),
        held_out=" ".join(points([day.held_out for day in days])),
        held_out_band=band([d.held_out_low for d in days], [d.held_out_high for d in days]),
        x_ticks=[
            Tick(position=round(LEFT + step * n, 1), label=f"day {day.day}")
            for n, day in enumerate(days)
            if n % every == 0
        ],
        y_ticks=_y_ticks(top, display.percent),
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
    *,
    difference: float | None,
    low: float | None,
    high: float | None,
    label: Callable[[float], str],
) -> Whisker | None:
    """None when the interval is not known."""
    if difference is None or low is None or high is None:
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


@dataclass(frozen=True, kw_only=True)
class Gain:
    """A curve over the share of customers mailed, best first; on a square of 240 by 240."""

    line: str
    chance: str
    zero: float
    rows: list[tuple[str, str]]


def gain(points: Sequence[Mapping[str, Any]]) -> Gain | None:
    """Cumulative profit by share mailed, beside the straight line that chance gives."""
    if len(points) < 2:
        return None
    values = [float(point["gain_cents"]) for point in points]
    low, high = min(0.0, *values), max(0.0, *values)
    if low == high:
        return None

    def at(share: float, value: float) -> str:
        return f"{240 * share:.1f},{240 * (high - value) / (high - low):.1f}"

    return Gain(
        line=" ".join(
            at(point["share"], value) for point, value in zip(points, values, strict=True)
        ),
        chance=f"{at(0, 0)} {at(1, values[-1])}",
        zero=round(240 * high / (high - low), 1),
        rows=[
            (display.percent(point["share"], decimals=0), display.money(value, decimals=0))
            for point, value in zip(points, values, strict=True)
        ],
    )


@dataclass(frozen=True, kw_only=True)
class Gains:
    """Cumulative gains on a square of 240 by 240: model and simple rule over the share of customers, best first."""

    line: str
    rule: str
    rows: list[tuple[str, str, str]]


def gains(curves: Any) -> Gains | None:
    """`curves`: of model and baseline, pairs of shares (customers, found) as segmentation.ml.metrics.gains gives them."""
    if not isinstance(curves, Mapping):
        return None
    model, rule = curves.get("model") or (), curves.get("baseline") or ()
    if len(model) < 2:
        return None

    def line(points: Sequence[Sequence[float]]) -> str:
        return " ".join(f"{240 * share:.1f},{240 * (1 - found):.1f}" for share, found in points)

    others = dict(tuple(point) for point in rule)
    return Gains(
        line=line(model),
        rule=line(rule),
        rows=[
            (
                display.percent(share, decimals=0),
                display.percent(found, decimals=0),
                display.percent(others.get(share), decimals=0),
            )
            for share, found in model
            if round(share * 20) % 2 == 0
        ],
    )
