from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from segmentation import membership, queries, segments
from segmentation.enums import ModelStatus, SegmentKind, Task
from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS
from segmentation.ml.estimators.rfm import GROUPS
from segmentation.ml.tables import FeatureTable
from segmentation.models import Membership, MembershipChange, ModelVersion, Segment
from segmentation.scoring import write_generation
from tests.segmentation.builders import rule_segment
from tests.segmentation.shop.rounds import STARTS_AT
from tests.segmentation.versions import make_version


pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shop")]
BANDS_NAME = segments.BANDS[0].name


def members(segment: Segment) -> set[int]:
    return set(Membership.objects.filter(segment=segment).values_list("customer_id", flat=True))


def test_rfm_groups_share_out_everybody_who_may_be_profiled(table: FeatureTable) -> None:
    segments.refresh(table, now=STARTS_AT)
    groups = [members(one) for one in Segment.objects.filter(kind=SegmentKind.RFM)]
    assert sum(map(len, groups)) == len(table)
    assert set.union(*groups) == set(table.customer_ids.tolist())


def test_clusters_are_kept_for_a_month_and_their_numbers_after_it(table: FeatureTable) -> None:
    segments.refresh(table, now=STARTS_AT)
    names = dict(Segment.objects.filter(kind=SegmentKind.CLUSTER).values_list("pk", "name"))
    assert len(names) >= 3
    first = queries.champion(Task.CLUSTERS)
    segments.refresh(table, now=STARTS_AT + timedelta(days=27))
    assert queries.champion(Task.CLUSTERS) == first
    changes = MembershipChange.objects.count()
    segments.refresh(table, now=STARTS_AT + timedelta(days=28))
    second = queries.champion(Task.CLUSTERS)
    assert second is not None
    assert second.number == 2
    assert second.reason.startswith(f"k = {len(names)} of 3 to 8")
    # the same customers make the same clusters under the same names
    assert dict(Segment.objects.filter(kind=SegmentKind.CLUSTER).values_list("pk", "name")) == names
    assert MembershipChange.objects.count() == changes


def test_clusters_are_fitted_anew_when_the_model_was_harmed(table: FeatureTable) -> None:
    segments.refresh(table, now=STARTS_AT)
    ModelVersion.objects.filter(task=Task.CLUSTERS).update(artefact="not-there")
    segments.refresh(table, now=STARTS_AT + timedelta(days=1))
    assert list(
        ModelVersion.objects.filter(task=Task.CLUSTERS)
        .order_by("number")
        .values_list("status", flat=True)
    ) == [ModelStatus.RETIRED, ModelStatus.CHAMPION]


def test_cluster_that_is_gone_is_emptied(table: FeatureTable) -> None:
    ghost = membership.ensure(
        name="Cluster 9: gone", kind=SegmentKind.CLUSTER, definition={"cluster": 8}, description="",
        now=STARTS_AT,
    )  # fmt: skip
    membership.write(ghost, table.customer_ids[:5], now=STARTS_AT)
    segments.refresh(table, now=STARTS_AT)
    ghost.refresh_from_db()
    assert ghost.size == 0


def test_bands_hold_who_scores_high_and_who_spent_most(table: FeatureTable) -> None:
    scores = np.linspace(0, 1, len(table))
    version = make_version(Task.CHURN, champion=True)
    write_generation(
        version,
        table.customer_ids,
        scores,
        np.full(len(table), np.nan),
        as_of=STARTS_AT,
        now=STARTS_AT,
    )
    segments.refresh(table, now=STARTS_AT)
    spent = np.nan_to_num(table.column(NET_REVENUE_CENTS))
    expected = table.customer_ids[(scores >= 0.6) & (spent >= np.quantile(spent, 0.7))]
    assert members(Segment.objects.get(name="At risk and valuable")) == set(expected.tolist())
    # no purchase model has scored: no segment rather than an empty one
    assert not Segment.objects.filter(name="Likely to buy soon").exists()


def test_customers_without_an_order_make_no_groups(table: FeatureTable) -> None:
    nobody = table.values.copy()
    nobody[:, table.names.index(ORDERS)] = 0
    nobody[:, [table.names.index(name) for name in ("recency_days", NET_REVENUE_CENTS)]] = np.nan
    segments.refresh(
        FeatureTable(customer_ids=table.customer_ids, names=table.names, values=nobody),
        now=STARTS_AT,
    )
    assert list(Segment.objects.values_list("name", flat=True)) == ["Everyone"]


def test_segments_of_staff_keep_their_names_and_the_machine_takes_others(
    table: FeatureTable,
) -> None:
    german = {"all": [{"field": "country", "is": "is", "value": "DE"}]}
    rules = [rule_segment(german, name=name) for name in ("Champions", "Everyone", BANDS_NAME)]
    before = list(Segment.objects.order_by("pk").values())
    scores = np.linspace(0, 1, len(table))
    write_generation(
        make_version(Task.CHURN, champion=True), table.customer_ids, scores,
        np.full(len(table), np.nan), as_of=STARTS_AT, now=STARTS_AT,
    )  # fmt: skip
    for _ in range(2):
        segments.refresh(table, now=STARTS_AT)
    assert (
        list(Segment.objects.filter(pk__in=[one.pk for one in rules]).order_by("pk").values())
        == before
    )
    for kind, name in (
        (SegmentKind.RFM, "Champions (2)"),
        (SegmentKind.EVERYONE, "Everyone (2)"),
        (SegmentKind.SCORE, f"{BANDS_NAME} (2)"),
    ):
        assert Segment.objects.get(kind=kind, name=name).size > 0
    assert Segment.objects.filter(kind=SegmentKind.RFM).count() == len(GROUPS)
    assert Segment.objects.filter(kind=SegmentKind.EVERYONE).count() == 1


def test_cluster_takes_another_name_where_staff_have_its_own(table: FeatureTable) -> None:
    segments.refresh(table, now=STARTS_AT)
    cluster = Segment.objects.filter(kind=SegmentKind.CLUSTER).order_by("pk")[0]
    title = cluster.name
    Segment.objects.filter(pk=cluster.pk).update(name="Our cluster")
    rule_segment({"all": [{"field": "country", "is": "is", "value": "DE"}]}, name=title)
    for _ in range(2):
        segments.refresh(table, now=STARTS_AT)
        cluster.refresh_from_db()
        assert cluster.name == f"{title} (2)"
