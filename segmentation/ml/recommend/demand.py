"""How many pieces of each product the coming four weeks will take: a level that forgets, and how far it was off before."""

from dataclasses import dataclass

import numpy as np

from segmentation.ml.tables import Floats


WEEKS = 4
HALF_LIVES = (1.0, 2.0, 4.0, 8.0, 16.0)
ORIGINS = 4
LOW, HIGH = 0.1, 0.9
LEAST, FEWEST = 1.0, 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Demand:
    """Of m products: expected, low and high (m,) pieces. half_life: weeks, chosen by earlier months.

    covered: the share of products that lay between low and high in the newest month that is known, of those that were
    expected to sell at all; its interval came from the months before. None with too little history.
    """

    expected: Floats
    low: Floats
    high: Floats
    half_life: float
    covered: float | None


def forecast(weekly: Floats) -> Demand:
    """weekly: (m, w) pieces, the oldest week first, the last one complete."""
    m, w = weekly.shape
    origins = [
        w - WEEKS * number for number in range(1, ORIGINS + 1) if w - WEEKS * number >= WEEKS
    ]
    if not origins:
        mean = weekly.mean(axis=1) * WEEKS if w else np.zeros(m)
        spread = 1.3 * np.sqrt(mean + mean**2)
        return Demand(expected=mean, low=np.maximum(mean - spread, 0), high=mean + spread,
                      half_life=HALF_LIVES[-1], covered=None)  # fmt: skip
    actual = [weekly[:, origin : origin + WEEKS].sum(axis=1) for origin in origins]
    loss = {
        half: float(
            np.mean(
                [
                    _deviance(level(weekly[:, :origin], half), real)
                    for origin, real in zip(origins, actual, strict=True)
                ]
            )
        )
        for half in HALF_LIVES
    }
    half = min(HALF_LIVES, key=lambda one: (loss[one], one))
    earlier = [level(weekly[:, :origin], half) for origin in origins]
    covered = None
    if len(origins) > 1:
        low, high = _around(earlier[0], earlier[1:], actual[1:])
        known = earlier[0] >= 1
        if known.any():
            covered = float(((actual[0] >= low) & (actual[0] <= high))[known].mean())
    expected = level(weekly, half)
    low, high = _around(expected, earlier, actual)
    return Demand(expected=expected, low=low, high=high, half_life=half, covered=covered)


def level(weekly: Floats, half_life: float) -> Floats:
    """(m,) pieces in four weeks at the mean of past weeks, each worth half of one `half_life` weeks later."""
    weight = 0.5 ** (np.arange(weekly.shape[1])[::-1] / half_life)
    pieces: Floats = WEEKS * (weekly @ weight) / weight.sum()
    return pieces


def _around(expected: Floats, said: list[Floats], real: list[Floats]) -> tuple[Floats, Floats]:
    """
    Eight of ten earlier misses, as ratios, laid around `expected`: of products that sold about as much.

    Ratios, because one order of a wholesaler would otherwise widen every range of the shop.
    """
    before, after = np.concatenate(said), np.concatenate(real)
    ratio = np.log((after + 1) / (before + 1))
    known = before >= LEAST
    if known.sum() < 2 * FEWEST:
        known = np.ones(len(before), dtype=bool)
    edges = np.quantile(before[known], [1 / 3, 2 / 3]) if len(before) else np.zeros(2)
    group, asked = np.searchsorted(edges, before), np.searchsorted(edges, expected)
    low, high = np.zeros(len(expected)), np.zeros(len(expected))
    for number in range(3):
        mine = ratio[known & (group == number)]
        if len(mine) < FEWEST:
            mine = ratio[known]
        bounds = np.quantile(mine, [LOW, HIGH]) if len(mine) else np.array([-1.0, 1.0])
        there = asked == number
        low[there], high[there] = min(float(bounds[0]), 0.0), max(float(bounds[1]), 0.0)
    return (
        np.maximum((expected + 1) * np.exp(low) - 1, 0.0),
        np.maximum((expected + 1) * np.exp(high) - 1, expected),
    )


def _deviance(expected: Floats, real: Floats) -> float:
    """Of Poisson, summed: it counts busy and quiet products alike."""
    mean = np.maximum(expected, 0.05)
    return float(
        2
        * np.sum(
            np.where(real > 0, real * np.log(np.maximum(real, 1e-9) / mean), 0) - (real - mean)
        )
    )
