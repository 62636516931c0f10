"""
Do the intervals hold what they promise? Two thousand simulated experiments each.

Money as a shop sees it: nine in ten customers earn nothing, the others a lognormal margin; each mail costs a cent.
The standard error of a coverage of 95 % over 2,000 experiments is 0.5 points: 93 to 97 % is four of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from feedback import lift


EXPERIMENTS, CUSTOMERS, HOLDOUT = 2000, 6000, 0.1


def margins(rng: np.random.Generator, *, rate: np.ndarray) -> np.ndarray:
    bought = rng.random(len(rate)) < rate
    money = np.zeros(len(rate))
    money[bought] = rng.lognormal(mean=7.0, sigma=0.8, size=int(bought.sum()))
    return money


MEAN_MARGIN = float(np.exp(7.0 + 0.8**2 / 2))


@pytest.mark.parametrize("uplift", [0.0, 0.03])
def test_difference_covers_what_a_learned_policy_truly_earned(uplift: float) -> None:
    """Mailed are the likely buyers (the policy is good); the truth is what the campaign earned per customer."""
    rng = np.random.default_rng(11)
    base = rng.uniform(0.02, 0.18, CUSTOMERS)
    wanted = base > 0.1
    truth = float(np.mean(np.where(wanted, uplift * MEAN_MARGIN - 1, 0)))
    covered = wrong = 0
    for _ in range(EXPERIMENTS):
        held_out = rng.random(CUSTOMERS) < HOLDOUT
        mailed = wanted & ~held_out
        profit = margins(rng, rate=base + uplift * mailed) - mailed
        estimate = lift.difference(treated=profit[~held_out], held_out=profit[held_out])
        covered += estimate.low <= truth <= estimate.high
        wrong += not estimate.low <= 0 <= estimate.high
    assert 0.93 <= covered / EXPERIMENTS <= 0.97
    if uplift == 0:
        assert 0.03 <= wrong / EXPERIMENTS <= 0.07  # A/A: one in twenty is a false alarm


def test_effect_on_treated_covers_the_truth() -> None:
    rng = np.random.default_rng(12)
    base = rng.uniform(0.02, 0.18, CUSTOMERS)
    uplift = np.where(base > 0.1, 0.04, -0.01)
    probability = 0.9 * np.where(base > 0.1, 0.95, 0.05)
    covered = 0
    for _ in range(EXPERIMENTS):
        treated = rng.random(CUSTOMERS) < probability
        profit = margins(rng, rate=base + uplift * treated)
        truth = float(uplift @ probability / probability.sum()) * MEAN_MARGIN
        estimate = lift.effect_on_treated(values=profit, treated=treated, probability=probability)
        covered += estimate.low <= truth <= estimate.high
    assert 0.93 <= covered / EXPERIMENTS <= 0.97


def test_difference_of_shares_covers_a_rare_conversion() -> None:
    rng = np.random.default_rng(13)
    truth = 0.004
    treated = rng.binomial(5400, 0.010, EXPERIMENTS)
    held_out = rng.binomial(600, 0.006, EXPERIMENTS)
    covered = 0
    for a, b in zip(treated, held_out, strict=True):
        estimate = lift.difference_of_shares(
            treated=5400, treated_converted=int(a), held_out=600, held_out_converted=int(b)
        )
        covered += estimate.low <= truth <= estimate.high
    assert 0.93 <= covered / EXPERIMENTS <= 0.97


def test_sample_ratio_alarm_is_quiet_on_the_plan_and_rings_when_it_is_broken() -> None:
    rng = np.random.default_rng(14)
    probability = 0.9 * np.where(np.arange(CUSTOMERS) % 3 == 0, 0.95, 0.05)

    def alarms(*, lost: float = 0.0, wrong_policy: float = 0.0) -> float:
        """The share of experiments with an alarm when some held out are lost, or the policy strays."""
        rung = 0
        for _ in range(EXPERIMENTS):
            held_out, coin, fate = rng.random((3, CUSTOMERS))
            is_held_out = held_out < HOLDOUT
            is_treated = ~is_held_out & (coin < probability / (1 - HOLDOUT) + wrong_policy)
            kept = ~is_held_out | (fate >= lost)
            p = lift.sample_ratio_p(
                held_out=int((is_held_out & kept).sum()),
                treated=int((is_treated & kept).sum()),
                probability=probability[kept],
                holdout_share=HOLDOUT,
            )
            rung += p < lift.SAMPLE_RATIO_ALARM
        return rung / EXPERIMENTS

    assert alarms() <= 0.004  # 0.1 % expected
    assert alarms(lost=0.25) > 0.95  # a quarter of the held out never got a row
    assert alarms(wrong_policy=0.05) > 0.95  # more were mailed than the probabilities say
