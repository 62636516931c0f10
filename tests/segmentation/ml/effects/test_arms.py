from __future__ import annotations

import numpy as np

from segmentation.ml.effects.arms import choose
from segmentation.ml.effects.model import Uplift


def effects() -> dict[str, Uplift]:
    deviation = np.full(4, 0.01)
    return {
        "card": Uplift(effect=np.array([0.5, 0.3, 0.0, 0.2]), deviation=deviation),
        "mail": Uplift(effect=np.array([0.4, 0.25, 0.05, 0.25]), deviation=deviation),
    }


def test_the_arm_that_earns_most_is_chosen_and_treated_where_it_earns() -> None:
    choice = choose(effects(), value=10, costs={"card": 2.0, "mail": 1.0})
    assert choice.arm == ("card", "mail", "mail", "mail")
    assert choice.treat.tolist() == [True, True, False, True]
    assert choice.profit.round(6).tolist() == [3, 1.5, -0.5, 1.5]
    assert choice.low[0] < 0.5 < choice.high[0]


def test_a_budget_goes_where_a_unit_of_it_earns_most_and_is_never_exceeded() -> None:
    costs = {"card": 2.0, "mail": 1.0}
    earned = []
    for budget in (0.0, 1.0, 2.0, 4.0, 100.0):
        choice = choose(effects(), value=10, costs=costs, budget=budget)
        assert choice.cost[choice.treat].sum() <= budget
        earned.append(float(choice.profit[choice.treat].sum()))
    assert earned == sorted(earned)
    assert earned[0] == 0
    assert earned[-1] == 6


def test_what_costs_nothing_needs_no_budget() -> None:
    choice = choose(effects(), value=1, costs={"card": 0.0, "mail": 0.0}, budget=0)
    assert choice.treat.tolist() == [True, True, True, True]
