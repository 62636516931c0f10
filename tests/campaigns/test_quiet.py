from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns import quiet


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
HOURS = ["21:00-08:00", "01:30-02:30", "02:15-03:00", "23:00-02:30", "09:00-17:00"]


def hours(text: str = "21:00-08:00", zone: str = "Europe/Berlin") -> quiet.QuietHours:
    found = quiet.read(text, time_zone=zone)
    assert found is not None
    return found


def edges(zone: ZoneInfo) -> list[datetime]:
    """Moments at which the clocks of `zone` change, 2024 to 2030."""
    found = []
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    while moment.year < 2031:
        later = moment + timedelta(hours=6)
        if moment.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            found.append(moment)
        moment = later
    return found


@pytest.mark.parametrize("text", HOURS)
@pytest.mark.parametrize("name", ZONES)
def test_at_every_change_of_clocks_quiet_is_what_the_wall_clock_says(name: str, text: str) -> None:
    zone, known = ZoneInfo(name), hours(text)
    changes = edges(zone) or [datetime(2026, 3, 29, tzinfo=UTC)]
    assert len(changes) in {1, 14}
    for change in changes:
        for minutes in range(-6 * 60, 18 * 60, 15):
            now = change + timedelta(minutes=minutes)
            local = now.astimezone(zone).time()
            wake = known.wake_in(zone, now)
            assert (wake is not None) == known.is_quiet(local)
            if wake is not None:
                assert now < wake <= now + timedelta(hours=25)
                assert not known.is_quiet(wake.astimezone(zone).time())
                # the first moment after: a minute before it is quiet still. But where clocks jump over
                # the end, that end is read by the old time, up to an hour late
                before = (wake - timedelta(minutes=1)).astimezone(zone).time()
                assert known.is_quiet(before) or wake.astimezone(zone).time() != known.end


def test_whose_clock() -> None:
    now = datetime(2026, 6, 1, 20, 0, tzinfo=UTC)  # 22:00 in Berlin, 16:00 in New York
    known = hours()
    assert known.wake(now) == datetime(2026, 6, 2, 6, 0, tzinfo=UTC)
    assert known.wake(now, timezone="America/New_York") is None
    assert known.wake(now, country="JP") == datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
    assert known.wake(now, country="pt") == datetime(
        2026, 6, 2, 6, 0, tzinfo=UTC
    )  # two times: the shop's
    assert known.wake(now, country="GB") == datetime(2026, 6, 2, 7, 0, tzinfo=UTC)
    assert known.wake(now, country="US") == known.wake(now)  # many: the shop's
    assert known.wake(now, timezone="../etc/passwd", country="Atlantis") == known.wake(now)


@pytest.mark.parametrize(
    ("text", "clock", "expected"),
    [
        ("21:00-08:00", "21:00", True), ("21:00-08:00", "20:59", False), ("21:00-08:00", "08:00", False),
        ("21:00-08:00", "07:59", True), ("12:00-13:00", "12:30", True), ("12:00-13:00", "13:00", False),
        ("09:00-09:00", "09:00", False),
    ],
)  # fmt: skip
def test_which_minutes_are_quiet(*, text: str, clock: str, expected: bool) -> None:
    assert hours(text).is_quiet(time.fromisoformat(clock)) == expected


def test_settings_that_cannot_be_read_say_so() -> None:
    assert quiet.read("", time_zone="UTC") is None
    with pytest.raises(quiet.QuietHoursError, match="COTERIE_QUIET_HOURS"):
        quiet.read("9pm", time_zone="UTC")
    with pytest.raises(quiet.QuietHoursError, match="Mars"):
        quiet.read("", time_zone="Mars/Base")
