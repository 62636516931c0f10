"""How segments overlap: of the people in one, how many are in another."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.http import HttpRequest, HttpResponse

from customers import display
from customers.screens import page, staff_page
from segmentation.enums import SegmentKind
from segmentation.models import Segment
from segmentation.small_cells import SMALLEST, share_told


MOST = 20
"""Segments on the page, the largest; a matrix of more cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Of the row's people, those in the column's segment: as a share, 0 to 1 for the shade."""

    text: str
    shade: float
    is_self: bool
    title: str


@dataclass(frozen=True, kw_only=True)
class Row:
    number: int
    segment: Segment
    cells: list[Cell]


@staff_page("segmentation.view_segment")
def overlaps(request: HttpRequest) -> HttpResponse:
    segments = list(
        Segment.objects.exclude(kind=SegmentKind.EVERYONE)
        .filter(size__gte=SMALLEST)
        .order_by("-size", "pk")[:MOST]
    )
    segments.sort(key=lambda one: (one.kind, one.name))
    return page(
        request,
        "pages/segment_overlaps.html",
        title="Overlaps",
        opts=Segment._meta,
        rows=matrix(segments),
        hidden=Segment.objects.in_use().exclude(kind=SegmentKind.EVERYONE).count() - len(segments),
        most=MOST,
        smallest=SMALLEST,
    )


def matrix(segments: list[Segment]) -> list[Row]:
    """One row a segment; small numbers of people are not told."""
    counts = _common([segment.pk for segment in segments])
    return [
        Row(
            number=number,
            segment=row,
            cells=[
                _cell(
                    row, column, counts.get((row.pk, column.pk), 0), counts.get((row.pk, row.pk), 0)
                )
                for column in segments
            ],
        )
        for number, row in enumerate(segments, start=1)
    ]


def _cell(row: Segment, column: Segment, common: int, size: int) -> Cell:
    title = f"{row.name}: {{}} are also in {column.name}"
    if row.pk == column.pk:
        return Cell(text=display.number(size), shade=0.0, is_self=True, title=row.name)
    if 0 < common < SMALLEST:
        few = f"< {SMALLEST}"
        return Cell(
            text=few, shade=0.0, is_self=False, title=title.format(f"fewer than {SMALLEST}")
        )
    text = share_told(common, size, decimals=0)
    if 0 < size - common < SMALLEST:
        return Cell(text=text, shade=1.0, is_self=False, title=title.format(text))
    return Cell(
        text=text,
        shade=common / size if size else 0.0,
        is_self=False,
        title=title.format(f"{display.number(common)} of {display.number(size)}"),
    )


def _common(ids: list[int]) -> dict[tuple[int, int], int]:
    """How many people each two of these segments share; with itself: how many it has."""
    with connection.cursor() as cursor:
        # people with the same set of segments are one row from the first grouping on
        cursor.execute(
            """WITH sets AS (
                SELECT segments, count(*) AS n FROM (
                    SELECT array_agg(segment_id ORDER BY segment_id) AS segments FROM segmentation_membership
                    WHERE segment_id = ANY(%s) GROUP BY customer_id) person
                GROUP BY 1
            )
            SELECT a, b, sum(n)::bigint FROM sets, unnest(segments) a, unnest(segments) b
            GROUP BY 1, 2""",
            [ids],
        )
        return {(a, b): n for a, b, n in cursor.fetchall()}
