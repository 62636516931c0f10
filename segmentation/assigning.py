"""
The machine-made segments of some customers, by the scales and models of the last whole refresh.

Nobody else moves: fifths and clusters are fitted anew by `segments.refresh` only.
"""

from __future__ import annotations

import numpy as np

from segmentation import clustering, queries
from segmentation.enums import SegmentKind
from segmentation.ml.columns import NET_REVENUE_CENTS
from segmentation.ml.estimators import rfm
from segmentation.ml.tables import FeatureTable, Ints
from segmentation.models import Segment


NOBODY: Ints = np.empty(0, dtype=np.int64)


def segments_of(table: FeatureTable, *, living: Ints) -> dict[int, Ints]:
    """
    Segment id to those of `table` (of `living`, for Everyone) who belong into it.

    A segment whose model cannot be read is left out: its members stay as they are.
    """
    found: dict[int, Ints] = {}
    for segment in Segment.objects.filter(kind=SegmentKind.EVERYONE):
        found[segment.pk] = living
    return found | _rfm(table) | _clusters(table) | _bands(table)


def _rfm(table: FeatureTable) -> dict[int, Ints]:
    groups = {
        segment.definition["group"]: segment
        for segment in Segment.objects.filter(kind=SegmentKind.RFM, definition__has_key="scale")
    }
    if not groups:
        return {}
    scale = rfm.RfmScale.from_dict(next(iter(groups.values())).definition["scale"])
    numbers = scale.groups(table) if len(table) else NOBODY
    return {
        groups[group.code].pk: table.customer_ids[numbers == number]
        for number, group in enumerate(rfm.GROUPS)
        if group.code in groups
    }


def _clusters(table: FeatureTable) -> dict[int, Ints]:
    model = clustering.current()
    if model is None:  # none yet, or it cannot be read: nobody is assigned
        return {}
    numbers = model.keys(table) if len(table) else NOBODY
    return {
        segment.pk: table.customer_ids[numbers == segment.definition["cluster"]]
        for segment in Segment.objects.filter(kind=SegmentKind.CLUSTER)
    }


def _bands(table: FeatureTable) -> dict[int, Ints]:
    spent = np.nan_to_num(table.column(NET_REVENUE_CENTS))
    found: dict[int, Ints] = {}
    for segment in Segment.objects.filter(
        kind=SegmentKind.SCORE, definition__has_key="spent_cents"
    ):
        band = segment.definition
        scores = queries.scores_of(band["task"], table.customer_ids)
        inside = (spent >= band["spent_cents"]) & (scores >= band["at_least"])
        found[segment.pk] = table.customer_ids[inside]
    return found
