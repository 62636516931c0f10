"""Has the share of bad reviews changed abruptly? The newest weeks against the half year before them.

A shop's weeks differ by more than chance (a bad batch, a strike), so the test measures how much the weeks
before differed and is made that much milder; and it wants a change that matters, not only one that is
certain. One, two and four weeks are looked at, and the error is shared among them (Bonferroni).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from scipy import special


WEEKS_BEFORE = 26
LEAST_BEFORE = 8
"""Weeks with reviews before the newest; of fewer nothing is said."""
WINDOWS = (1, 2, 4)
LEAST = 20
"""Reviews of the newest weeks."""
LEVEL = 0.0005
"""Of a false alarm in a week."""
MATTERS = 0.05
TIMES = 1.3


@dataclass(frozen=True, kw_only=True)
class Change:
    """Shares of bad reviews, `p` of the test (of the worse of the windows), and how many weeks are meant."""

    weeks: int
    share: float
    before: float
    reviews: int
    p: float
    dispersion: float


def worse(bad: Sequence[int], of: Sequence[int]) -> Change | None:
    """
    The most certain worsening of the newest weeks, or None. `bad` of `of` reviews a week, the newest first.

    By a score test with a continuity correction; its variance is multiplied by the dispersion of the weeks
    before (Pearson's chi-square by its degrees of freedom, at least 1).
    """
    found = [one for weeks in WINDOWS if (one := _worse(bad, of, weeks)) is not None]
    return min(found, key=lambda one: one.p, default=None)


def _worse(bad: Sequence[int], of: Sequence[int], weeks: int) -> Change | None:
    earlier = [(b, n) for b, n in zip(bad[weeks:], of[weeks:], strict=True) if n][:WEEKS_BEFORE]
    now_bad, now = sum(bad[:weeks]), sum(of[:weeks])
    was_bad, was = sum(b for b, _ in earlier), sum(n for _, n in earlier)
    if len(earlier) < LEAST_BEFORE or now < LEAST or was < 3 * LEAST:
        return None
    share, before = now_bad / now, was_bad / was
    pooled = (now_bad + was_bad) / (now + was)
    if share < before + MATTERS or share < TIMES * before or not 0 < pooled < 1:
        return None
    usual = min(max(before, 0.5 / was), 1 - 0.5 / was)
    chi = sum((b - n * usual) ** 2 / (n * usual * (1 - usual)) for b, n in earlier)
    dispersion = max(1.0, chi / (len(earlier) - 1))
    deviation = sqrt(dispersion * pooled * (1 - pooled) * (1 / now + 1 / was))
    z = (share - before - 0.5 / now) / deviation
    # the dispersion is an estimate of few weeks: Student's tail, not the normal one
    p = min(1.0, len(WINDOWS) * float(special.stdtr(len(earlier) - 1, -z)))
    if p >= LEVEL:
        return None
    return Change(
        weeks=weeks, share=share, before=before, reviews=now, p=p, dispersion=round(dispersion, 2)
    )
