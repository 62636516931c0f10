"""The clusters of the shop: fitted once in four weeks, assigned at every refresh, known by number and name."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection

from customers import display
from segmentation import (
    attempts,
    membership,
    mirror,
    queries,
    reading_models,
    training,
    versions,
)
from segmentation.dynamic.turn import alone
from segmentation.enums import ModelStatus, SegmentKind, Task
from segmentation.examples import may_be_shown
from segmentation.ml import artifacts
from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS
from segmentation.ml.estimators import clusters
from segmentation.ml.estimators.clusters import ClusterModel, Group
from segmentation.ml.estimators.clusters.space import RFM
from segmentation.ml.tables import FeatureTable, Ints
from segmentation.models import ModelVersion, Segment
from segmentation.rule_segments import free_name


logger = logging.getLogger(__name__)

CLUSTERS_LAST = timedelta(days=28)
SEED = 42
PART = 100_000


def refresh(table: FeatureTable, *, now: datetime) -> None:
    """Put every customer of `table` into the cluster it belongs to, by a model of at most four weeks of age."""
    version = queries.champion(Task.CLUSTERS)
    model = None if version is None else _read(version)
    if version is None or model is None or _is_old(version, now=now):
        # in the background of a refresh: without a new model the old one goes on
        model = attempts.alone(Task.CLUSTERS, lambda: fit(table, now=now), now=now) or model
    _sort(table, model, now=now)


def train(*, now: datetime) -> ModelVersion:
    """
    Fit clusters anew and sort every customer, by the features known now; too little is a recorded refusal.

    Raises training.AlreadyTrainingError while another process sorts customers into segments.
    """
    with alone() as is_alone:
        if not is_alone:
            raise training.AlreadyTrainingError("Customers are being sorted into segments now")
        if not mirror.exists():
            return attempts.refused(
                Task.CLUSTERS, "Nothing to learn from: no features were computed yet.", now=now
            )
        table = _features()
        model = fit(table, now=now)
        _sort(table, model, now=now)
    return ModelVersion.objects.filter(task=Task.CLUSTERS).latest("number")


def _features() -> FeatureTable:
    """Of everybody who still agrees to be profiled: not of the last refresh alone, from which somebody may have gone."""
    with mirror.connect() as database:
        rows = database.sql(
            f"SELECT customer_id, {', '.join(columns())} FROM features ORDER BY customer_id"
        ).to_arrow_table()
    table = FeatureTable.from_arrow(rows)
    agree = may_be_shown().values_list("pk", flat=True)
    return table.rows(np.isin(table.customer_ids, np.fromiter(agree, dtype=np.int64)))


def _sort(table: FeatureTable, model: ClusterModel | None, *, now: datetime) -> None:
    if model is None:
        return
    # part by part: distances to every group are many numbers a customer
    parts = [model.keys(part) for part in table.in_parts(PART)]
    keys = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)  # nobody is profiled
    found = {segment.definition.get("cluster"): segment for segment in _segments()}
    for group in model.groups:
        # found again by its key: a refit keeps it, and the name, where most of the customers are the same
        segment = found.pop(group.key, None)
        title, description = f"Cluster {group.key + 1}: {group.name}", _description(model, group)
        if segment is None:
            segment = membership.ensure(
                name=title, kind=SegmentKind.CLUSTER, definition={"cluster": group.key},
                description=description, now=now,
            )  # fmt: skip
        else:
            title = free_name(title, segment=segment)
            if (segment.name, segment.description) != (title, description):
                segment.name, segment.description = title, description
                segment.save(update_fields=["name", "description"])
        membership.write(segment, table.customer_ids[keys == group.key], now=now)
    for segment in found.values():
        membership.write(segment, np.empty(0, dtype=np.int64), now=now)


def columns() -> tuple[str, ...]:
    """The features that `refresh` reads: of a new model and of the one that serves."""
    model = current()
    return tuple(dict.fromkeys((*RFM, *(model.space.names if model else ()))))


def current() -> ClusterModel | None:
    """The model that serves, to assign new and changed customers by; None before there is one that can be read."""
    version = queries.champion(Task.CLUSTERS)
    return None if version is None else _read(version)


def _read(version: ModelVersion) -> ClusterModel | None:
    try:
        return reading_models.read(version, _cluster_model)
    except artifacts.ArtifactError as error:
        logger.warning("%s is fitted anew: %s", version, error)
        return None


def _cluster_model(loaded: artifacts.Loaded) -> ClusterModel:
    return ClusterModel.from_files(loaded.files)


def _is_old(version: ModelVersion, *, now: datetime) -> bool:
    since = max(version.trained_at, version.decided_at or version.trained_at)  # or put back
    return now - since >= CLUSTERS_LAST


def fit(table: FeatureTable, *, now: datetime) -> ClusterModel | None:
    """A new model, recorded and serving; None where there is too little, which is a recorded refusal."""
    version = queries.champion(Task.CLUSTERS)
    previous = None if version is None else _read(version)
    try:
        model = clusters.fit(table, seed=SEED, previous=previous, minor_units=display.minor_units())
    except ValueError as error:
        attempts.refused(Task.CLUSTERS, f"No clusters: {error}.", now=now)
        return None
    metrics = _metrics(model, table)
    if version and previous:
        metrics["moves"] = _moves(model, previous, table, since=version.trained_at)
        metrics["kept"] = metrics["moves"]["refit"]["kept"]
    _record(model, metrics, rows=len(table), now=now)
    return model


def _metrics(model: ClusterModel, table: FeatureTable) -> dict[str, Any]:
    """The measures of the choice, and every candidate's for the page. overlap: see ClusterModel.overlap."""
    chosen = model.candidate
    return {
        "silhouette": chosen.silhouette,
        "stability": chosen.stability,
        "smallest_share": chosen.smallest_share,
        "davies_bouldin": chosen.davies_bouldin,
        "calinski_harabasz": chosen.calinski_harabasz,
        "groups": [
            {"key": group.key, "name": group.name, "share": group.share, "is_noise": group.is_noise}
            for group in model.groups
        ],
        "overlap": model.overlap(table),
        "tried": [
            one.to_dict()
            | {
                "title": clusters.ALGORITHMS[one.algorithm].title,
                "is_chosen": position == model.chosen,
            }
            for position, one in enumerate(model.tried)
        ],
    }


def _moves(
    model: ClusterModel, previous: ClusterModel, table: FeatureTable, *, since: datetime
) -> dict[str, Any]:
    """
    Two migration matrices, whole: who shows them hides small cells.

    refit: the customers of today by the old and the new model, which is what the refit alone changed.
    since: where customers were when the old model was made, and where they are now.
    """
    after = model.assign(table)
    before = _membership_at(since, table.customer_ids, [group.key for group in previous.groups])
    moved = clusters.migration(before, after, names_before=previous.names, names_after=model.names)
    return {
        "refit": model.moves(previous, table).to_dict(),
        "since": moved.to_dict() | {"at": since.isoformat()},
    }


def _membership_at(at: datetime, customer_ids: Ints, keys: Iterable[int]) -> Ints:
    """The position in `keys` of the cluster in which each customer was at `at`, from the history; -1 for in none."""
    position = {key: place for place, key in enumerate(keys)}
    segments = {
        segment.pk: position[segment.definition["cluster"]]
        for segment in _segments()
        if segment.definition.get("cluster") in position
    }
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT customer_id, segment_id FROM (
                SELECT DISTINCT ON (segment_id, customer_id) segment_id, customer_id, joined
                FROM segmentation_membershipchange
                WHERE segment_id = ANY(%s) AND changed_at <= %s
                ORDER BY segment_id, customer_id, changed_at DESC, id DESC
            ) AS last WHERE joined
            """,
            [list(segments), at],
        )
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    before = np.full(len(customer_ids), -1, dtype=np.int64)
    rows = rows[np.isin(rows[:, 0], customer_ids)]
    places = np.array([segments[segment] for segment in rows[:, 1].tolist()], dtype=np.int64)
    before[np.searchsorted(customer_ids, rows[:, 0])] = places
    return before


def _record(model: ClusterModel, metrics: dict[str, Any], *, rows: int, now: datetime) -> None:
    until, chosen = int(now.timestamp()), model.candidate
    version = versions.record(
        task=Task.CLUSTERS,
        status=ModelStatus.CHALLENGER,
        algorithm=model.title,
        reason="",
        as_of=now,
        now=now,
        rows=rows,
        positives=0,
        metrics=metrics,
        files=model.to_files(),
        provenance=artifacts.Provenance(
            task=Task.CLUSTERS, estimator=model.title, features=model.space.names,
            data_from=until, data_until=until, rows=rows, seed=SEED, details={},
        ),
    )  # fmt: skip
    versions.promote(
        version,
        reason=f"k = {chosen.k} of 3 to 8, by {model.title.partition(',')[0]}: silhouette "
        f"{chosen.silhouette:.2f} times stability {chosen.stability:.2f}, smallest cluster "
        f"{display.percent(chosen.smallest_share, decimals=0)}. Why: {model.reason}.",
        now=now,
    )


def _segments() -> list[Segment]:
    return list(Segment.objects.filter(kind=SegmentKind.CLUSTER))


def _description(model: ClusterModel, group: Group) -> str:
    how = f"Found by {model.title.partition(',')[0]} on recency, number of orders and money."
    if group.is_noise:
        return (
            f"{how} These customers are like no group of others: noise, in the words of statistics."
        )
    typical = dict(zip(model.space.names, group.typical, strict=True))
    spent = display.money(typical[NET_REVENUE_CENTS], decimals=0)
    return (
        f"{how} Typically {typical[RECENCY_DAYS]:,.0f} days since the last order, "
        f"{typical[ORDERS]:,.1f} orders and {spent} spent."
    )
