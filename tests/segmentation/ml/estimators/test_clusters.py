"""Clusters that are there, that are there again, and that keep their names."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation.ml.columns import ORDERS, RECENCY_DAYS
from segmentation.ml.estimators import clusters
from segmentation.ml.estimators.clusters import ClusterModel, migration, naming
from segmentation.ml.tables import FeatureTable
from tests.segmentation.ml.estimators.shops import blobs, rfm_table


CENTRES = [(5.0, 20.0, 90_000.0), (40.0, 5.0, 20_000.0), (200.0, 1.0, 2_000.0), (9.0, 1.0, 1_500.0)]
TRUTH = np.repeat(np.arange(4), 150)


def shop(each: int = 150, seed: int = 0) -> FeatureTable:
    return blobs(CENTRES, each=each, seed=seed)


def k_means(table: FeatureTable, *ks: int, seed: int = 42) -> ClusterModel:
    return clusters.fit(table, seed=seed, ks=ks, algorithms=["kmeans"])


@pytest.fixture(scope="module")
def model() -> ClusterModel:
    return clusters.fit(shop(), seed=42)


def test_fit_finds_the_four_clouds_by_itself(model: ClusterModel) -> None:
    assert model.candidate.k == 4
    assert adjusted_rand_score(TRUTH, model.assign(shop())) > 0.99


def test_k_means_serves_where_others_are_no_better(model: ClusterModel) -> None:
    assert model.title == "k-means, k = 4"


def test_clusters_come_in_the_order_of_spending_with_different_names(model: ClusterModel) -> None:
    spent = [group.typical[2] for group in model.groups]
    assert spent == sorted(spent, reverse=True)
    assert len(set(model.names)) == 4
    assert model.names[0] == "Recent, many orders, high spend"


def test_every_candidate_is_on_record_with_all_its_measures(model: ClusterModel) -> None:
    tried = {(one.algorithm, one.k) for one in model.tried}
    assert {("kmeans", k) for k in range(3, 9)} <= tried
    assert {algorithm for algorithm, _ in tried} == set(clusters.ALGORITHMS)
    best = max(one.merit for one in model.tried)
    assert model.candidate.merit >= 0.95 * best > 0.5


def test_who_sent_everything_back_is_no_cluster_of_their_own() -> None:
    rows = [*shop().values.tolist(), *[(30.0, 1.0, 0.0)] * 12]
    found = k_means(rfm_table(rows), 3, 4, 5)
    assert np.bincount(found.assign(rfm_table(rows))).min() > 100


def test_clusters_of_one_kind_are_told_apart_by_their_spending() -> None:
    found = k_means(shop(), 8)
    assert len(set(found.names)) == 8
    assert any("in all)" in name for name in found.names)


def test_large_shop_is_learned_from_a_sample_and_assigned_in_full() -> None:
    table = blobs(CENTRES[:3], each=clusters.SAMPLE // 2)
    truth = np.repeat(np.arange(3), clusters.SAMPLE // 2)
    assert adjusted_rand_score(truth, k_means(table, 3).assign(table)) > 0.99


def test_other_features_make_clusters_too() -> None:
    table = shop()
    table = FeatureTable(
        customer_ids=table.customer_ids, names=(RECENCY_DAYS, ORDERS, "gap_mean_days"),
        values=table.values,
    )  # fmt: skip
    found = clusters.fit(table, seed=42, features=(RECENCY_DAYS, "gap_mean_days"), ks=[3, 4],
                         algorithms=["kmeans"])  # fmt: skip
    assert adjusted_rand_score(TRUTH, found.assign(table)) > 0.9
    assert found.names[0] == "Recent, high gap mean days"


def test_too_few_customers_and_unknown_algorithms_are_refused() -> None:
    with pytest.raises(ValueError, match="160 are needed"):
        clusters.fit(shop(each=39), seed=1)
    with pytest.raises(KeyError, match="no algorithm oracle; there are kmeans"):
        clusters.fit(shop(), seed=1, algorithms=["oracle"])


def test_one_cloud_is_divided_all_the_same() -> None:
    table = blobs([(5, 1, 2_000)], each=300)
    assert k_means(table, 3, 4).assign(table).min() >= 0


# ------------------------------------------------------------------ names over refits


def test_refit_keeps_keys_and_names(model: ClusterModel) -> None:
    drawn = shop(each=120, seed=9)
    again = clusters.fit(drawn, seed=7, previous=model)
    assert {group.key: group.name for group in again.groups} == {
        group.key: group.name for group in model.groups
    }
    assert again.moves(model, drawn).kept > 0.99
    assert (again.keys(drawn) == model.keys(drawn)).mean() > 0.99
    assert any(one.is_known for one in again.tried)


def test_next_month_nine_of_ten_keep_the_name() -> None:
    """Everybody is 30 days older, save a third who ordered again."""
    table = blobs(CENTRES, each=300, seed=2)
    before = k_means(table, 3, 4, 5)
    values = table.values.copy()
    values[:, 0] += 30
    again = np.random.default_rng(0).random(len(values)) < 0.33
    values[again] = values[again] * [0, 1, 1.1] + [10, 1, 0]
    later = rfm_table(values.tolist())
    after = clusters.fit(later, seed=1, ks=[3, 4, 5], algorithms=["kmeans"], previous=before)
    assert after.moves(before, later).kept >= 0.9


def test_previous_names_are_taken_over_whatever_the_order(model: ClusterModel) -> None:
    drawn = shop(each=120, seed=9)
    refit = k_means(drawn, 4, seed=7)
    order = np.array([2, 0, 3, 1])
    shuffled = ClusterModel(
        algorithm=refit.algorithm, space=refit.space, partition=refit.partition.reordered(order),
        groups=tuple(refit.groups[one] for one in order), next_key=4, tried=refit.tried,
        chosen=refit.chosen, reason="",
    )  # fmt: skip
    assert (shuffled.named_like(model, drawn).keys(drawn) == model.keys(drawn)).mean() > 0.99


def test_cluster_that_moved_away_is_a_new_one(model: ClusterModel) -> None:
    moved = blobs([*CENTRES[:3], (900.0, 30.0, 1_500.0)], each=150)
    again = k_means(moved, 4).named_like(model, moved)
    keys = {group.key for group in again.groups}
    assert len(keys & {group.key for group in model.groups}) == 3
    assert keys - {group.key for group in model.groups} == {model.next_key}
    assert len(set(again.names)) == 4


def test_fewer_clusters_keep_the_names_that_have_heirs(model: ClusterModel) -> None:
    table = shop()
    fewer = k_means(table, 3).named_like(model, table)
    assert {group.key for group in fewer.groups} < {group.key for group in model.groups}
    assert set(fewer.names) < set(model.names)
    # and when the fourth comes back it has a key of its own: the old one's history is not its
    more = k_means(table, 4).named_like(fewer, table)
    new = {group.key for group in more.groups} - {group.key for group in fewer.groups}
    assert new == {model.next_key}
    assert more.next_key == model.next_key + 1


def test_more_clusters_keep_all_names_and_add_new_ones(model: ClusterModel) -> None:
    table = shop()
    more = k_means(table, 6).named_like(model, table)
    assert set(model.names) < set(more.names)
    assert len(set(more.names)) == 6
    assert more.next_key == 6


def test_noise_is_heir_to_noise_only(model: ClusterModel) -> None:
    table = shop()
    dense = clusters.fit(table, seed=42, algorithms=["dbscan"], ks=[3, 4], previous=model)
    assert [group.key for group in dense.groups if group.is_noise] == [model.next_key]
    again = clusters.fit(table, seed=43, algorithms=["hdbscan"], ks=[3, 4], previous=dense)
    assert [group.key for group in again.groups if group.is_noise] == [model.next_key]
    back = k_means(table, 4).named_like(again, table)
    assert naming.NOISE not in back.names


def test_another_algorithm_inherits_names(model: ClusterModel) -> None:
    table = shop()
    soft = clusters.fit(table, seed=42, algorithms=["gmm"], previous=model)
    assert set(soft.names) >= set(model.names)
    settled = clusters.fit(shop(seed=4), seed=42, algorithms=["gmm"], previous=soft)
    assert settled.candidate.is_known


# ------------------------------------------------------------------ overlaps and migration


def test_overlap_tells_how_far_soft_groups_run_into_each_other() -> None:
    table = blobs([(5.0, 20.0, 90_000.0), (8.0, 15.0, 60_000.0), (200.0, 1.0, 2_000.0)], each=200)
    overlap = clusters.fit(table, seed=42, algorithms=["gmm"], ks=[3]).overlap(table)
    matrix = np.array(overlap["matrix"])
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    assert matrix[0, 1] > 0.01 > matrix[0, 2]
    assert 0 < overlap["unclear"] < 0.3


def test_migration_counts_moves_and_their_shares() -> None:
    moved = migration(
        np.array([0, 0, 0, 1, 1, -1]), np.array([0, 0, 1, 1, -1, 0]),
        names_before=["Old", "Other"], names_after=["Old", "New"],
    )  # fmt: skip
    assert moved.customers.tolist() == [[2, 1], [0, 1]]
    assert moved.shares.tolist() == [[2 / 3, 1 / 3], [0, 1]]
    assert moved.kept == 0.5
    assert moved.to_dict()["customers"] == [[2, 1], [0, 1]]


def test_migration_of_nobody_keeps_everything() -> None:
    nobody = np.empty(0, dtype=np.int64)
    moved = migration(nobody, nobody, names_before=["A"], names_after=["B"])
    assert moved.kept == 1
    assert moved.shares.tolist() == [[0]]
