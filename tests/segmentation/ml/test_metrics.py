"""Measures against values worked out by hand or known in closed form."""

import numpy as np
import pytest

from segmentation.ml import metrics


LABEL = np.array([0, 0, 1, 1])
SCORE = np.array([0.1, 0.4, 0.35, 0.8])


def test_auc_counts_ordered_pairs() -> None:
    assert metrics.auc(label=LABEL, score=SCORE) == 3 / 4
    assert np.isnan(metrics.auc(label=[1, 1], score=[0.2, 0.3]))


def test_average_precision_is_the_mean_precision_at_positives() -> None:
    assert metrics.average_precision(label=LABEL, score=SCORE) == pytest.approx((1 + 2 / 3) / 2)


def test_brier_is_the_mean_square() -> None:
    assert metrics.brier(label=LABEL, probability=SCORE) == pytest.approx(
        (0.01 + 0.16 + 0.65**2 + 0.04) / 4
    )


def test_log_loss_is_finite_for_a_certain_error() -> None:
    assert metrics.log_loss(label=[1, 0], probability=[0.5, 0.5]) == pytest.approx(np.log(2))
    assert metrics.log_loss(label=[1], probability=[0.0]) == pytest.approx(12 * np.log(10))
    assert metrics.log_loss(label=[0], probability=[1.0]) == pytest.approx(
        12 * np.log(10), rel=1e-4
    )


def test_ece_weighs_the_gap_of_each_bin() -> None:
    label = [0, 1, 1, 1]
    probability = [0.05, 0.05, 0.95, 1.0]
    assert metrics.ece(label=label, probability=probability) == pytest.approx(
        0.5 * 0.45 + 0.5 * 0.025
    )


def test_calibration_leaves_out_empty_bins() -> None:
    curve = metrics.calibration(label=[0, 1], probability=[0.11, 0.99])
    assert [(one.observed, one.rows) for one in curve] == [(0.0, 1), (1.0, 1)]


def test_top_decile_lift_is_the_rate_of_the_best_tenth() -> None:
    label = np.r_[np.ones(10), np.zeros(90)]
    assert metrics.top_decile_lift(label=label, score=-np.arange(100)) == 10
    assert metrics.top_decile_lift(label=label, score=np.arange(100)) == 0
    assert np.isnan(metrics.top_decile_lift(label=np.zeros(5), score=np.arange(5)))


def test_normalised_gini_is_one_for_the_perfect_order_and_minus_one_reversed() -> None:
    actual = np.array([0.0, 0.0, 3.0, 10.0])
    assert metrics.normalised_gini(actual=actual, predicted=actual * 7) == 1
    assert metrics.normalised_gini(actual=actual, predicted=-actual) == pytest.approx(-1, abs=0.12)
    # By hand: order 3, 0, 10, 0 -> captured 3/13, 3/13, 1, 1; perfect 10, 3, 0, 0.
    gini = (3 / 13 + 3 / 13 + 1 + 1) / 4 - 5 / 8
    best = (10 / 13 + 1 + 1 + 1) / 4 - 5 / 8
    assert metrics.normalised_gini(
        actual=[3.0, 0.0, 10.0, 0.0], predicted=[4, 3, 2, 1]
    ) == pytest.approx(gini / best)


def test_paired_bootstrap_covers_the_true_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(100):
        common = rng.normal(0, 5, 200)
        interval = metrics.paired_bootstrap(
            first=common + rng.normal(0.5, 1, 200), second=common, seed=seed, resamples=300
        )
        covered += interval.low <= 0.5 <= interval.high
    assert 88 <= covered <= 100


def test_paired_bootstrap_is_the_same_for_the_same_seed() -> None:
    first, second = np.arange(9.0), np.arange(9.0)[::-1]
    assert metrics.paired_bootstrap(first=first, second=second, seed=5) == metrics.paired_bootstrap(
        first=first, second=second, seed=5
    )


def test_qini_is_one_for_the_perfect_order_and_about_zero_for_a_random_one() -> None:
    rng = np.random.default_rng(0)
    treatment = rng.integers(0, 2, 20_000)
    outcome = rng.integers(0, 2, 20_000)
    perfect = outcome * treatment - outcome * (1 - treatment)
    assert metrics.qini_auc(outcome=outcome, uplift=perfect, treatment=treatment) == pytest.approx(
        1
    )
    assert metrics.qini_auc(
        outcome=outcome, uplift=rng.normal(size=20_000), treatment=treatment
    ) == pytest.approx(0, abs=0.02)


def test_qini_is_the_area_worked_out_by_hand() -> None:
    """Four customers in the order of uplift: treated buyer, control, treated, control buyer."""
    outcome, treatment = np.array([1, 0, 0, 1]), np.array([1, 0, 1, 0])
    # Curve: 0, 1, 1, 1, then 1 - 1 * 2 / 2 = 0; random line: flat at 0.
    model = 0.5 + 1 + 1 + 0.5
    # Perfect: treated buyer, the two others (tied), control buyer: 0, 1, 1, 0 at 0, 1, 3, 4.
    best = 0.5 + 2 + 0.5
    assert metrics.qini_auc(
        outcome=outcome, uplift=np.array([4, 3, 2, 1]), treatment=treatment
    ) == pytest.approx(model / best)
    # All scores equal: the curve is the random line.
    assert metrics.qini_auc(outcome=outcome, uplift=np.zeros(4), treatment=treatment) == 0
