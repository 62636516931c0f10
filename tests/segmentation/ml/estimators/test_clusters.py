"""Clusters that are there, that are there again, and that keep their names."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation.ml.estimators import clusters
from segmentation.ml.estimators.clusters import NO_ORDER, Candidate, ClusterModel
from tests.segmentation.ml.estimators.shops import blobs, rfm_table


CENTRES = [(5.0, 20.0, 90_000.0), (40.0, 5.0, 20_000.0), (200.0, 1.0, 2_000.0), (9.0, 1.0, 1_500.0)]
TRUTH = np.repeat(np.arange(4), 150)


@pytest.fixture(scope="module")
def model() -> ClusterModel:
    return clusters.fit(blobs(CENTRES, each=150), seed=42)


def test_fit_finds_the_four_clouds(model: ClusterModel) -> None:
    assert len(model.centres) == 4
    assert adjusted_rand_score(TRUTH, model.assign(blobs(CENTRES, each=150))) > 0.99


def test_clusters_come_in_the_order_of_spending_with_different_names(model: ClusterModel) -> None:
    assert list(model.centres[:, 2]) == sorted(model.centres[:, 2], reverse=True)
    assert len(set(model.names)) == 4
    assert model.names[0] == "Recent, many orders, high spend"


def test_every_k_is_on_record(model: ClusterModel) -> None:
    assert [candidate.k for candidate in model.tried] == [3, 4, 5, 6, 7, 8]
    assert max(model.tried, key=lambda candidate: candidate.merit).k == 4


def test_same_seed_gives_the_same_model(model: ClusterModel) -> None:
    assert clusters.fit(blobs(CENTRES, each=150), seed=42).to_files() == model.to_files()


def test_customer_without_an_order_is_in_no_cluster(model: ClusterModel) -> None:
    assert model.assign(rfm_table([(np.nan, 0, 0), (5, 20, 90_000)])).tolist() == [NO_ORDER, 0]


def test_customer_beyond_all_others_is_still_assigned(model: ClusterModel) -> None:
    assert model.assign(rfm_table([(1, 10_000, 10**9), (3_000, 1, -5_000)])).tolist() == [
        0,
        model.assign(rfm_table([(200, 1, 2_000)]))[0],
    ]


def test_who_sent_everything_back_is_no_cluster_of_their_own() -> None:
    rows = [*blobs(CENTRES, each=150).values.tolist(), *[(30.0, 1.0, 0.0)] * 12]
    model = clusters.fit(rfm_table(rows), seed=42, ks=[3, 4, 5])
    assert np.bincount(model.assign(rfm_table(rows))).min() > 100


def test_clusters_of_one_kind_are_told_apart_by_their_spending() -> None:
    model = clusters.fit(blobs(CENTRES, each=150), seed=42, ks=[8])
    assert len(set(model.names)) == 8
    assert any("in all)" in name for name in model.names)


def test_large_shop_is_learned_from_a_sample_and_assigned_in_full() -> None:
    table = blobs(CENTRES[:3], each=clusters.SAMPLE // 2)
    model = clusters.fit(table, seed=42, ks=[3])
    numbers = model.assign(table)
    truth = np.repeat(np.arange(3), clusters.SAMPLE // 2)
    assert adjusted_rand_score(truth, numbers) > 0.99


def test_tiny_cluster_is_no_choice() -> None:
    assert Candidate(k=3, silhouette=0.9, stability=0.9, smallest_share=0.049).merit == 0
    assert Candidate(k=3, silhouette=0.5, stability=0.5, smallest_share=0.05).merit == 0.25
    assert Candidate(k=3, silhouette=-0.5, stability=-0.5, smallest_share=0.3).merit == 0


def test_refit_keeps_numbers_and_names(model: ClusterModel) -> None:
    drawn = blobs(CENTRES, each=120, seed=9)
    refit = clusters.fit(drawn, seed=7)
    shuffled = ClusterModel(
        low=refit.low,
        high=refit.high,
        mean=refit.mean,
        scale=refit.scale,
        centres=refit.centres[[2, 0, 3, 1]],
        names=("a", "b", "c", "d"),
        tried=refit.tried,
    )
    again = shuffled.named_like(model)
    assert again.names == model.names
    assert (again.assign(drawn) == model.assign(drawn)).mean() > 0.99


def test_cluster_that_moved_away_loses_its_name(model: ClusterModel) -> None:
    moved = [*CENTRES[:3], (600.0, 30.0, 1_500.0)]
    refit = clusters.fit(blobs(moved, each=150), seed=42, ks=[4])
    again = refit.named_like(model)
    assert len(set(again.names)) == 4
    assert len(set(again.names) & set(model.names)) == 3


def test_another_number_of_clusters_takes_over_nothing(model: ClusterModel) -> None:
    refit = clusters.fit(blobs(CENTRES, each=150), seed=42, ks=[3])
    assert refit.named_like(model) is refit


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(ValueError, match="160 are needed"):
        clusters.fit(blobs(CENTRES, each=39), seed=1)


def test_all_customers_alike_is_no_error() -> None:
    model = clusters.fit(blobs([(5, 1, 2_000)], each=300), seed=1)
    assert model.assign(blobs([(5, 1, 2_000)], each=300)).min() >= 0


def test_model_survives_its_files(model: ClusterModel) -> None:
    table = blobs(CENTRES, each=10, seed=3)
    again = ClusterModel.from_files(model.to_files())
    assert again.assign(table).tolist() == model.assign(table).tolist()
    assert (again.names, again.tried) == (model.names, model.tried)
