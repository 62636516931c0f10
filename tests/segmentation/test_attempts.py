from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from segmentation import attempts, first_purchases, training
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion, TrainingAttempt
from tests.sessions import another_session


pytestmark = pytest.mark.django_db
TASK = Task.FIRST_PURCHASE


def test_what_fails_is_written_down_once_and_waits_a_day(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**kwargs: object) -> None:
        raise RuntimeError("a name of somebody: Ada")

    monkeypatch.setattr(first_purchases, "_fit_and_predict", broken)
    for days in (0, 1):
        later = now + timedelta(days=days)
        assert first_purchases.refresh_if_due(now=later) is None
        assert not first_purchases.due(now=later + timedelta(minutes=1))
    version = ModelVersion.objects.get(task=TASK)
    assert version.status == ModelStatus.REFUSED
    assert version.reason == "It failed (RuntimeError); the log has more."
    with another_session() as other:  # the lock was given back
        asked = other.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"training {TASK}"])
        assert asked.fetchone() == (True,)


def test_while_another_process_is_at_it_nothing_is_done(now: datetime) -> None:
    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"training {TASK}"])
        assert attempts.alone(TASK, lambda: 1, now=now) is None
    assert attempts.alone(TASK, lambda: 1, now=now) == 1
    assert not ModelVersion.objects.exists()


def killed(now: datetime) -> None:
    """As after kill -9: begun, never ended."""
    held = attempts.attempt(TASK, now=now)
    held.__enter__()
    training.unlock(TASK)


def test_after_one_that_was_killed_the_next_waits_the_longer_the_more_there_were(
    now: datetime,
) -> None:
    began: list[datetime] = []
    for wait in (*attempts.WAITS, attempts.WAITS[-1]):
        killed(now)
        began.append(now)
        assert attempts.alone(TASK, lambda: 1, now=now + wait - timedelta(seconds=1)) is None
        left = attempts.cut_off(TASK)
        assert left is not None
        assert (left.begun_at, left.deaths, left.again_at) == (now, len(began), now + wait)
        now += wait
    assert attempts.alone(TASK, lambda: 1, now=now) == 1
    assert attempts.cut_off(TASK) is None
    killed(now)  # one that ended in between: counted anew
    left = attempts.left_open(TASK)
    assert left is not None
    assert left.deaths == 1


def test_what_fails_has_ended(now: datetime) -> None:
    def work() -> None:
        with attempts.attempt(TASK, now=now):
            assert TrainingAttempt.objects.get().ended_at is None
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work()
    assert TrainingAttempt.objects.get().ended_at == now
    assert attempts.alone(TASK, lambda: 1, now=now) == 1


def test_time_that_is_up_is_written_down_and_ends_the_worker_s_run(now: datetime) -> None:
    def slow() -> None:
        raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        attempts.alone(TASK, slow, now=now)
    version = ModelVersion.objects.get(task=TASK)
    assert version.reason == "It took longer than a training may take."
    assert not attempts.waits(TASK, now=now)
