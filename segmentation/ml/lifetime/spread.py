"""What may happen instead of what is expected: medians and intervals, from how buyers of the past scattered.

A future is nothing with the probability 1 - p, else a multiple of the mean of those who buy, E / p. How those multiples
scatter is read off past windows that the trees had not learned from, in bins of E.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segmentation.ml.tables import Floats


BINS = 8
LEVELS = np.linspace(0.01, 0.99, 50)
_FEWEST = 40
"""Buyers in a bin: below, its tenth and ninetieth percentile are guesses."""

INSIDE = 0.8
"""The share of futures that an interval is to hold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Spread:
    """logs: (bins,) ascending logarithms of E at the middle of each bin. multiples: (bins, levels), rising along rows.

    held: the level of the upper end of the interval for customers who may well not buy, as calibrated.
    """

    logs: Floats
    multiples: Floats
    held: float = INSIDE

    @classmethod
    def fit(cls, *, expected: Floats, p_buy: Floats, actual: Floats) -> Self:
        """All (n,); who bought nothing tells through `p_buy` only. A shop without buyers gets exponential waits."""
        bought = actual > 0
        if bought.sum() < _FEWEST:
            return cls(logs=np.zeros(1), multiples=-np.log1p(-LEVELS)[None, :])
        said = np.maximum(expected[bought], 1e-12)
        multiple = actual[bought] * p_buy[bought] / said
        bins = int(min(BINS, bought.sum() // _FEWEST))
        parts = np.array_split(np.argsort(said, kind="stable"), bins)
        raw = cls(
            logs=np.array([float(np.log(said[part]).mean()) for part in parts]),
            multiples=np.array([np.quantile(multiple[part], LEVELS) for part in parts]),
        )
        return raw._calibrated(expected=expected, p_buy=p_buy, actual=actual)

    def quantile(self, level: Floats | float, *, expected: Floats, p_buy: Floats) -> Floats:
        """The value that the future stays below with the probability `level`, (n,); 0 where nothing is that likely."""
        p = np.clip(p_buy, 1e-9, 1.0)
        among_buyers = (level - (1 - p)) / p
        place = np.interp(np.log(np.maximum(expected, 1e-12)), self.logs, np.arange(len(self.logs)))
        low = np.minimum(place.astype(np.int64), max(len(self.logs) - 2, 0))
        high = np.minimum(low + 1, len(self.logs) - 1)
        share = place - low
        column = np.interp(among_buyers, LEVELS, np.arange(len(LEVELS)))
        left = np.minimum(column.astype(np.int64), len(LEVELS) - 2)
        part = column - left
        multiple = np.zeros(len(p))
        for row, weight in ((low, 1 - share), (high, share)):
            here = (1 - part) * self.multiples[row, left] + part * self.multiples[row, left + 1]
            multiple += weight * here
        return np.where(among_buyers > 0, multiple * expected / p, 0.0)

    def interval(self, *, expected: Floats, p_buy: Floats) -> tuple[Floats, Floats]:
        """The ends of the interval that holds INSIDE of the futures.

        Who is likely to buy nothing gets an interval from 0, and all that it leaves out lies above it; who buys almost
        surely, one that leaves out as much at both ends.
        """
        nothing = 1 - p_buy
        tail = (1 - INSIDE) / 2
        below = np.maximum(tail - nothing, 0.0)
        above = np.maximum(self.held + tail - nothing, self.held)
        low = self.quantile(below, expected=expected, p_buy=p_buy)
        return low, self.quantile(above, expected=expected, p_buy=p_buy)

    def to_dict(self) -> dict[str, Any]:
        return {
            "logs": self.logs.tolist(),
            "multiples": self.multiples.tolist(),
            "held": self.held,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            logs=np.array(document["logs"], dtype=np.float64),
            multiples=np.array(document["multiples"], dtype=np.float64),
            held=float(document["held"]),
        )

    def _calibrated(self, *, expected: Floats, p_buy: Floats, actual: Floats) -> Self:
        """Move the upper level until the intervals that are more than a point hold what they should."""
        best, error = self, np.inf
        for held in np.linspace(0.70, 0.89, 20):
            tried = type(self)(logs=self.logs, multiples=self.multiples, held=float(held))
            low, high = tried.interval(expected=expected, p_buy=p_buy)
            wide = high > 0
            if not wide.any():
                continue
            inside = float(((actual >= low) & (actual <= high))[wide].mean())
            if abs(inside - INSIDE) < error - 1e-9:
                best, error = tried, abs(inside - INSIDE)
        return best
