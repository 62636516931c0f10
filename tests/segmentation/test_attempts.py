from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from segmentation import attempts, first_purchases
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion
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
