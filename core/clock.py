"""The only place that reads the clock; the domain takes `now` as an argument.

A shop with simulated customers lives in simulated time, so that the demo can turn six months of
campaigns in minutes (docs/adr/0008). The shift is a small file under COTERIE_HOME, shared by the
web server, the worker and beat. Leases and other machinery of sending use the database's own
clock and never this one.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


def home() -> Path:
    """The folder that holds everything a run leaves behind (COTERIE_HOME, default `.coterie`)."""
    return Path(os.environ.get("COTERIE_HOME", ".coterie")).resolve()


def _shift_file() -> Path:
    return home() / "simulated-clock.json"


def shift() -> timedelta:
    """How far simulated time is from the wall clock; zero for a real shop."""
    try:
        return timedelta(seconds=json.loads(_shift_file().read_text())["shift_seconds"])
    except FileNotFoundError:
        return timedelta(0)


def now() -> datetime:
    return datetime.now(tz=UTC) + shift()


class Ticking:
    """`now` for who asks thousands of times a second: the file of the shift is looked for once a second."""

    def __init__(self) -> None:
        self._looks_again_at = 0.0
        self._shift = timedelta(0)

    def now(self) -> datetime:
        if time.monotonic() >= self._looks_again_at:
            self._shift = shift()
            self._looks_again_at = time.monotonic() + 1
        return datetime.now(tz=UTC) + self._shift


def wall() -> datetime:
    """Real time, for what others check against their own clocks: signatures, retries."""
    return datetime.now(tz=UTC)


def set_now(moment: datetime) -> None:
    """Move the shop's clock to `moment`; it ticks on from there. Only simulations call this."""
    seconds = (moment - datetime.now(tz=UTC)).total_seconds()
    path = _shift_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({"shift_seconds": seconds}))
    temporary.replace(path)


def reset() -> None:
    """Return to real time."""
    _shift_file().unlink(missing_ok=True)
