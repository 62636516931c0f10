import numpy as np
import pytest

from segmentation.ml.estimators.response import ResponseModel, cross_fitted, folds


def _data(rows=8_000):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3))
    treated = (rng.random(rows) < 0.5).astype(float)
    truth = np.clip(0.10 + 0.06 * X[:, 0] + 0.05 * treated, 0.01, 0.9)
    return X, treated, truth, (rng.random(rows) < truth).astype(float)


def test_probabilities_of_both_arms_are_close_to_the_truth():
    X, treated, truth, ordered = _data()

    alone, mailed = ResponseModel.fit(X=X, treated=treated, ordered=ordered, seed=1).predict(X)

    assert mailed.mean() - alone.mean() == pytest.approx(0.05, abs=0.02)
    said = np.where(treated == 1, mailed, alone)
    assert np.corrcoef(said, truth)[0, 1] > 0.85
    assert said.mean() == pytest.approx(ordered.mean(), abs=0.005)


def test_model_comes_back_from_its_text():
    X, treated, _, ordered = _data(2_000)
    model = ResponseModel.fit(X=X, treated=treated, ordered=ordered, seed=1)

    again = ResponseModel.from_dict(model.to_dict())

    assert all(map(np.array_equal, model.predict(X), again.predict(X)))
    with pytest.raises(ValueError, match="fitted on 3 features"):
        again.predict(X[:, :2])


def test_cross_fitting_keeps_a_customers_rows_together():
    customer = np.repeat(np.arange(500), 4)
    fold = folds(customer, seed=3).reshape(500, 4)

    assert np.all(fold == fold[:, :1])
    assert set(fold.ravel()) == {0, 1, 2}


def test_cross_fitted_prediction_has_not_seen_its_row():
    """Outcomes that are pure noise: predictions of seen rows would correlate with them."""
    rng = np.random.default_rng(0)
    X, treated = rng.normal(size=(3_000, 5)), np.zeros(3_000)
    ordered = (rng.random(3_000) < 0.3).astype(float)

    alone, _ = cross_fitted(
        X=X, treated=treated, ordered=ordered, customer=np.arange(3_000), seed=1
    )

    assert np.corrcoef(alone, ordered)[0, 1] < 0.08
