"""How many were in a segment, day by day: counted back from now by who joined and left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from customers import display
from segmentation.models import MembershipChange, Segment


DAYS = 90
LEFT, RIGHT, TOP, BOTTOM = 64, 712, 12, 150


@dataclass(frozen=True, kw_only=True)
class Day:
    """At the end of `day` there were `size` members; that day some came and some went."""

    day: date
    size: int
    come: int
    gone: int


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A line of SVG: y grows downwards. changes: the days on which somebody came or went, newest first."""

    line: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    changes: list[Day]


def of_segment(segment: Segment, *, now: datetime) -> Trend | None:
    """The last 90 days, or since it exists; None for less than two days, or when it never had a member."""
    days = sizes(segment, now=now)
    most = max((day.size for day in days), default=0)
    if len(days) < 2 or not most:
        return None
    top = _ceiling(most)
    step = (RIGHT - LEFT) / (len(days) - 1)

    def y(size: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * size / top, 1)

    every = max(1, len(days) // 6)
    return Trend(
        line=" ".join(f"{LEFT + step * n:.1f},{y(day.size):.1f}" for n, day in enumerate(days)),
        x_ticks=[
            (round(LEFT + step * n, 1), f"{day.day:%-d %b}")
            for n, day in enumerate(days)
            if n % every == 0
        ],
        y_ticks=[(y(top * n / 2), display.number(top * n / 2)) for n in range(3)],
        changes=[day for day in reversed(days) if day.come or day.gone],
    )


def sizes(segment: Segment, *, now: datetime) -> list[Day]:
    """One a day, the oldest first, today last."""
    first = max(now - timedelta(days=DAYS), segment.created_at).date()
    rows = (
        MembershipChange.objects.filter(
            segment=segment, changed_at__gte=datetime.combine(first, time(), tzinfo=UTC)
        )
        .annotate(day=TruncDate("changed_at"))
        .values_list("day")
        .annotate(come=Count("pk", filter=Q(joined=True)), gone=Count("pk", filter=Q(joined=False)))
        .order_by()
    )
    changes = {day: (come, gone) for day, come, gone in rows}
    size, found = segment.size, []
    for back in range((now.date() - first).days + 1):
        day = now.date() - timedelta(days=back)
        come, gone = changes.get(day, (0, 0))
        found.append(Day(day=day, size=max(0, size), come=come, gone=gone))
        size -= come - gone
    return found[::-1]


def _ceiling(value: int) -> int:
    """The next even number of one or two leading digits, whose half labels an axis well."""
    power = 10 ** max(0, len(str(value)) - 2)
    steps = -(-value // (2 * power))
    return int(steps * 2 * power)
