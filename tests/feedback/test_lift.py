from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from feedback import lift
from feedback.enums import Verdict


def test_difference_without_skewness_or_tail_is_welch() -> None:
    rng = np.random.default_rng(1)
    above, below = rng.uniform(0, 9, 200), rng.uniform(2, 4, 45)
    treated, held_out = np.r_[above, 10 - above], np.r_[below, 8 - below]
    expected = stats.ttest_ind(treated, held_out, equal_var=False).confidence_interval(0.95)
    estimate = lift.difference(treated=treated, held_out=held_out)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert estimate.total == pytest.approx(400 * (treated.mean() - held_out.mean()))


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0),
        (5, 56, 0, 29, -0.0381, 0.1926),
    ],
)
def test_difference_of_shares_gives_published_intervals(
    *, a: int, m: int, b: int, n: int, low: float, high: float
) -> None:
    estimate = lift.difference_of_shares(
        treated=m, treated_converted=a, held_out=n, held_out_converted=b
    )
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


def test_difference_of_a_long_tail_reaches_further_towards_the_tail() -> None:
    held_out = np.r_[np.zeros(570), np.full(30, 3000.0)]
    treated = np.r_[np.zeros(5130), np.full(270, 3000.0)]
    estimate = lift.difference(treated=treated, held_out=held_out)
    # the held out may have drawn too few of the rare large values: the truth may lie further below
    assert estimate.difference == pytest.approx(0)
    assert -estimate.low > 1.1 * estimate.high


def test_effect_on_treated_undoes_a_policy_that_mails_the_best_customers() -> None:
    rng = np.random.default_rng(2)
    good = rng.random(200_000) < 0.3
    probability = np.where(good, 0.85, 0.05)
    treated = rng.random(200_000) < probability
    values = 10.0 * good + rng.normal(0, 5, 200_000) + 2.0 * treated
    naive = values[treated].mean() - values[~treated].mean()
    estimate = lift.effect_on_treated(values=values, treated=treated, probability=probability)
    assert naive > 8  # the comparison one must not make
    assert estimate.low < 2.0 < estimate.high
    assert estimate.high - estimate.low < 0.5


def test_effect_on_treated_leaves_out_who_could_only_go_one_way() -> None:
    values = np.array([1.0, 3.0, 0.0, 2.0, 100.0, -100.0])
    treated = np.array([True, True, False, False, True, False])
    probability = np.array([0.5, 0.5, 0.5, 0.5, 1.0, 0.0])
    estimate = lift.effect_on_treated(values=values, treated=treated, probability=probability)
    assert (estimate.treated, estimate.held_out, estimate.difference) == (2, 2, 1.0)


@pytest.mark.parametrize(("treated", "held_out"), [(0, 0), (1, 5), (5, 1), (5, 0)])
def test_difference_of_tiny_groups_has_no_bounds_and_no_verdict(
    treated: int, held_out: int
) -> None:
    estimate = lift.difference(treated=np.ones(treated), held_out=np.ones(held_out))
    assert math.isnan(estimate.low)
    assert lift.verdict(estimate, conversions=1000, sample_ratio_p=1.0) is Verdict.NOT_ENOUGH_DATA


@pytest.mark.parametrize(
    ("low", "high", "held_out", "conversions", "sample_ratio_p", "expected"),
    [
        (1, 2, 100, 10, 0.5, Verdict.HELPED),
        (-2, -1, 100, 10, 0.5, Verdict.HARMED),
        (-1, 1, 100_000, 10_000, 0.5, Verdict.NOT_ENOUGH_DATA),
        (1, 2, 99, 10, 0.5, Verdict.NOT_ENOUGH_DATA),
        (1, 2, 100, 9, 0.5, Verdict.NOT_ENOUGH_DATA),
        (1, 2, 100, 10, 0.0009, Verdict.SAMPLE_RATIO),
    ],
)
def test_verdict(
    *,
    low: float,
    high: float,
    held_out: int,
    conversions: int,
    sample_ratio_p: float,
    expected: Verdict,
) -> None:
    estimate = lift.Difference(
        treated=900, held_out=held_out, treated_mean=1, holdout_mean=0, low=low, high=high
    )
    assert (
        lift.verdict(estimate, conversions=conversions, sample_ratio_p=sample_ratio_p) is expected
    )


def test_sample_ratio_of_nobody_is_fine() -> None:
    p = lift.sample_ratio_p(held_out=0, treated=0, probability=np.array([]), holdout_share=0.1)
    assert p == 1.0
