"""What every algorithm must do, asked of each one that is registered."""

import inspect

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation.ml import artifacts
from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS
from segmentation.ml.estimators import clusters
from segmentation.ml.estimators.clusters import NO_ORDER, ClusterModel, algorithms, naming
from segmentation.ml.tables import FeatureTable
from tests.segmentation.ml.estimators.shops import blobs, rfm_table


CENTRES = [(4.0, 20.0, 90_000.0), (40.0, 5.0, 20_000.0), (300.0, 1.0, 2_000.0)]
EACH = 150
TRUTH = np.repeat(np.arange(3), EACH)
KS = (3, 4)
PROVENANCE = artifacts.Provenance(
    task="CLUSTERS", estimator="any", features=(RECENCY_DAYS, ORDERS, NET_REVENUE_CENTS),
    data_from=0, data_until=1, rows=450, seed=1, details={},
)  # fmt: skip

pytestmark = pytest.mark.parametrize("code", sorted(clusters.ALGORITHMS))
_FITTED: dict[str, ClusterModel] = {}


def shop() -> FeatureTable:
    return blobs(CENTRES, each=EACH)


def fitted(code: str) -> ClusterModel:
    if code not in _FITTED:
        _FITTED[code] = clusters.fit(shop(), seed=42, ks=KS, algorithms=[code])
    return _FITTED[code]


def test_algorithm_is_registered_under_its_code_and_all_are(code: str) -> None:
    assert clusters.ALGORITHMS[code].code == code
    classes = {
        one
        for _, one in inspect.getmembers(algorithms, inspect.isclass)
        if one.__module__ == algorithms.__name__ and one is not algorithms.Algorithm
    }
    assert {type(one) for one in clusters.ALGORITHMS.values()} == classes


def test_clouds_that_are_apart_are_found(code: str) -> None:
    model = fitted(code)
    assert model.algorithm == code
    assert model.candidate.k == 3
    assert adjusted_rand_score(TRUTH, model.assign(shop())) > 0.9


def test_same_seed_gives_the_same_bytes(code: str) -> None:
    again = clusters.fit(shop(), seed=42, ks=KS, algorithms=[code])
    assert again.to_files() == fitted(code).to_files()


def test_assignments_are_in_range_also_far_outside(code: str) -> None:
    model = fitted(code)
    far = rfm_table([(1, 10_000, 10**9), (3_000, 1, -5_000), (0, 1, 0)])
    assert set(model.assign(far).tolist()) <= set(range(len(model.groups)))


def test_one_by_one_agrees_with_all_at_once(code: str) -> None:
    table, model = blobs(CENTRES, each=40, seed=5), fitted(code)
    together, shares = model.assign(table), model.memberships(table)
    for row in range(0, len(table), 7):
        alone = table.rows(np.arange(len(table)) == row)
        assert model.assign(alone)[0] == together[row]
        assert np.array_equal(model.memberships(alone)[0], shares[row])


def test_memberships_sum_to_one_and_are_largest_where_assigned(code: str) -> None:
    table, model = blobs(CENTRES, each=40, seed=6), fitted(code)
    shares = model.memberships(table)
    assert shares.shape == (len(table), len(model.groups))
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert np.array_equal(shares.argmax(axis=1), model.assign(table))


def test_shares_of_the_groups_sum_to_one(code: str) -> None:
    model = fitted(code)
    assert sum(group.share for group in model.groups) == pytest.approx(1)
    assert [group.key for group in model.groups] == list(range(model.next_key))
    assert len(set(model.names)) == len(model.names)


def test_stored_and_loaded_it_gives_the_same_answers(code: str, tmp_path) -> None:
    model, table = fitted(code), blobs(CENTRES, each=40, seed=7)
    artifacts.save(tmp_path / "model", files=model.to_files(), provenance=PROVENANCE)
    again = ClusterModel.from_files(artifacts.load(tmp_path / "model").files)
    assert np.array_equal(again.assign(table), model.assign(table))
    assert np.array_equal(again.memberships(table), model.memberships(table))
    assert (again.groups, again.tried, again.title) == (model.groups, model.tried, model.title)


def test_customer_without_an_order_is_in_no_group(code: str) -> None:
    table = rfm_table([(np.nan, 0, 0), (4, 20, 90_000)])
    model = fitted(code)
    assert model.assign(table)[0] == NO_ORDER
    assert model.keys(table).tolist() == [NO_ORDER, 0]
    assert np.isnan(model.memberships(table)[0]).all()
    with_guests = rfm_table([*shop().values.tolist(), *[(np.nan, 0, 0)] * 50])
    assert clusters.fit(with_guests, seed=42, ks=KS, algorithms=[code]).groups == model.groups


def test_unknown_values_and_columns_are_refused(code: str) -> None:
    table = rfm_table([*shop().values.tolist(), (np.nan, 3, 500)])
    with pytest.raises(ValueError, match="not known for some customers with an order: recency"):
        clusters.fit(table, seed=42, ks=KS, algorithms=[code])
    with pytest.raises(ValueError, match="not known"):
        fitted(code).assign(table)
    narrow = FeatureTable(
        customer_ids=table.customer_ids, names=table.names[:2], values=table.values[:, :2]
    )
    with pytest.raises(KeyError, match=NET_REVENUE_CENTS):
        clusters.fit(narrow, seed=42, ks=KS, algorithms=[code])
    with pytest.raises(KeyError, match=NET_REVENUE_CENTS):
        fitted(code).assign(narrow)


def test_repeated_customers_and_a_constant_column_do_no_harm(code: str) -> None:
    values = shop().values
    values[:, 1] = 1.0  # everybody ordered once
    table = rfm_table(np.repeat(values, 2, axis=0).tolist())
    model = clusters.fit(table, seed=42, ks=[3], algorithms=[code])
    numbers = model.assign(table)
    assert np.array_equal(numbers[::2], numbers[1::2])
    assert adjusted_rand_score(np.repeat(TRUTH, 2), numbers) > 0.85


def test_customers_all_alike_are_refused_in_words(code: str) -> None:
    with pytest.raises(ValueError, match="too alike"):
        clusters.fit(rfm_table([(5, 1, 2_000)] * 200), seed=1, ks=KS, algorithms=[code])


def test_outlier_is_noise_only_where_there_is_noise(code: str) -> None:
    model = fitted(code)
    assert model.groups[-1].is_noise == model.partition.has_noise == (code.endswith("dbscan"))
    between = rfm_table([(110.0, 2.2, 6_500.0)])  # half way from the second cloud to the third
    named = model.groups[model.assign(between)[0]].name
    assert (named == naming.NOISE) == model.partition.has_noise
