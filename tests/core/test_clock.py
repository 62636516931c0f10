from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core import clock


def test_now_is_real_time_without_a_simulation() -> None:
    assert abs(clock.now() - datetime.now(tz=UTC)) < timedelta(seconds=5)


def test_set_now_moves_the_clock_and_reset_returns_it() -> None:
    moment = datetime(2031, 5, 1, tzinfo=UTC)
    clock.set_now(moment)
    assert timedelta(0) <= clock.now() - moment < timedelta(seconds=5)
    clock.reset()
    assert clock.shift() == timedelta(0)
