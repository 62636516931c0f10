"""The choice among divisions: the traps that a lone silhouette walks into, and what each measure says."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from segmentation.ml.estimators.clusters import ALGORITHMS, Candidate, judging
from segmentation.ml.estimators.clusters.judging import Silhouettes
from segmentation.ml.estimators.clusters.partitions import Landmarks, Mixture
from segmentation.ml.tables import Floats


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As `fit` does it: small fits only wait for their threads."""
    with threadpool_limits(limits=1):
        yield


def candidate(**changes: object) -> Candidate:
    plain = Candidate(
        algorithm="kmeans", k=4, silhouette=0.4, davies_bouldin=1.0, calinski_harabasz=100.0,
        inertia=1.0, log_likelihood=None, stability=0.9, smallest_share=0.1, noise_share=0.0,
    )  # fmt: skip
    return replace(plain, **changes)


def judged(points: Floats, code: str, k: int) -> Candidate:
    algorithm = ALGORITHMS[code]
    partition = algorithm.partitions(points, ks=[k], seed=1, starts=2)[k]
    (stability,) = judging.stabilities(points, [partition], algorithm=algorithm, seed=1)
    return judging.judge(
        points, partition, algorithm=code, stability=stability,
        silhouettes=Silhouettes(points, seed=1),
    )  # fmt: skip


def spending(n: int = 1_000) -> Floats:
    """Recency, orders and money as shops have them: heavy tails, and a handful of wholesalers."""
    rng = np.random.default_rng(3)
    worth = rng.normal(size=n)
    orders = np.ceil(np.exp(0.9 * worth + rng.normal(0, 0.5, n)))
    money = np.exp(3 + 1.2 * worth + rng.normal(0, 0.6, n))
    money[:12], orders[:12] = money[:12] * 30 + 20_000, orders[:12] + 150
    return np.column_stack([rng.exponential(90, n) / (1 + orders / 5), orders, money])


def standardised(values: Floats) -> Floats:
    return (values - values.mean(axis=0)) / values.std(axis=0)


@pytest.mark.parametrize("code", ["kmeans", "birch"])
def test_splendid_silhouette_of_raw_money_loses(code: str) -> None:
    raw = judged(standardised(spending()), code, 2)
    assert raw.silhouette > 0.85
    assert raw.smallest_share < 0.02
    assert raw.merit == 0
    log = judged(standardised(np.log1p(spending())), "kmeans", 3)
    assert log.silhouette < 0.5
    assert judging.choose([raw, log]).position == 1


def test_division_that_is_not_found_again_loses() -> None:
    once, again = candidate(silhouette=0.6, stability=0.4), candidate(silhouette=0.4, stability=0.9)
    assert judging.choose([once, again]).position == 1


def test_noise_is_a_group_that_must_be_worth_it_too() -> None:
    assert candidate(algorithm="dbscan", smallest_share=0.02, noise_share=0.02).merit == 0


def test_noise_counts_against_the_silhouette() -> None:
    rng = np.random.default_rng(0)
    clouds = np.concatenate([rng.normal(at, 0.1, (200, 2)) for at in (0.0, 3.0, 6.0)])
    points = np.concatenate([clouds, rng.uniform(-6, 12, (150, 2))])
    found = judged(points, "dbscan", 3)
    assert found.noise_share > 0.1
    labels = ALGORITHMS["dbscan"].partitions(points, ks=[3], seed=1, starts=1)[3].assign(points)
    without = silhouette_score(points[labels < 3], labels[labels < 3])
    assert found.silhouette < without - 0.1


def test_among_equals_the_votes_decide_and_then_k_means() -> None:
    plain = candidate(k=3)
    voted = candidate(k=5, silhouette=0.39, davies_bouldin=0.8, calinski_harabasz=120.0)
    assert judging.choose([plain, voted]).position == 1
    assert "2 of the 3 votes" in judging.choose([plain, voted]).reason
    ward = candidate(algorithm="ward", silhouette=0.405)
    assert judging.choose([ward, plain]).position == 1
    assert judging.choose([candidate(algorithm="ward", silhouette=0.5), plain]).position == 0


def test_known_division_stays_until_another_is_much_better() -> None:
    known = candidate(silhouette=0.35, is_known=True)
    assert judging.choose([candidate(), known]).position == 1
    assert judging.choose([candidate(silhouette=0.6), known]).position == 0
    assert judging.choose([candidate(), replace(known, smallest_share=0.04)]).position == 0


def test_where_every_division_has_a_tiny_group_the_least_tiny_is_taken() -> None:
    tried = [candidate(smallest_share=share) for share in (0.01, 0.04, 0.02)]
    choice = judging.choose(tried)
    assert choice.position == 1
    assert "below 5\xa0%" in choice.reason


def test_nothing_to_choose_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="no division"):
        judging.choose([])


def test_elbow_is_where_more_groups_stop_explaining() -> None:
    inertia = [1.0, 0.5, 0.2, 0.18, 0.16, 0.15]
    tried = [candidate(k=k, inertia=one) for k, one in zip(range(3, 9), inertia, strict=True)]
    assert [one.k for one in judging.with_elbow(tried) if one.is_elbow] == [5]
    assert not any(one.is_elbow for one in judging.with_elbow(tried[:2]))
    likely = [-2.0, -1.0, -0.9, -0.8]
    mixtures = [
        candidate(k=k, log_likelihood=one) for k, one in zip(range(3, 7), likely, strict=True)
    ]
    assert [one.k for one in judging.with_elbow(mixtures) if one.is_elbow] == [4]


def test_silhouette_is_that_of_the_book() -> None:
    points = standardised(np.log1p(spending(500)))
    labels = np.random.default_rng(4).integers(0, 4, 500)
    labels[0] = 4  # alone in its group
    ours = Silhouettes(points, seed=0)
    assert ours.mean(labels) == pytest.approx(silhouette_score(points, labels), abs=1e-12)
    assert ours.mean(np.zeros(500, dtype=np.int64)) == 0


def test_refit_that_finds_fewer_groups_is_no_agreement() -> None:
    points = np.repeat(np.eye(3), [100, 100, 1], axis=0)  # the third point is often not drawn
    algorithm = ALGORITHMS["kmeans"]
    partition = algorithm.partitions(points, ks=[3], seed=0, starts=1)[3]
    (stability,) = judging.stabilities(points, [partition], algorithm=algorithm, seed=0)
    assert 0 < stability < 1


def test_likelihood_of_a_mixture_is_that_of_scikit_learn() -> None:
    from sklearn.mixture import GaussianMixture

    points = standardised(np.log1p(spending(600)))
    method = GaussianMixture(3, random_state=0).fit(points)
    mixture = Mixture(
        weights=method.weights_, means=method.means_, whitening=method.precisions_cholesky_
    )
    found = judging.judge(
        points, mixture, algorithm="gmm", stability=1.0, silhouettes=Silhouettes(points, seed=0)
    )
    constant = 0.5 * points.shape[1] * np.log(2 * np.pi)
    assert found.log_likelihood == pytest.approx(method.score(points) + constant)
    np.testing.assert_allclose(mixture.memberships(points), method.predict_proba(points), atol=1e-9)
    # a mixture that moved along with the space says the same
    factor, shift = np.array([2.0, 0.5, 3.0]), np.array([1.0, -1.0, 0.0])
    moved = mixture.moved(factor, shift).memberships(points * factor + shift)
    np.testing.assert_allclose(moved, mixture.memberships(points), atol=1e-9)


def test_fuzzy_weights_are_those_of_bezdek() -> None:
    partition = Landmarks(
        points=np.array([[0.0], [3.0]]), labels=np.array([0, 1]), reach=np.full(2, np.inf)
    )
    shares = partition.memberships(np.array([[1.0], [0.0], [1.5]]))
    np.testing.assert_allclose(shares, [[0.8, 0.2], [1.0, 0.0], [0.5, 0.5]], atol=1e-12)
