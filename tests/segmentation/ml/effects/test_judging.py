from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from segmentation.ml.effects import judging
from segmentation.ml.tables import Ints


OUTCOME = np.array([1, 0, 0, 1, 1, 0])
TREATED = np.array([1, 0, 1, 0, 1, 0])
UPLIFT = np.array([6, 5, 4, 3, 2, 1])


def test_uplift_of_the_best_is_the_difference_of_rates_among_them() -> None:
    # the best half: treated buyer, control, treated
    assert judging.at_share(outcome=OUTCOME, uplift=UPLIFT, treated=TREATED, share=0.5) == 0.5
    # one row alone has no control
    assert math.isnan(judging.at_share(outcome=OUTCOME, uplift=UPLIFT, treated=TREATED, share=0.2))


def test_auuc_is_the_area_worked_out_by_hand() -> None:
    # (rate treated - rate control) * reached at 1..6: 1, 1*2, 1/2*3, (1/2-1/2)*4, (2/3-1/2)*5, (2/3-1/3)*6
    curve = [0, 1, 2, 1.5, 0, 5 / 6, 2]
    # the best order puts outcome = treatment first (2), those of them who were treated last among equals (treatment
    # is added: 3 for treated buyers, 2 for silent control, 1 for treated without, 0 for the control buyer)
    best = [(0, 0.0), (2, 2.0), (4, 4.0), (5, (2 / 3 - 0) * 5), (6, 2.0)]
    area = sum((a + b) / 2 for a, b in pairwise(curve))
    perfect = sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in pairwise(best))
    random = 6 * 2 / 2
    assert judging.auuc(outcome=OUTCOME, uplift=UPLIFT, treated=TREATED) == pytest.approx(
        (area - random) / (perfect - random)
    )


def test_qini_and_auuc_say_nothing_without_a_control_group() -> None:
    for measure in (judging.qini, judging.auuc):
        assert math.isnan(measure(outcome=OUTCOME, uplift=UPLIFT, treated=np.ones(6)))


def test_irr_and_nir_follow_the_definitions_of_the_promotion_exercise() -> None:
    chosen = np.array([1, 1, 1, 1, 0, 0])
    assert judging.incremental_response_rate(outcome=OUTCOME, treated=TREATED, chosen=chosen) == 0
    # 10 * 1 treated buyer - 0.15 * 2 treated - 10 * 1 control buyer
    assert judging.net_incremental_revenue(
        outcome=OUTCOME, treated=TREATED, chosen=chosen, value=10, spent=0.15
    ) == pytest.approx(-0.3)


def test_profit_of_a_rule_is_that_of_customers_whom_chance_treated_as_it_says() -> None:
    followed = np.array([1, 1, 0, 0])
    probability = np.array([0.5, 0.25, 0.5, 0.5])
    # weights 2 and 4: (2 * (10 - 1) + 4 * 0) / 6
    assert judging.policy_profit(
        outcome=np.array([1, 0, 1, 1]), followed=followed, probability=probability,
        spent=np.array([1, 0, 1, 1]), value=10,
    ) == pytest.approx(3)  # fmt: skip


def test_differences_are_judged_on_the_same_rows() -> None:
    values = np.random.default_rng(0).normal(size=300)

    def mean(which: Ints) -> float:
        return float(values[which].mean())

    found = judging.intervals(
        {"one": mean, "same": lambda i: mean(i) - mean(i), "never": lambda i: float("nan")},
        rows=300, seed=1,
    )  # fmt: skip
    assert found["one"].low < found["one"].mean < found["one"].high
    assert (found["same"].low, found["same"].high) == (0, 0)
    assert "never" not in found
