"""How many come: orders a week against the weeks before, with their trend and their own unrest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from segmentation.ml.drift.compare import FEWEST, Finding, percent
from segmentation.ml.tables import Floats


SMALLEST_CHANGE = 0.1
"""Of a rate; less is of no account, however sure."""

FEWEST_WEEKS = 6


def weekly(*, name: str, before: Floats, now: float) -> Finding:
    """
    Compare the count of one week, `now`, with those of the weeks before, (w,), oldest first.

    A straight line through the logarithms says what was to be expected; the weeks' own scatter around it, at least
    that of a Poisson count, says how surely (Student's t with w - 2 degrees of freedom, normal where the scatter is
    no more than chance).
    """
    from scipy import stats

    total = float(before.sum())
    base = Finding(name=name, kind="rate", rows_before=int(total), rows_now=int(now), judged=False)
    if len(before) < FEWEST_WEEKS or total / max(len(before), 1) < FEWEST:
        return replace(
            base, words=f"{name}: {len(before)} weeks of {total / max(len(before), 1):.0f}; too few"
        )
    level = np.log(before + 0.5)
    weeks = np.arange(len(before)) - (len(before) - 1) / 2
    slope = float(weeks @ (level - level.mean()) / (weeks @ weeks))
    ahead = (len(before) + 1) / 2
    expected = level.mean() + slope * ahead
    residual = level - level.mean() - slope * weeks
    chance = 1 / max(float(np.exp(expected)), 1.0)
    scatter = float(residual @ residual / (len(before) - 2))
    leverage = 1 + 1 / len(before) + ahead**2 / float(weeks @ weeks)
    spread = max(scatter / chance, 1.0)
    z = (np.log(now + 0.5) - expected) / np.sqrt(chance * spread * leverage)
    tail = stats.t.sf(abs(z), len(before) - 2) if spread > 1 else stats.norm.sf(abs(z))
    change = (now + 0.5) / float(np.exp(expected)) - 1
    return replace(
        base,
        judged=True,
        p=float(2 * tail),
        dispersion=spread,
        before=float(np.exp(expected)),
        now=float(now),
        alarm=abs(change) >= SMALLEST_CHANGE,
        words=f"{name}: {np.exp(expected):,.0f} a week expected, {now:,.0f} came ({percent(change)})",
    )


FEWEST_DAYS = 5
FEWEST_A_DAY = 10


def daily(*, name: str, before: Floats, now: Floats) -> Finding:
    """
    Compare counts a day where there are too few weeks for `weekly`: (d,) each, by Welch's test of their logarithms.

    The pattern of weekdays is in the scatter of both, which makes the test mild.
    """
    from scipy import stats

    base = Finding(
        name=name,
        kind="rate",
        rows_before=int(before.sum()),
        rows_now=int(now.sum()),
        judged=False,
        words=f"{name}: {len(before)} and {len(now)} days; too few",
    )
    if min(len(before), len(now)) < FEWEST_DAYS or before.mean() < FEWEST_A_DAY:
        return base
    first, second = np.log(before + 0.5), np.log(now + 0.5)
    expected, came = float(np.exp(first.mean())), float(np.exp(second.mean()))
    if first.std() + second.std() == 0:
        p = 1.0 if expected == came else 0.0
    else:
        p = float(stats.ttest_ind(first, second, equal_var=False).pvalue)
    return replace(
        base,
        judged=True,
        p=p,
        before=expected,
        now=came,
        alarm=abs(came / expected - 1) >= SMALLEST_CHANGE,
        words=f"{name}: {expected:,.0f} a day before, {came:,.0f} now ({percent(came / expected - 1)})",
    )
