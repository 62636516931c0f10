import numpy as np
import pytest

from segmentation.ml.recommend.demand import forecast


def test_demand_of_steady_products_is_what_they_sold_and_its_range_covers_it():
    rng = np.random.default_rng(5)
    rate = rng.gamma(2, 10, size=300)
    weekly = rng.poisson(rate[:, None], size=(300, 40)).astype(float)
    said = forecast(weekly)
    coming = rng.poisson(4 * rate)
    assert said.expected.sum() == pytest.approx(coming.sum(), rel=0.05)
    inside = (coming >= said.low) & (coming <= said.high)
    assert 0.7 < inside.mean() < 0.92
    assert said.covered == pytest.approx(0.8, abs=0.12)
    assert (said.low <= said.expected).all()
    assert (said.expected <= said.high).all()


def test_demand_after_a_jump_forgets_what_was_before():
    weekly = np.r_[np.full(30, 2.0), np.full(10, 20.0)][None, :].repeat(30, axis=0)
    assert forecast(weekly).expected == pytest.approx(np.full(30, 80.0), rel=0.1)


@pytest.mark.parametrize("weeks", [0, 1, 3])
def test_demand_of_a_young_shop_is_finite_and_says_that_it_was_not_tested(weeks):
    said = forecast(np.ones((2, weeks)))
    assert said.covered is None
    assert np.isfinite([said.expected, said.low, said.high]).all()


def test_demand_of_nothing_sold_is_zero():
    said = forecast(np.zeros((3, 30)))
    assert said.expected.tolist() == [0, 0, 0]
    assert (said.low == 0).all()
