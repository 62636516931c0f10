"""Segments worth a lot of which few may be mailed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from segmentation.enums import SegmentKind
from segmentation.models import Segment
from segmentation.segment_pages.worth import NET_SALES


YEAR = timedelta(days=365)
LOW_REACH = 0.5
MUCH_WORTH = 1.5
"""Sales a head of at least so many times those of the whole shop."""
LEAST_PEOPLE = 50
MOST = 3


@dataclass(frozen=True, kw_only=True)
class Untapped:
    """each_cents: net sales a member of the last year; times: by those of all customers."""

    segment: Any
    reach: float
    each_cents: float
    times: float
    unreachable: int


def find(segments: Iterable[Any], *, now: datetime) -> list[Untapped]:
    """Of `segments` (with `reachable`) those with much worth and little reach, the largest loss first."""
    candidates = {
        segment.pk: segment
        for segment in segments
        if segment.kind != SegmentKind.EVERYONE
        and segment.size >= LEAST_PEOPLE
        and segment.reachable < segment.size * LOW_REACH
    }
    everyone = Segment.objects.filter(kind=SegmentKind.EVERYONE, size__gt=0).first()
    if not candidates or everyone is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH sums AS ({NET_SALES})
                SELECT m.segment_id, COALESCE(sum(s.cents), 0)::float8 FROM segmentation_membership m
                JOIN (SELECT customer_id, sum(cents) AS cents FROM sums GROUP BY 1) s USING (customer_id)
                WHERE m.segment_id = ANY(%(segments)s) GROUP BY 1""",
            {"since": now - YEAR, "segments": [everyone.pk, *candidates]},
        )
        sales = dict(cursor.fetchall())
    average = sales.get(everyone.pk, 0.0) / everyone.size
    if average <= 0:
        return []
    found = []
    for pk, segment in candidates.items():
        each = sales.get(pk, 0.0) / segment.size
        if each >= average * MUCH_WORTH:
            found.append(
                Untapped(
                    segment=segment, reach=segment.reachable / segment.size, each_cents=each,
                    times=each / average, unreachable=segment.size - segment.reachable,
                )
            )  # fmt: skip
    return sorted(found, key=lambda one: -one.each_cents * one.unreachable)[:MOST]
