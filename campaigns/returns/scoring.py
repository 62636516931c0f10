"""When soft bounces add up to a dead address: GNU Mailman's rule. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise


THRESHOLD = 5  # days with a bounce
STALE_AFTER = timedelta(days=7)  # without one, and it begins anew


def is_dead(days: Iterable[date]) -> bool:
    """
    Whether bounces on these days, in any order, ever reached the threshold.

    A day counts once, however many bounced on it: an outage of a mail server is one day's trouble.
    """
    score = 1
    ordered = sorted(set(days))
    for before, day in pairwise(ordered):
        score = score + 1 if day - before <= STALE_AFTER else 1
        if score >= THRESHOLD:
            return True
    return False
