import numpy as np
import pytest
from scipy.sparse import csr_matrix

from segmentation.ml.recommend.batches import best
from segmentation.ml.recommend.judging import judge, paired_interval, top
from segmentation.ml.recommend.links import Links


def test_top_sorts_breaks_ties_by_position_and_leaves_out_what_is_shut():
    scores = np.array([[1, 3, 3, -np.inf], [-np.inf, -np.inf, 0, -np.inf]], dtype=np.float32)
    assert top(scores, k=3).tolist() == [[1, 2, 0], [2, -1, -1]]
    assert top(scores, k=6).shape == (2, 6)


def test_ndcg_divides_by_what_the_list_could_reach():
    judged = judge(np.array([[5, 1], [9, 8]]), [np.array([1]), np.array([8, 9, 7])], products=10)
    assert judged.ndcg == pytest.approx((1 / np.log2(3) + 1) / 2)
    assert judged.recall == pytest.approx((1 + 2 / 3) / 2)
    assert judged.hit_rate == 1
    assert judged.coverage == pytest.approx(0.4)


def test_paired_interval_of_a_clear_difference_excludes_zero():
    rng = np.random.default_rng(1)
    base = rng.random(500)
    low, high = paired_interval(base + 0.1 + 0.01 * rng.random(500), base, seed=1)
    assert 0 < low < high


def test_batches_find_what_the_whole_matrix_has_at_the_top():
    rng = np.random.default_rng(3)
    dense = rng.random((60, 60))
    links = Links.strongest(dense + dense.T, keep=12)
    owned = csr_matrix((rng.random((500, 60)) < 0.1).astype(np.float32))
    products, scores = best(owned, links, k=10)
    whole = (owned @ links.matrix()).toarray()
    whole[owned.toarray() > 0] = -np.inf
    whole[whole == 0] = -np.inf
    expected = top(whole.astype(np.float32), k=10)
    for row in range(500):
        shown = products[row][products[row] >= 0]
        wanted = expected[row][expected[row] >= 0]
        assert np.allclose(np.sort(whole[row, shown]), np.sort(whole[row, wanted]))
        assert not owned[row].toarray().ravel()[shown].any()
    assert np.isneginf(scores[products < 0]).all()
