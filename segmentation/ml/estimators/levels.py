"""How much more, or less, customers do than buy-till-you-die says: by origin, and at the moment of scoring.

Seasons move all customers together. So trees learn at every origin relative to that origin's level, and the level to come is
that of the same season a year ago, when it has been seen; else the past levels, the newest counting most, are followed
only as far as they agreed with each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import expit

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.tables import Bools, Floats


YEAR_DAYS = 365.2425

TOLERANCE_DAYS = 16
"""A past moment counts as the same season when it lies this close to a year ago."""

HALF_LIFE_DAYS = 120.0
_USUAL = 0.2  # standard deviation of the logarithm of levels between shops
_NOISE = 0.05  # of one level, where all agree


@dataclass(frozen=True, kw_only=True)
class Levels:
    """log(actual / said) at each origin: (as_of, window_days, logarithm)."""

    seen: tuple[tuple[int, float, float], ...]

    @classmethod
    def of(cls, seen: Sequence[tuple[int, float, float]]) -> Self:
        return cls(seen=tuple((int(a), float(w), float(level)) for a, w, level in seen))

    def at(self, as_of: int, *, ahead: float) -> float:
        """The logarithm of the level to expect in the `ahead` days after `as_of` (epoch seconds)."""
        if not self.seen:
            return 0.0
        season = self.season(as_of, ahead=ahead)
        if season is not None:
            return season
        moments = np.array([row[0] for row in self.seen], dtype=np.float64)
        windows = np.array([row[1] for row in self.seen])
        logs = np.array([row[2] for row in self.seen])
        age = (moments.max() - moments) / SECONDS_PER_DAY
        weight = 0.5 ** (age / HALF_LIFE_DAYS)
        weight /= weight.sum()
        mean = float(weight @ logs)
        spread = float(weight @ (logs - mean) ** 2) + _NOISE**2
        # windows that overlap tell the same again
        span = age.max() + windows[np.argmax(moments)]
        independent = max(1.0, min(len(logs), span / float(np.median(windows))))
        return float(mean * _USUAL**2 / (_USUAL**2 + spread / independent))

    def season(self, as_of: int, *, ahead: float) -> float | None:
        """The level of the same season a year ago, or None when its whole window was not seen."""
        year_ago = as_of - YEAR_DAYS * SECONDS_PER_DAY
        near = [
            (abs(moment - year_ago), level)
            for moment, window, level in self.seen
            if abs(moment - year_ago) <= TOLERANCE_DAYS * SECONDS_PER_DAY and window >= 0.8 * ahead
        ]
        return min(near)[1] if near else None

    def to_list(self) -> list[list[float]]:
        return [list(row) for row in self.seen]

    @classmethod
    def from_document(cls, document: Mapping[str, Any], name: str) -> Self:
        return cls.of([(row[0], row[1], row[2]) for row in document[name]])


def odds_level(odds: Floats, bought: Bools) -> float:
    """What to add to all log-odds (n,) so that as many buy as did; one imagined buyer and one imagined other keep it finite."""
    rate = (float(bought.sum()) + 1) / (len(bought) + 2)
    low, high = -30.0, 30.0
    for _ in range(50):
        middle = (low + high) / 2
        if float(expit(odds + middle).mean()) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2
