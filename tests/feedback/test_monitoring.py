"""The weekly look for drift: when, over what, what it records, whom it tells, and what it asks for."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from core import clock
from feedback import monitoring, tasks
from feedback.models import DriftCheck, RetrainingDecision, TrainingRequest
from feedback.reports.attention import attention
from segmentation import queries
from segmentation.enums import ModelStatus, Task
from segmentation.ml.drift import shop
from segmentation.ml.drift.compare import Finding
from segmentation.models import ModelVersion
from tests.feedback.test_retraining import something_to_learn_from
from tests.segmentation.versions import rule_champion
from tests.sessions import another_session


pytestmark = pytest.mark.django_db


@pytest.fixture
def alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders that nobody could take for usual."""
    found = Finding(
        name="Orders", kind="rate", rows_before=900, rows_now=9, judged=True, p=1e-9, alarm=True,
        words="Orders: 100 a week expected, 9 came (−91\u00a0%)",
    )  # fmt: skip
    monkeypatch.setattr(shop, "look", lambda orders, money: [found])


def test_nothing_is_compared_before_somebody_ordered_and_agreed(now: datetime) -> None:
    assert monitoring.check_if_due(now=now) is None
    assert not DriftCheck.objects.exists()


def test_shop_with_few_orders_is_told_so_and_asked_again_in_a_week(now: datetime) -> None:
    something_to_learn_from()
    made = monitoring.check_if_due(now=now)
    assert made is not None
    assert made.alarms == 0
    assert "Too few orders to tell" in made.words
    assert monitoring.check_if_due(now=now + timedelta(days=6)) is None
    assert monitoring.check_if_due(now=now + timedelta(days=7)) is not None
    assert not TrainingRequest.objects.exists()


def test_alarm_is_kept_told_and_asks_for_a_training_of_what_serves(
    now: datetime, alarm: None
) -> None:
    rule_champion(Task.PURCHASE, now=now - timedelta(days=30))
    something_to_learn_from()
    made = monitoring.check_if_due(now=now)
    assert made is not None
    assert (made.alarms, made.words) == (1, "Orders: 100 a week expected, 9 came (−91\u00a0%)")
    assert made.findings[0]["adjusted"] == pytest.approx(1e-9)
    (asked,) = TrainingRequest.objects.all()
    assert (asked.task, asked.why) == (Task.PURCHASE, f"drift: {made.words}")
    assert asked.asked_by is None
    told = [one for one in attention(now=now) if "has changed" in one.text]
    assert [one.url_name for one in told] == ["admin:drift_page"]
    assert not any("has changed" in one.text for one in attention(now=now + timedelta(days=15)))


def test_model_of_this_week_is_not_trained_again_for_an_alarm(now: datetime, alarm: None) -> None:
    rule_champion(Task.PURCHASE, now=now)
    RetrainingDecision.objects.create(
        task=Task.PURCHASE, decided_at=now - timedelta(days=2), trigger="", promoted=True, reason=""
    )
    monitoring.check(now=now)
    assert not TrainingRequest.objects.exists()


def test_two_processes_look_once(now: datetime) -> None:
    something_to_learn_from()
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext('drift'))")
        assert monitoring.check_if_due(now=now) is None
    assert monitoring.check_if_due(now=now) is not None


def test_outcomes_as_predicted_are_no_alarm_and_half_as_many_are() -> None:
    rng = np.random.default_rng(1)
    said = rng.uniform(0.05, 0.6, 3_000)
    came = (rng.random(3_000) < said).astype(float)
    fewer = came * (rng.random(3_000) < 0.5)
    fine = monitoring.outcome(name="Outcome of purchase", said=said, came=came)
    low = monitoring.outcome(name="Outcome of purchase", said=said, came=fewer)
    assert fine.p is not None
    assert fine.p > 0.01
    assert low.p is not None
    assert low.p < 1e-9
    assert low.alarm
    assert "were expected to order" in low.words


def test_task_looks_by_the_shops_clock(now: datetime) -> None:
    clock.set_now(now)
    something_to_learn_from()
    tasks.check_drift_due()
    tasks.check_drift_due()
    assert DriftCheck.objects.count() == 1


def test_outcomes_judge_the_newest_version_that_has_not_learned_from_them(now: datetime) -> None:
    def version(number: int, status: ModelStatus, days_ago: int) -> ModelVersion:
        return ModelVersion.objects.create(
            task=Task.CHURN, number=number, status=status, trained_at=now, as_of=now,
            window_ends_at=now - timedelta(days=days_ago),
        )  # fmt: skip

    oldest = version(1, ModelStatus.RETIRED, 200)
    older = version(2, ModelStatus.RETIRED, 120)
    version(3, ModelStatus.REJECTED, 100)  # never served
    version(4, ModelStatus.CHAMPION, 10)  # learned from what came in these 90 days
    ninety, year = now - timedelta(days=90), now - timedelta(days=365)
    assert queries.served_without_knowing(Task.CHURN, moment=ninety) == older != oldest
    assert queries.served_without_knowing(Task.CHURN, moment=year) is None
    assert queries.served_without_knowing(Task.PURCHASE, moment=ninety) is None
