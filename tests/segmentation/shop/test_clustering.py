"""Clusters in the shop: refits keep segments, moves are on record, and one customer is assigned like all."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from consent.enums import Purpose
from consent.models import ConsentState
from segmentation import clustering, daily_models, queries, refreshing, training, versions
from segmentation.enums import SegmentKind, Task
from segmentation.expectation import READER
from segmentation.ml.columns import ORDERS, RECENCY_DAYS
from segmentation.ml.tables import FeatureTable
from segmentation.models import Membership, Segment
from tests.segmentation.shop.rounds import STARTS_AT
from tests.sessions import another_session


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]


def test_refit_stores_the_moves_since_the_last_model(table: FeatureTable) -> None:
    clustering.refresh(table, now=STARTS_AT)
    names = dict(Segment.objects.filter(kind=SegmentKind.CLUSTER).values_list("pk", "name"))
    later = STARTS_AT + clustering.CLUSTERS_LAST
    clustering.refresh(a_month_on(table), now=later)
    version = queries.champion(Task.CLUSTERS)
    assert version is not None
    metrics = version.metrics
    assert metrics["kept"] == metrics["moves"]["refit"]["kept"] >= 0.9
    since = metrics["moves"]["since"]
    assert since["at"] == STARTS_AT.isoformat()
    # whoever ordered in the meantime moved up; the refit alone moves fewer
    assert since["kept"] < 1
    with_order = int((table.column(ORDERS) > 0).sum())
    assert (
        np.sum(since["customers"]) == np.sum(metrics["moves"]["refit"]["customers"]) == with_order
    )
    kept = dict(Segment.objects.filter(pk__in=names).values_list("pk", "name"))
    assert kept == names
    assert {"algorithm", "stability", "merit", "is_elbow", "title"} <= set(metrics["tried"][0])
    assert sum(one["is_chosen"] for one in metrics["tried"]) == 1
    assert len({one["algorithm"] for one in metrics["tried"]}) >= 4


def test_model_put_back_is_not_fitted_anew_at_the_next_refresh(table: FeatureTable) -> None:
    clustering.refresh(table, now=STARTS_AT)
    version = queries.champion(Task.CLUSTERS)
    assert version is not None
    later = STARTS_AT + clustering.CLUSTERS_LAST
    versions.promote(version, reason="Put back by ada", now=later)
    clustering.refresh(table, now=later)
    assert queries.champion(Task.CLUSTERS) == version


def test_clusters_are_empty_when_nobody_is_profiled_any_more(table: FeatureTable) -> None:
    clustering.refresh(table, now=STARTS_AT)
    nobody = table.rows(np.zeros(len(table), dtype=np.bool_))
    clustering.refresh(nobody, now=STARTS_AT + clustering.CLUSTERS_LAST / 2)
    assert Segment.objects.filter(kind=SegmentKind.CLUSTER).exists()
    assert not Membership.objects.filter(segment__kind=SegmentKind.CLUSTER).exists()


def test_one_customer_is_assigned_like_all(table: FeatureTable) -> None:
    assert clustering.current() is None
    clustering.refresh(table, now=STARTS_AT)
    model = clustering.current()
    assert model is not None
    stored = dict(
        Membership.objects.filter(segment__kind=SegmentKind.CLUSTER).values_list(
            "customer_id", "segment__definition"
        )
    )
    for row in range(0, len(table), len(table) // 20):
        alone = table.rows(np.arange(len(table)) == row)
        definition = stored.get(int(alone.customer_ids[0]), {"cluster": -1})
        assert definition["cluster"] == model.keys(alone)[0]


def a_month_on(table: FeatureTable) -> FeatureTable:
    """A fifth of those with an order ordered again ten days ago; all others are 28 days older."""
    values = table.values.copy()
    recency, orders = table.names.index(RECENCY_DAYS), table.names.index(ORDERS)
    values[:, recency] += timedelta(days=28).days
    again = (values[:, orders] > 0) & (np.arange(len(values)) % 5 == 0)
    values[again, recency] = 10.0
    values[again, orders] += 1
    return FeatureTable(customer_ids=table.customer_ids, names=table.names, values=values)


def test_clusters_are_fitted_anew_when_somebody_asks() -> None:
    refreshing.refresh(now=STARTS_AT)
    first = queries.champion(Task.CLUSTERS)
    assert first is not None
    told = daily_models.train(Task.CLUSTERS, now=STARTS_AT)
    assert told.promoted, told.reason
    assert (told.previous, told.version.number) == (first, first.number + 1)
    assert queries.champion(Task.CLUSTERS) == told.version
    profiled = Membership.objects.filter(segment__kind=SegmentKind.CLUSTER)
    assert profiled.count() == told.version.rows > 500
    gone = profiled.values_list("customer_id", flat=True)[0]
    ConsentState.objects.filter(customer=gone, purpose=Purpose.PROFILING).update(is_granted=False)
    again = daily_models.train(Task.CLUSTERS, now=STARTS_AT)
    assert (
        again.version.rows == told.version.rows - 1
    )  # the features of the last refresh still have them
    assert not profiled.filter(customer=gone).exists()
    with another_session() as other:  # a refresh is under way
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [READER])
        with pytest.raises(training.AlreadyTrainingError, match="being sorted"):
            daily_models.train(Task.CLUSTERS, now=STARTS_AT)
