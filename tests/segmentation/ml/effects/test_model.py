from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from segmentation.ml.effects.balance import balance, propensity
from segmentation.ml.effects.evidence import weights
from segmentation.ml.effects.model import EffectModel, Verdict
from tests.segmentation.ml.effects.experiments import experiment


def test_differences_are_found_in_the_size_they_have_and_within_their_intervals() -> None:
    known, effect = experiment(rows=8_000, seed=1, slope=0.08)
    model = EffectModel.fit(known, seed=42)
    said = model.predict(known.design)
    assert model.verdict == Verdict.DIFFERENCES
    assert np.corrcoef(said.effect, effect)[0, 1] > 0.8
    assert np.polyfit(said.effect, effect, 1)[0] == pytest.approx(1, abs=0.35)
    assert np.mean(np.abs(said.effect - effect) < 1.96 * said.deviation) > 0.9
    assert (
        np.median(said.deviation) < 0.08
    )  # an interval that covers everything would cover this too


def test_without_differences_all_get_the_average_effect_and_it_is_said() -> None:
    known, _ = experiment(rows=6_000, seed=3, slope=0.0)
    model = EffectModel.fit(known, seed=42)
    said = model.predict(known.design)
    assert model.verdict == Verdict.AVERAGE
    low, high = model.held.interval
    assert low < 0 < high
    assert model.average == pytest.approx(0.05, abs=0.04)
    assert np.ptp(said.effect) < 0.03
    assert said.deviation.min() >= model.average_error


def test_of_few_outcomes_nothing_but_the_average_is_believed() -> None:
    known, _ = experiment(rows=6_000, seed=3, slope=0.0)
    rare = known.outcome * (np.arange(len(known)) % 40 == 0)
    model = EffectModel.fit(replace(known, outcome=rare), seed=42)
    assert model.believed == 0
    assert np.ptp(model.predict(known.design).effect) == 0


def test_arms_of_unequal_size_give_the_same_effect() -> None:
    known, effect = experiment(rows=12_000, seed=5, slope=0.08, share=0.2)
    model = EffectModel.fit(known, seed=42)
    assert model.average == pytest.approx(effect.mean(), abs=0.03)
    assert np.corrcoef(model.predict(known.design).effect, effect)[0, 1] > 0.7


def test_money_is_learned_in_money() -> None:
    known, effect = experiment(rows=8_000, seed=7, slope=0.08, money=True)
    model = EffectModel.fit(known, seed=42)
    said = model.predict(known.design).effect
    assert model.average == pytest.approx(effect.mean(), rel=0.5)
    assert np.corrcoef(said, effect)[0, 1] > 0.6


def test_the_same_seed_gives_the_same_effects() -> None:
    known, _ = experiment(rows=2_000, seed=9, slope=0.08)
    first, second = (EffectModel.fit(known, seed=1).predict(known.design) for _ in range(2))
    assert np.array_equal(first.effect, second.effect)
    assert np.array_equal(first.deviation, second.deviation)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"treated": np.ones(500)}, "only 0 control rows"),
        ({"outcome": np.zeros(500)}, "the outcome is 0 for everybody"),
        ({"outcome": np.r_[np.ones(3), np.zeros(497)]}, "happened 3 times"),
    ],
)
def test_an_experiment_that_teaches_nothing_is_refused(
    change: dict[str, np.ndarray], said: str
) -> None:
    known, _ = experiment(rows=500, seed=1, slope=0.0)
    with pytest.raises(ValueError, match=said):
        replace(known, **change)


def test_weights_are_equal_where_learners_differ_by_chance_and_not_where_they_do_not() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(5_000, 3))
    assert weights(noise + 0.05) == pytest.approx([1 / 3] * 3, abs=0.15)
    best = weights(noise * 0.1 + np.array([0.05, 0.01, 0.0]))
    assert best[0] > 0.7
    assert best.sum() == pytest.approx(1)


def test_arms_made_by_chance_are_balanced_and_others_are_not() -> None:
    known, _ = experiment(rows=4_000, seed=11, slope=0.0)
    linear = known.design.linear
    assert balance(linear, known.treated).plausible
    chosen = (linear[:, 0] + np.random.default_rng(1).normal(size=4_000) > 0).astype(float)
    judged = balance(linear, chosen)
    assert not judged.plausible
    assert judged.column == 0
    probability = propensity(known.design, chosen, randomised=False)
    assert probability[linear[:, 0] > 1].mean() > 0.75
    assert probability[linear[:, 0] < -1].mean() < 0.25
