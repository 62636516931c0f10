from __future__ import annotations

import numpy as np
import pytest

from segmentation.scoring import write_generation
from segmentation.targeting import Economics, Plan, plan
from tests.factories.customers import NOW, CustomerFactory, SourceFactory
from tests.segmentation.versions import make_version


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


def test_plan_with_a_model_logs_the_probability_with_which_it_assigns() -> None:
    source = SourceFactory()
    people = [CustomerFactory(source=source).pk for _ in range(400)]
    ids = np.array(sorted(people))
    predicted = np.where(np.arange(400) % 2 == 0, 5.0, -5.0)
    version = make_version("UPLIFT", champion=True)
    write_generation(version, ids, predicted, np.ones(400), as_of=NOW, now=NOW)
    treated = np.zeros(400)
    rounds = 300
    for number in range(rounds):
        made = planned(ids, salt=f"campaign-{number}")
        treated += made.arm == "TREATED"
    assert made.model_version_id == version.pk
    assert np.allclose(made.probability, np.where(predicted > 0, 0.9 * 0.9, 0.9 * 0.1))
    # what chance did over many campaigns is what was logged: 300 draws a customer
    assert np.abs(treated[predicted > 0].mean() / rounds - 0.81) < 0.01
    assert np.abs(treated[predicted < 0].mean() / rounds - 0.09) < 0.01


def test_plan_decides_the_unscored_by_the_average_and_not_about_them() -> None:
    scored, unscored = CustomerFactory(), CustomerFactory()
    version = make_version("UPLIFT", champion=True)
    write_generation(
        version, np.array([scored.pk]), np.array([3.0]), np.array([1.0]), as_of=NOW, now=NOW
    )
    made = planned(np.array([scored.pk, unscored.pk]))
    assert made.predicted_profit_cents.tolist() == [3.0, 3.0]


def test_plan_is_the_same_when_it_is_made_again() -> None:
    ids = np.arange(1, 1001)
    assert np.array_equal(planned(ids).arm, planned(ids).arm)
