"""What keeps everything from being sent, in words for staff."""

from __future__ import annotations

from consent import peppers
from consent.interlock import logbook


def of_sending() -> str:
    """Why nothing may be sent; "" when it may."""
    return logbook.blocked() or peppers.problem()
