"""The machine-made segments: RFM groups, clusters, score bands, everyone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from segmentation import membership, queries, versions
from segmentation.enums import MADE_BY_STAFF, ModelStatus, SegmentKind, Task
from segmentation.ml import artifacts
from segmentation.ml.columns import NET_REVENUE_CENTS
from segmentation.ml.estimators import clusters, rfm
from segmentation.ml.tables import Bools, FeatureTable, Floats
from segmentation.models import Segment


logger = logging.getLogger(__name__)

CLUSTERS_LAST = timedelta(days=28)
SEED = 42


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
         description="An order in the next 30 days is expected with a probability of at least 30 %."),
)  # fmt: skip


def refresh(table: FeatureTable, *, now: datetime) -> None:
    """Bring every machine-made segment up to date with `table`, the features as of `now`."""
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
    _clusters(table, now=now)
    _bands(table, now=now)


def _rfm(table: FeatureTable, *, now: datetime) -> None:
    try:
        scale = rfm.RfmScale.fit(table)
    except ValueError:  # nobody has ordered: there are no groups yet
        return
    numbers = scale.groups(table)
    for number, group in enumerate(rfm.GROUPS):
        segment = membership.ensure(
            name=group.name, kind=SegmentKind.RFM, definition={"group": group.code},
            description=group.meaning, now=now,
        )  # fmt: skip
        membership.write(segment, table.customer_ids[numbers == number], now=now)


def _clusters(table: FeatureTable, *, now: datetime) -> None:
    model = _cluster_model(table, now=now)
    if model is None:
        return
    numbers = model.assign(table)
    for number, name in enumerate(model.names):
        # found again by its number: a refit keeps numbers, and names where the cluster stayed in place
        segment = Segment.objects.filter(
            kind=SegmentKind.CLUSTER, definition={"cluster": number}
        ).first()
        title = f"Cluster {number + 1}: {name}"
        if segment is None:
            segment = membership.ensure(
                name=title, kind=SegmentKind.CLUSTER, definition={"cluster": number}, now=now,
                description="Found by k-means on recency, number of orders and money.",
            )  # fmt: skip
        elif segment.name != title:
            segment.name = title
            segment.save(update_fields=["name"])
        membership.write(segment, table.customer_ids[numbers == number], now=now)
    for segment in Segment.objects.filter(kind=SegmentKind.CLUSTER):
        if segment.definition.get("cluster", 0) >= len(model.names):
            membership.write(segment, np.empty(0, dtype=np.int64), now=now)


def _cluster_model(table: FeatureTable, *, now: datetime) -> clusters.ClusterModel | None:
    version = queries.champion(Task.CLUSTERS)
    previous: clusters.ClusterModel | None = None
    if version is not None:
        try:
            previous = clusters.ClusterModel.from_files(versions.load(version).files)
        except artifacts.ArtifactError as error:
            logger.warning("%s is fitted anew: %s", version, error)
        if previous is not None and now - version.trained_at < CLUSTERS_LAST:
            return previous
    try:
        model = clusters.fit(table, seed=SEED)
    except ValueError as error:
        logger.info("no clusters: %s", error)
        return previous
    if previous is not None:
        model = model.named_like(previous)
    chosen = next(one for one in model.tried if one.k == len(model.names))
    until = int(now.timestamp())
    version = versions.record(
        task=Task.CLUSTERS,
        status=ModelStatus.CHALLENGER,
        algorithm=f"k-means, k = {len(model.names)}",
        reason="",
        as_of=now,
        now=now,
        rows=len(table),
        positives=0,
        metrics={
            "silhouette": chosen.silhouette,
            "stability": chosen.stability,
            "smallest_share": chosen.smallest_share,
            "tried": [
                {"k": one.k, "silhouette": one.silhouette, "stability": one.stability,
                 "smallest_share": one.smallest_share, "merit": one.merit}
                for one in model.tried
            ],
        },
        files=model.to_files(),
        provenance=artifacts.Provenance(
            task=Task.CLUSTERS, estimator="k-means", features=("recency_days", "orders", "net_revenue_cents"),
            data_from=until, data_until=until, rows=len(table), seed=SEED, details={},
        ),
    )  # fmt: skip
    versions.promote(
        version,
        reason=f"k = {len(model.names)} of 3 to 8: silhouette {chosen.silhouette:.2f} times stability "
        f"{chosen.stability:.2f}, smallest cluster {chosen.smallest_share:.0%}.",
        now=now,
    )
    return model


def _bands(table: FeatureTable, *, now: datetime) -> None:
    spent = np.nan_to_num(table.column(NET_REVENUE_CENTS))
    for band in BANDS:
        scores = queries.current_scores(band.task, table.customer_ids)
        if scores.version_id is None:
            continue
        segment = membership.ensure(
            name=band.name, kind=SegmentKind.SCORE, now=now, description=band.description,
            definition={"task": band.task, "at_least": band.at_least, "spenders": band.spenders},
        )  # fmt: skip
        inside = _in_band(scores.values, spent, band)
        membership.write(segment, table.customer_ids[inside], now=now)


def _in_band(scores: Floats, spent: Floats, band: Band) -> Bools:
    enough = spent >= np.quantile(spent, 1 - band.spenders)
    return enough & (np.nan_to_num(scores, nan=-1.0) >= band.at_least)
