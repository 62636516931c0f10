from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from campaigns.enums import Arm
from consent.enums import Purpose
from core import clock
from customers.enums import ImportStatus
from customers.models import Import, Source
from feedback import outcomes, retraining, tasks
from feedback.models import OutcomeWindow, RetrainingDecision
from feedback.reports.attention import attention
from feedback.retraining import Need
from segmentation import attempts, mirror, queries
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion
from segmentation.registry import SensitiveField, TrainingAttempt
from tests.factories.consent import agree
from tests.factories.customers import NOW, OrderFactory
from tests.factories.feedback import FinishedCampaignFactory, deliver
from tests.segmentation.versions import make_version
from tests.sessions import another_session


pytestmark = pytest.mark.django_db


def something_to_learn_from() -> Source:
    order = OrderFactory()
    agree(order.customer, Purpose.PROFILING)
    source: Source = order.source
    return source


def decided(
    task: Task, at: datetime, *, status: str = ModelStatus.CHAMPION, rounds: int = 0
) -> None:
    number = ModelVersion.objects.filter(task=task).count() + 1
    version = make_version(task, number=number)
    ModelVersion.objects.filter(pk=version.pk).update(status=status)
    RetrainingDecision.objects.create(
        task=task, decided_at=at, trigger="", challenger=version, promoted=True, reason="",
        rounds=rounds,
    )  # fmt: skip


def imported(source: Source, *, at: datetime) -> None:
    Import.objects.create(
        source=source, status=ImportStatus.FINISHED, started_at=at, finished_at=at
    )


def wanted(now: datetime) -> list[Task]:
    return [need.task for need in retraining.needs(now=now)]


def test_nothing_is_needed_before_somebody_ordered_and_agreed(now: datetime) -> None:
    assert wanted(now) == []
    OrderFactory()
    assert wanted(now) == []
    something_to_learn_from()
    assert wanted(now) == [*retraining.FROM_ORDERS]


def test_order_models_are_trained_again_after_four_weeks(now: datetime) -> None:
    something_to_learn_from()
    for task in retraining.FROM_ORDERS:
        decided(task, now)
    assert wanted(now + timedelta(days=27)) == []
    needed = retraining.needs(now=now + timedelta(days=28))
    assert [need.trigger for need in needed] == ["28 days since the last training"] * len(
        retraining.FROM_ORDERS
    )


def test_field_declared_sensitive_is_forgotten_by_the_models_at_once(now: datetime) -> None:
    something_to_learn_from()
    for task in retraining.FROM_ORDERS:
        decided(task, now - timedelta(days=1))
    assert retraining.needs(now=now) == []
    SensitiveField.objects.create(
        name="country", lowest_ratio=0.8, declared_at=now + timedelta(hours=1)
    )
    assert retraining.needs(now=now) == []  # the shop's clock is not there yet
    later = now + timedelta(hours=2)
    assert [need.task for need in retraining.needs(now=later)] == list(retraining.FROM_ORDERS)
    RetrainingDecision.objects.create(
        task=Task.CHURN, decided_at=later, trigger="", promoted=True, reason=""
    )
    assert Task.CHURN not in {need.task for need in retraining.needs(now=later)}


def test_refusal_is_looked_at_again_when_new_data_came(now: datetime) -> None:
    source = something_to_learn_from()
    decided(Task.CHURN, now, status=ModelStatus.REFUSED)
    for task in set(retraining.FROM_ORDERS) - {Task.CHURN}:
        decided(task, now)
    imported(source, at=now - timedelta(hours=1))
    later = now + timedelta(days=1)
    assert wanted(later) == []
    imported(source, at=now + timedelta(hours=1))
    assert wanted(later) == [Task.CHURN]


def test_refusal_is_not_repeated_at_every_tick_of_a_shop_that_has_not_answered(
    now: datetime,
) -> None:
    # what a simulated shop answered is complete until `now`, and was imported a moment later
    source = something_to_learn_from()
    imported(source, at=now + timedelta(seconds=0.4))
    for task in retraining.FROM_ORDERS:
        decided(task, now, status=ModelStatus.REFUSED)
    assert wanted(now) == []


def test_closed_campaign_asks_for_response_and_uplift_first(now: datetime) -> None:
    something_to_learn_from()
    deliver(FinishedCampaignFactory(), Arm.TREATED)
    outcomes.close_due(now=now)
    assert wanted(now) == [Task.RESPONSE, Task.UPLIFT, *retraining.FROM_ORDERS]
    decided(Task.RESPONSE, now, rounds=1)
    assert Task.RESPONSE not in wanted(now)
    assert retraining.needs(now=now)[0] == Need(
        task=Task.UPLIFT, trigger="outcomes of round 1 are known"
    )


def test_run_due_records_each_decision_with_its_reason_and_is_then_done(now: datetime) -> None:
    something_to_learn_from()
    made = list(retraining.run_due(now=now, known_until=now))
    assert [decision.task for decision in made] == [*retraining.FROM_ORDERS]
    for decision in RetrainingDecision.objects.all():
        assert (decision.trigger, decision.promoted) == ("first training", False)
        # the mirror reads what is committed, and here nothing is
        assert decision.reason == "No orders of customers who agreed to profiling."
        assert decision.challenger is not None
        assert decision.challenger.status == ModelStatus.REFUSED
    assert list(retraining.run_due(now=now, known_until=now)) == []


def test_run_due_trains_on_a_fresh_mirror(now: datetime) -> None:
    mirror.refresh()
    (before,) = (path.name for path in mirror.folder().glob("[0-9]*"))
    assert list(retraining.run_due(now=now, known_until=now)) == []
    assert [path.name for path in mirror.folder().glob("[0-9]*")] == [before]
    something_to_learn_from()
    assert list(retraining.run_due(now=now, known_until=now))
    assert [path.name for path in mirror.folder().glob("[0-9]*")] > [before]


def test_run_due_leaves_it_to_whoever_holds_the_lock(now: datetime) -> None:
    something_to_learn_from()
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext('retraining'))")
        assert list(retraining.run_due(now=now, known_until=now)) == []
    assert not RetrainingDecision.objects.exists()
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"training {Task.CHURN}"])
        made = list(retraining.run_due(now=now, known_until=now))
    # only the task that is being trained by hand is passed over
    assert [decision.task for decision in made] == [
        task for task in retraining.FROM_ORDERS if task != Task.CHURN
    ]


def test_request_waits_while_somebody_trains_by_hand(now: datetime) -> None:
    retraining.ask(Task.UPLIFT, why="asked for by ada", now=now)
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"training {Task.UPLIFT}"])
        assert list(retraining.run_due(now=now, known_until=now)) == []
    (decision,) = retraining.run_due(now=now, known_until=now)
    assert decision.trigger == "asked for by ada"
    assert wanted(now) == []


def test_mirror_is_not_read_again_while_the_task_is_trained_by_hand(now: datetime) -> None:
    mirror.refresh()
    (before,) = (path.name for path in mirror.folder().glob("[0-9]*"))
    retraining.ask(Task.UPLIFT, why="asked for by ada", now=now)
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"training {Task.UPLIFT}"])
        assert list(retraining.run_due(now=now, known_until=now)) == []
    assert [path.name for path in mirror.folder().glob("[0-9]*")] == [before]


def test_training_that_was_killed_is_not_begun_again_at_the_next_tick(now: datetime) -> None:
    something_to_learn_from()
    TrainingAttempt.objects.create(task=Task.CHURN, begun_at=now)
    assert wanted(now) == [task for task in retraining.FROM_ORDERS if task != Task.CHURN]
    for task in retraining.FROM_ORDERS:
        decided(task, now)
    later = now + attempts.WAITS[0]
    assert wanted(later - timedelta(seconds=1)) == []
    (need,) = retraining.needs(now=later)
    assert need.task == Task.CHURN
    assert "was cut off" in need.trigger
    retraining.ask(Task.CHURN, why="asked for by ada", now=now)  # somebody asks: it does not wait
    (need,) = retraining.needs(now=now)
    assert need.trigger == "asked for by ada"


def test_time_that_is_up_is_written_down_and_nothing_else_is_begun(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    something_to_learn_from()

    def train(task: Task, *, now: datetime) -> object:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(retraining.training, "train_propensity", train)
    with pytest.raises(SoftTimeLimitExceeded):
        list(retraining.run_due(now=now, known_until=now))
    (decision,) = RetrainingDecision.objects.all()
    assert decision.reason == "The training failed: it took longer than a training may take"
    assert not attempts.waits(Task.CHURN, now=now)
    assert wanted(now) == [task for task in retraining.FROM_ORDERS if task != Task.CHURN]
    with another_session() as other:
        got = other.execute("SELECT pg_try_advisory_lock(hashtext('retraining'))").fetchone()
    assert got == (True,)


def test_run_due_gives_its_lock_back_even_when_it_is_left_early(now: datetime) -> None:
    something_to_learn_from()
    run = retraining.run_due(now=now, known_until=now)
    next(run)
    run.close()
    with another_session() as other:
        got = other.execute("SELECT pg_try_advisory_lock(hashtext('retraining'))").fetchone()
    assert got == (True,)


def test_orders_give_way_to_outcomes_that_came_meanwhile(now: datetime) -> None:
    something_to_learn_from()
    run = retraining.run_due(now=now, known_until=now)
    assert next(run).task == Task.CHURN
    deliver(FinishedCampaignFactory(), Arm.TREATED)
    outcomes.close_due(now=now)
    assert list(run) == []
    after = [decision.task for decision in retraining.run_due(now=now, known_until=now)]
    assert after == [*retraining.FROM_CAMPAIGNS, Task.PURCHASE, Task.LIFETIME]


def test_training_that_fails_is_written_down_and_does_not_stop_the_next(
    now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    something_to_learn_from()
    really = retraining.training.train_propensity

    def train(task: Task, *, now: datetime) -> object:
        if task == Task.CHURN:
            raise ValueError("no room on the disk")
        return really(task, now=now)

    monkeypatch.setattr(retraining.training, "train_propensity", train)
    churn, purchase, *_ = retraining.run_due(now=now, known_until=now)
    assert churn.reason == "The training failed: ValueError('no room on the disk')"
    assert (churn.promoted, churn.challenger) == (False, None)
    assert purchase.challenger is not None
    assert "CHURN could not be trained" in caplog.text
    told = [one.text for one in attention(now=now) if one.kind == "PROBLEM"]
    assert told == [f"The churn model: {churn.reason}"]
    assert wanted(now) == []


def test_window_closed_while_training_is_left_for_the_next_time(now: datetime) -> None:
    deliver(FinishedCampaignFactory(), Arm.TREATED)
    outcomes.close_due(now=now)
    OutcomeWindow.objects.update(closed_at=now + timedelta(seconds=30))
    decision = retraining.retrain(Need(task=Task.UPLIFT, trigger=""), now=now, known_until=now)
    assert decision.rounds == 0
    assert Task.UPLIFT in wanted(now)


def test_tasks_close_windows_and_train_by_the_shops_clock(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    deliver(FinishedCampaignFactory(), Arm.TREATED)
    clock.set_now(NOW - timedelta(days=20))
    tasks.close_due_windows()
    assert OutcomeWindow.objects.get().closed_at is None
    clock.set_now(NOW)
    tasks.close_due_windows()
    assert OutcomeWindow.objects.get().round_number == 1
    tasks.retrain_due()
    assert set(RetrainingDecision.objects.values_list("task", "rounds", "promoted")) == {
        (Task.RESPONSE, 1, False),
        (Task.UPLIFT, 1, False),
    }
    assert queries.champion(Task.UPLIFT) is None
    assert "Not enough data" in caplog.text


def test_request_waits_when_the_mirror_cannot_be_read(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    retraining.ask(Task.UPLIFT, why="asked for by ada", now=now)

    def full() -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(retraining.mirror, "refresh", full)
        with pytest.raises(OSError, match="No space"):
            list(retraining.run_due(now=now, known_until=now))
    (decision,) = retraining.run_due(now=now, known_until=now)
    assert decision.trigger == "asked for by ada"
