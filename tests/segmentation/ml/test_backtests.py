"""Strategies and settings compared on past cut-offs: the better way wins, chance does not, the test window stays unseen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from segmentation.ml import backtests, training
from segmentation.ml.backtests import Strategy
from segmentation.ml.estimators import propensity
from segmentation.ml.estimators.propensity import Origin, Settings
from segmentation.ml.estimators.retraining import Continued
from segmentation.ml.splits import TimeSplit
from segmentation.ml.tables import FeatureTable


DAY, STEP = 86_400, 30 * 86_400
SETTINGS = Settings(trees=120, rows_per_leaf=30)
CUSTOMERS = 900


def origin(number: int, *, turned: bool) -> Origin:
    rng = np.random.default_rng(100 + number)
    recency, trait = rng.uniform(1, 300, CUSTOMERS), rng.integers(0, 2, CUSTOMERS)
    odds = 0.8 - recency / 80 + (3.0 if turned else -3.0) * (trait - 0.5)
    return Origin(
        as_of=number * STEP,
        features=FeatureTable(
            customer_ids=np.arange(CUSTOMERS), names=("recency_days", "trait"),
            values=np.column_stack([recency, trait.astype(float)]),
        ),
        bought=rng.random(CUSTOMERS) < 1 / (1 + np.exp(-odds)),
        horizon_days=30,
    )  # fmt: skip


STABLE = [origin(number, turned=False) for number in range(7)]
TURNED = [origin(number, turned=number >= 3) for number in range(8)]
"""What speaks for an order turned round lately: the old cut-offs mislead."""


def test_nothing_is_compared_that_was_not_asked_for() -> None:
    found = backtests.over_past(STABLE, horizon_days=30, settings=SETTINGS, compare=False)
    assert found.strategies == ()
    assert found.chosen is Strategy.ANEW
    assert [one.at for one in found.past] == [5 * STEP, 6 * STEP]
    assert all(one.model["auc"] > one.baseline["auc"] for one in found.past)


def test_training_anew_stays_where_nothing_changed() -> None:
    found = backtests.over_past(STABLE, horizon_days=30, settings=SETTINGS, compare=True)
    assert {one.strategy for one in found.strategies} == {"ANEW", "WARM", "BLEND"}
    assert found.chosen is Strategy.ANEW
    assert "No other way" in found.reason


def test_way_that_learns_from_what_is_new_wins_where_the_old_misleads() -> None:
    found = backtests.over_past(TURNED, horizon_days=30, settings=SETTINGS, compare=True)
    by_name = {one.strategy: one for one in found.strategies}
    assert found.chosen is not Strategy.ANEW
    assert by_name[found.chosen.value].against_anew.high < 0
    assert by_name[found.chosen.value].log_loss < by_name["ANEW"].log_loss


def test_model_at_a_past_cut_off_learns_only_from_windows_closed_by_then() -> None:
    usable = backtests.closed_by(STABLE, 6 * STEP, horizon_days=90)
    assert [one.as_of for one in usable] == [0, STEP, 2 * STEP, 3 * STEP]


def test_trained_model_builds_on_the_old_one_where_that_is_better() -> None:
    *learn, test = TURNED
    old = training.Old(model=propensity.fit(TURNED[:3], settings=SETTINGS), known_until=4 * STEP)
    split = TimeSplit(
        train_at=tuple(one.as_of for one in learn), test_at=test.as_of, horizon_days=30
    )
    trained = training.judge(learn, test, task="t", split=split, settings=SETTINGS, old=old)
    assert trained.strategy is not Strategy.ANEW
    assert trained.report.strategy == trained.strategy.value
    if trained.strategy is Strategy.WARM:
        assert isinstance(trained.model, Continued)
        assert trained.model.base is old.model
    document = trained.report.to_dict()
    assert document["strategies"][0]["strategy"] == "ANEW"
    assert document["gains"]["model"][0] == (0.0, 0.0)
    assert document["gains"]["model"][-1] == (1.0, 1.0)


def test_search_is_seeded_and_keeps_the_usual_settings_unless_others_are_proven_better() -> None:
    first = backtests.search(STABLE, horizon_days=30, settings=SETTINGS, trials=2)
    again = backtests.search(STABLE, horizon_days=30, settings=SETTINGS, trials=2)
    assert first == again
    assert len(first.tried) == 3
    assert [one["taken"] for one in first.tried].count(1.0) == 1
    # hardly a tree: whatever is drawn is better, and proven to be
    poor = replace(SETTINGS, trees=20, learning_rate=0.001)
    found = backtests.search(STABLE, horizon_days=30, settings=poor, trials=2)
    assert found.best != poor


@pytest.mark.parametrize("trials", [0, 2])
def test_search_without_budget_or_cut_offs_changes_nothing(trials: int) -> None:
    origins = STABLE if trials == 0 else STABLE[:1]
    found = backtests.search(origins, horizon_days=30, settings=SETTINGS, trials=trials)
    assert (found.best, found.tried) == (SETTINGS, ())
