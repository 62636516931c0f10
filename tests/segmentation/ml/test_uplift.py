import json
from dataclasses import replace

import numpy as np
import pytest

from segmentation.ml.estimators.timing import Rounds
from segmentation.ml.estimators.uplift import Slope, UpliftModel, Verdict


NAMES = ["recency_days", "orders", "visits_90d", "luck"]


def _rounds(*, rows=30_000, slope=0.0, average=0.0, seed=0, base=0.08):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, len(NAMES)))
    propensity = rng.choice([0.3, 0.5, 0.7], size=rows)
    treated = (rng.random(rows) < propensity).astype(float)
    uplift = average + slope * np.clip(X[:, 2], -2, 2)
    ordered = (rng.random(rows) < base + 0.02 * (X[:, 0] > 0) + treated * uplift).astype(float)
    X[rng.random(rows) < 0.05, 3] = np.nan
    rounds = Rounds(
        X=X, treated=treated, propensity=propensity, ordered=ordered, customer=np.arange(rows) // 3
    )
    return rounds, uplift


def _fit(rounds, seed=1):
    return UpliftModel.fit(rounds=rounds, names=NAMES, seed=seed)


def test_known_linear_uplift_is_recovered():
    rounds, truth = _rounds(slope=0.03, average=0.02)

    model = _fit(rounds)
    effects = model.effects(rounds.X)

    assert model.verdict is Verdict.DIFFERENCES
    assert np.corrcoef(effects.uplift, truth)[0, 1] > 0.9
    assert effects.uplift.mean() == pytest.approx(0.02, abs=4 * model.average_error)
    assert np.polyfit(truth, effects.uplift, 1)[0] == pytest.approx(1, abs=0.35)
    assert effects.believed > 0.6
    assert np.all(effects.deviation > 0)


def test_same_uplift_for_all_is_no_evidence_of_heterogeneity():
    rounds, _ = _rounds(average=0.03)

    model = _fit(rounds)

    assert model.verdict is Verdict.AVERAGE
    effects = model.effects(rounds.X)
    assert effects.believed == 0
    assert np.all(np.abs(effects.uplift - 0.03) < 4 * effects.deviation)
    assert model.average == pytest.approx(0.03, abs=4 * model.average_error)


@pytest.mark.parametrize(
    ("value", "error", "believed"),
    [(0.5, 0.2, 0.0), (-0.9, 0.1, 0.0), (0.6, 0.2, 0.4), (0.9, 0.1, 0.8), (1.6, 0.2, 1.0)],
)
def test_differences_are_believed_one_standard_error_below_the_slope(value, error, believed):
    slope = Slope(value=value, error=error)

    assert slope.believed == pytest.approx(believed)
    assert slope.seen == (believed > 0)


def test_predicted_differences_shrink_as_far_as_they_are_not_believed():
    rounds, _ = _rounds(rows=6_000, slope=0.03, average=0.02)
    fitted = _fit(rounds)
    half, nothing = (
        replace(fitted, slope=Slope(value=value, error=0.1)).effects(rounds.X)
        for value in (0.6, 0.0)
    )

    assert half.believed == pytest.approx(0.5)
    assert half.uplift == pytest.approx((half.apparent + nothing.uplift) / 2)
    assert nothing.uplift.std() < 0.3 * half.apparent.std()


def test_no_uplift_is_mostly_not_enough_data():
    verdicts = [_fit(_rounds(rows=4_000, seed=seed)[0]).verdict for seed in range(10)]

    assert verdicts.count(Verdict.NOTHING) >= 8  # each of two tests errs in 5 %


def test_early_orders_sharpen_what_is_learned():
    """Caused orders come within two days, the others any time: knowing the day must help."""
    errors = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        rows = 20_000
        X = rng.normal(size=(rows, len(NAMES)))
        treated = (rng.random(rows) < 0.5).astype(float)
        uplift = 0.04 + 0.035 * np.clip(X[:, 2], -1, 2)
        organic, caused = rng.random(rows) < 0.15, rng.random(rows) < treated * uplift
        days = np.where(organic, rng.random(rows) * 14, np.nan)
        days = np.where(caused, rng.random(rows) * 2, days)
        known = {
            "X": X,
            "treated": treated,
            "propensity": np.full(rows, 0.5),
            "ordered": (organic | caused).astype(float),
            "customer": np.arange(rows),
        }
        pair = [_fit(Rounds(**known)), _fit(Rounds(**known, days=days))]
        errors.append([np.mean((model.effects(X).apparent - uplift * 0.85) ** 2) for model in pair])
    without, with_days = np.mean(errors, axis=0)
    assert with_days < without


def test_propensities_remove_the_bias_of_an_unequal_assignment():
    """Mailed are those who buy anyway; the naive difference is far off, the estimate is not."""
    rng = np.random.default_rng(0)
    rows = 30_000
    X = rng.normal(size=(rows, len(NAMES)))
    keen = X[:, 0] > 0
    propensity = np.where(keen, 0.85, 0.15)
    treated = (rng.random(rows) < propensity).astype(float)
    ordered = (rng.random(rows) < np.where(keen, 0.25, 0.02) + 0.02 * treated).astype(float)
    naive = ordered[treated == 1].mean() - ordered[treated == 0].mean()

    model = _fit(
        Rounds(
            X=X, treated=treated, propensity=propensity, ordered=ordered, customer=np.arange(rows)
        )
    )

    assert naive > 0.1
    assert model.average == pytest.approx(0.02, abs=3 * model.average_error)
    assert model.average_error < 0.01


def test_artefact_round_trip_keeps_every_prediction():
    rounds, _ = _rounds(rows=6_000, slope=0.03, average=0.02)
    model = _fit(rounds)

    read = UpliftModel.from_dict(json.loads(json.dumps(model.to_dict())))
    stored = UpliftModel.from_files(model.to_files())

    for again in (read, stored):
        first, second = vars(model.effects(rounds.X)), vars(again.effects(rounds.X))
        assert all(np.array_equal(first[name], second[name]) for name in first)
        assert again.verdict is model.verdict


def test_same_seed_same_model():
    rounds, _ = _rounds(rows=3_000, slope=0.03)

    assert _fit(rounds).to_dict() == _fit(rounds).to_dict()


def test_rounds_and_columns_that_do_not_fit_are_refused():
    rounds, _ = _rounds(rows=500)
    with pytest.raises(ValueError, match="propensity must lie inside"):
        Rounds(**{**vars(rounds), "propensity": np.ones(500)})
    with pytest.raises(ValueError, match="ordered has 3 rows"):
        Rounds(**{**vars(rounds), "ordered": np.ones(3)})
    with pytest.raises(ValueError, match="4 columns of X, 3 names"):
        UpliftModel.fit(rounds=rounds, names=NAMES[:3], seed=1)
    with pytest.raises(ValueError, match="the model knows 4"):
        _fit(rounds).effects(rounds.X[:, :2])
