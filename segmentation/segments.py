"""The machine-made segments: RFM groups, clusters, score bands, everyone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from segmentation import clustering, membership, queries
from segmentation.enums import MADE_BY_STAFF, SegmentKind, Task
from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS
from segmentation.ml.estimators import rfm
from segmentation.ml.tables import Bools, FeatureTable, Floats
from segmentation.models import Segment


@dataclass(frozen=True, kw_only=True)
class Band:
    """Customers whose score lies in a band, among the upper part of spenders if `spenders` is below 1."""

    name: str
    task: Task
    at_least: float
    spenders: float
    description: str


BANDS = (
    Band(name="At risk and valuable", task=Task.CHURN, at_least=0.6, spenders=0.3,
         description="Probably will not order in the next 90 days, and among the three tenths who spent most."),
    Band(name="Likely to buy soon", task=Task.PURCHASE, at_least=0.3, spenders=1.0,
         description="An order in the next 30 days is expected with a probability of at least 30\u00a0%."),
)  # fmt: skip


def columns() -> tuple[str, ...]:
    """The features that `refresh` reads: few enough to have them of everybody in memory."""
    return tuple(dict.fromkeys((RECENCY_DAYS, ORDERS, NET_REVENUE_CENTS, *clustering.columns())))


def refresh(table: FeatureTable, *, now: datetime) -> None:
    """Bring every machine-made segment up to date with `table`: the features as of `now`, at least `columns`."""
    everyone = membership.ensure(
        name="Everyone", kind=SegmentKind.EVERYONE, definition={}, now=now,
        description="Every customer of the shop. Consent is asked for when a campaign is frozen.",
    )  # fmt: skip
    membership.write_everyone(everyone, now=now)
    if not len(table):  # the last one has objected to being profiled
        computed = Segment.objects.exclude(kind__in=(SegmentKind.EVERYONE, *MADE_BY_STAFF))
        for segment in computed.filter(size__gt=0):
            membership.write(segment, np.empty(0, dtype=np.int64), now=now)
        return
    _rfm(table, now=now)
    clustering.refresh(table, now=now)
    _bands(table, now=now)


def _rfm(table: FeatureTable, *, now: datetime) -> None:
    try:
        scale = rfm.RfmScale.fit(table)
    except ValueError:  # nobody has ordered: there are no groups yet
        return
    numbers = scale.groups(table)
    for number, group in enumerate(rfm.GROUPS):
        segment = membership.ensure(
            name=group.name, kind=SegmentKind.RFM, definition={"group": group.code, "scale": scale.to_dict()},
            description=group.meaning, now=now,
        )  # fmt: skip
        membership.write(segment, table.customer_ids[numbers == number], now=now)


def _bands(table: FeatureTable, *, now: datetime) -> None:
    spent = np.nan_to_num(table.column(NET_REVENUE_CENTS))
    for band in BANDS:
        scores = queries.current_scores(band.task, table.customer_ids)
        if scores.version_id is None:
            continue
        enough = float(np.quantile(spent, 1 - band.spenders))
        segment = membership.ensure(
            name=band.name, kind=SegmentKind.SCORE, now=now, description=band.description,
            definition={"task": band.task, "at_least": band.at_least, "spenders": band.spenders,
                        "spent_cents": enough},
        )  # fmt: skip
        inside = _in_band(scores.values, spent, band, enough)
        membership.write(segment, table.customer_ids[inside], now=now)


def _in_band(scores: Floats, spent: Floats, band: Band, enough: float) -> Bools:
    return (spent >= enough) & (np.nan_to_num(scores, nan=-1.0) >= band.at_least)
