from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from segmentation.ml.records.logistic import Logistic


def test_groups_without_signal_are_shrunk_and_others_are_not() -> None:
    generator = np.random.default_rng(0)
    table = np.column_stack([np.ones(4_000), generator.normal(size=(4_000, 10))])
    truth = np.r_[-1.0, np.full(5, 0.8), np.zeros(5)]
    label = generator.random(4_000) < expit(table @ truth)
    groups = np.r_[0, np.full(5, 1), np.full(5, 2)].astype(np.int64)
    model = Logistic.fit(table, label, groups=groups, typical=np.array([0.0, 0.2, 0.05]))
    assert model.coefficients[:6] == pytest.approx(truth[:6], abs=0.15)
    assert np.abs(model.coefficients[6:]).max() < 0.06
    assert model.ridge[7] > 20 * model.ridge[1]
    again = Logistic.fit(
        table, label, groups=groups, typical=np.array([0.0, 0.2, 0.05]), ridge=model.ridge
    )
    assert again.coefficients == pytest.approx(model.coefficients, abs=0.02)


def test_columns_that_separate_the_classes_do_not_run_away() -> None:
    table = np.column_stack([np.ones(200), np.r_[np.full(100, -1.0), np.ones(100)]])
    label = table[:, 1] > 0
    model = Logistic.fit(table, label, groups=np.array([0, 1]), typical=np.array([0.0, 0.3]))
    assert np.isfinite(model.coefficients).all()
    assert model.probability(table)[label].min() > 0.9
