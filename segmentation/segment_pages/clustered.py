"""How the clusters were found: everything that was tried, with its numbers, and who moved since the last time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from customers import display
from customers.screens import page, staff_page
from segmentation.enums import SegmentKind, Task
from segmentation.models import ModelVersion, Segment
from segmentation.small_cells import FEW, SMALLEST, WITHHELD, all_told, hidden, share_told, told


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One algorithm with one number of clusters; every number as it is shown."""

    title: str
    notes: str
    k: int
    numbers: tuple[str, ...]
    is_chosen: bool


MEASURES = (
    (
        "Silhouette",
        "−1 to 1; how much nearer people are to their own cluster than to the next. More is better.",
    ),
    ("Davies-Bouldin", "How alike neighbouring clusters are. Less is better."),
    ("Calinski-Harabasz", "Spread between clusters by spread within. More is better."),
    (
        "Stability",
        "How alike the clusters are when found again among resampled customers (adjusted Rand index). 1 is the same.",
    ),
    ("Smallest share", "Of all people, in the smallest cluster."),
    ("Merit", "Silhouette times stability; 0 where a cluster is too small."),
)


_SHORT = {FEW: f"< {SMALLEST}", WITHHELD: "–"}
_NOTES = {"is_known": "the groups of before", "is_elbow": "elbow"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    text: str
    shade: float


@dataclass(frozen=True, kw_only=True)
class Moves:
    """A matrix: of the people of a row's old cluster, the share that is now in the column's."""

    title: str
    note: str
    kept: str
    columns: Sequence[str]
    rows: list[tuple[str, str, list[Cell]]]


@staff_page("segmentation.view_segment", "segmentation.view_modelversion")
def clusters(request: HttpRequest) -> HttpResponse:
    """`?version=` shows an older one; else the newest that was made."""
    versions = ModelVersion.objects.filter(task=Task.CLUSTERS).order_by("-number")
    asked = request.GET.get("version", "")
    if asked.isdecimal() and len(asked) < 10:
        version: ModelVersion | None = get_object_or_404(versions, number=int(asked))
    else:
        version = versions.first()
    metrics: Mapping[str, Any] = version.metrics if version else {}
    return page(
        request,
        "pages/segment_clusters.html",
        title="Clusters",
        opts=Segment._meta,
        version=version,
        versions=versions,
        measures=MEASURES,
        tried=[_tried(one) for one in metrics.get("tried", ())],
        moves=_moves(metrics.get("moves", {})),
        overlap=_overlap(metrics),
        segments=Segment.objects.filter(kind=SegmentKind.CLUSTER, size__gt=0).order_by("-size"),
        smallest=SMALLEST,
    )


def _tried(one: Mapping[str, Any]) -> Tried:
    decimals = (2, 2, 0, 2)
    names = ("silhouette", "davies_bouldin", "calinski_harabasz", "stability")
    return Tried(
        title=str(one.get("title", "k-means")),
        notes=", ".join(words for key, words in _NOTES.items() if one.get(key)),
        k=int(one.get("k", 0)),
        numbers=(
            *(display.number(one.get(name), decimals=of) for name, of in zip(names, decimals, strict=True)),
            display.percent(one.get("smallest_share")),
            display.number(one.get("merit"), decimals=3),
        ),
        is_chosen=bool(one.get("is_chosen")),
    )  # fmt: skip


def _moves(moves: Mapping[str, Any]) -> list[Moves]:
    found = []
    if since := moves.get("since"):
        at = datetime.fromisoformat(since["at"])
        found.append(
            _matrix(since, title=f"Who moved since {at:%-d %b %Y}",
                    note="Where people were when the clusters were found before, and where they are now.")
        )  # fmt: skip
    if refit := moves.get("refit"):
        found.append(
            _matrix(refit, title="What finding them anew changed",
                    note="The people of that day, by the clusters before and by these.")
        )  # fmt: skip
    return found


def _matrix(moves: Mapping[str, Any], *, title: str, note: str) -> Moves:
    rows = []
    for name, counts in zip(moves["before"], moves["customers"], strict=True):
        total = sum(counts)
        # of many people a rounded per cent is more than a small cell: nothing can be worked out
        secret = hidden(counts) if total < 100 * SMALLEST else frozenset()
        texts = all_told(counts)
        cells = [
            Cell(text=_SHORT[texts[at]], shade=0.0) if at in secret else _cell(count, total)
            for at, count in enumerate(counts)
        ]
        rows.append((name, told(total), cells))
    return Moves(
        title=title,
        note=note,
        kept=display.percent(moves["kept"]),
        columns=moves["after"],
        rows=rows,
    )


def _cell(count: int, total: int) -> Cell:
    text = share_told(count, total, decimals=0)
    return Cell(text=text, shade=count / total if total else 0.0)


def _overlap(metrics: Mapping[str, Any]) -> list[tuple[str, list[Cell]]]:
    """Mean membership of who is assigned to a row's cluster in each column's; empty for hard clusters of one mind."""
    names = [str(group["name"]) for group in metrics.get("groups", ())]
    matrix = metrics.get("overlap", {}).get("matrix", ())
    return [
        (name, [Cell(text=display.percent(share, decimals=0), shade=share) for share in row])
        for name, row in zip(names, matrix, strict=False)
    ]
