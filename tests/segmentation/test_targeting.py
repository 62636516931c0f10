from __future__ import annotations

import numpy as np
import pytest

from segmentation.targeting import Economics, Plan, plan


pytestmark = pytest.mark.django_db

ECONOMICS = Economics(
    contact_cost_cents=2, unsubscribe_cost_cents=800, discount_percent=5, outcome_days=14
)


def planned(ids: np.ndarray, **changes: object) -> Plan:
    return plan(**{  # type: ignore[arg-type]
        "customer_ids": ids, "economics": ECONOMICS, "holdout_share": 0.1, "explore_share": 0.2,
        "salt": "campaign-1", "everyone": False, **changes,
    })  # fmt: skip


def shares(made: Plan) -> dict[str, float]:
    return {str(arm): float((made.arm == arm).mean()) for arm in np.unique(made.arm)}


def test_plan_without_a_model_tosses_a_coin_for_everybody_not_held_out() -> None:
    made = planned(np.arange(1, 50_001))
    assert made.model_version_id is None
    assert np.allclose(made.probability, 0.45)
    assert shares(made) == pytest.approx(
        {"HOLDOUT": 0.1, "TREATED": 0.45, "NOT_TARGETED": 0.45}, abs=0.01
    )


def test_plan_for_everyone_mails_all_but_the_holdout() -> None:
    made = planned(np.arange(1, 50_001), everyone=True)
    assert np.allclose(made.probability, 0.9)
    assert shares(made) == pytest.approx({"HOLDOUT": 0.1, "TREATED": 0.9}, abs=0.01)


def test_plan_is_the_same_when_it_is_made_again() -> None:
    ids = np.arange(1, 1001)
    assert np.array_equal(planned(ids).arm, planned(ids).arm)
