from __future__ import annotations

import numpy as np
import pytest

from segmentation import expectation, targeting
from segmentation.enums import ModelStatus, Task
from segmentation.ml import policy
from segmentation.models import ModelVersion
from tests.factories.customers import NOW
from tests.segmentation.planned import Planned, planned


pytestmark = pytest.mark.django_db


def shares(made: Planned) -> dict[str, float]:
    return {str(arm): float((made.arm == arm).mean()) for arm in np.unique(made.arm)}


def letters(made: Planned) -> str:
    """T mailed, H held out, n not targeted."""
    return "".join({"TREATED": "T", "HOLDOUT": "H", "NOT_TARGETED": "n"}[one] for one in made.arm)


@pytest.fixture
def opinion(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that believes the more of a customer, the higher the id."""
    ModelVersion.objects.create(
        task=Task.UPLIFT, number=1, status=ModelStatus.CHAMPION, trained_at=NOW, as_of=NOW
    )

    def of_mailing(version: object, customer_ids: np.ndarray, costs: object) -> policy.Expectation:
        count = len(customer_ids)
        return policy.Expectation(
            profit_cents=np.linspace(-30, 30, count), deviation_cents=np.full(count, 10.0)
        )

    monkeypatch.setattr(expectation, "of_mailing", of_mailing)


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


@pytest.mark.parametrize("at_once", [targeting.PART, 7])
def test_plan_is_the_same_for_ever_whatever_is_decided_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targeting, "PART", at_once)
    ids = np.arange(1, 41)
    # as they were first assigned: a campaign frozen again must find everybody in their arm
    assert letters(planned(ids, everyone=True)) == "TTTTTTTTTTTTTTTTTHTHHTTTTTTTTTTHTTTHTTTT"
    assert letters(planned(ids)) == "TnnnTTnTnnnnTnnTnHTHHTTTnnnnTnnHTTnHTTTT"
    assert letters(planned(ids, salt="campaign-2")) != letters(planned(ids))


@pytest.mark.parametrize("at_once", [targeting.PART, 7])
@pytest.mark.usefixtures("opinion")
def test_plan_by_a_model_is_the_same_whatever_is_decided_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targeting, "PART", at_once)
    made = planned(np.arange(1, 41))
    assert letters(made) == "nnnnnTnnnnnnnnnnnHTHHTTTnnnnTTnHTTTHTTTT"
    assert np.array_equal(made.predicted_profit_cents, np.linspace(-30, 30, 40))
    assert made.probability[0] == pytest.approx(0.13810118)
    assert made.note == "By uplift v1, mailing pays for 50\u00a0% of the eligible."
