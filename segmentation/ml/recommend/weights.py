"""The weights of the hybrid: which mixture of scores puts what was bought next at the top. Listwise, convex, no tuning."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.ml.tables import Floats, Ints


NEGATIVES = 300
RIDGE = 1e-3
MOST_STEPS = 30
SMALL = 1e-7
"""What another step would still win, of a loss of about one."""
SHORTEST = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Choices:
    """What customers chose among, one after another.

    values: (pairs, k) float32. starts: (customers,) where each one's pairs begin. share: (pairs,) what was chosen,
    0 elsewhere. stands_for: (pairs,) for how many products a pair stands, of those that were drawn by lot.
    """

    values: NDArray[np.float32]
    starts: Ints
    share: Floats
    stands_for: Floats


def drawn(
    wanted: Ints, known: Ints, *, products: int, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Those `wanted` and `known` (positions, ascending) and NEGATIVES of the others; and what each stands for."""
    kept = np.union1d(wanted, known)
    others = products - len(kept)
    if others <= NEGATIVES:
        return np.arange(products), np.ones(products)
    lot = np.setdiff1d(rng.integers(0, products, size=2 * NEGATIVES), kept)
    lot = rng.permutation(lot)[:NEGATIVES]
    weight = np.r_[np.ones(len(kept)), np.full(len(lot), others / max(len(lot), 1))]
    return np.r_[kept, lot], weight


def learn(choices: list[Choices], *, features: int) -> Floats:
    """
    (k,) that maximise the likelihood of what was chosen (a conditional logit), drawn to 0 a little.

    By Newton's method: the loss is convex and k is small, so that some ten steps do.
    """
    weights = np.zeros(features)
    if not choices:
        return weights
    value, slope, curve = _loss(weights, choices)
    for _ in range(MOST_STEPS):
        step = np.linalg.solve(curve, slope)
        if float(slope @ step) < SMALL:
            break
        length = 1.0
        while length > SHORTEST:
            tried = weights - length * step
            found = _loss(tried, choices)
            if found[0] <= value - 1e-4 * length * float(slope @ step):
                break
            length /= 2
        else:
            break
        weights, (value, slope, curve) = tried, found
    return weights


def _loss(weights: Floats, choices: list[Choices]) -> tuple[float, Floats, Floats]:
    """Its value, slope (k,) and curvature (k, k), a share of what was chosen."""
    k, total = len(weights), sum(float(one.share.sum()) for one in choices)
    value, slope, curve = 0.0, np.zeros(k), np.zeros((k, k))
    for one in choices:
        score = (one.values @ weights.astype(np.float32)).astype(np.float64)
        sizes = np.diff(np.r_[one.starts, len(score)])
        highest = np.repeat(np.maximum.reduceat(score, one.starts), sizes)
        power = one.stands_for * np.exp(score - highest)
        sums = np.repeat(np.add.reduceat(power, one.starts), sizes)
        chosen = np.add.reduceat(one.share, one.starts)
        likely = power / sums
        value -= float((one.share * (score - highest - np.log(sums))).sum())
        expected = (np.repeat(chosen, sizes) * likely).astype(np.float32)
        slope += (expected - one.share.astype(np.float32)) @ one.values
        weighted = np.sqrt(expected)[:, None] * one.values
        means = np.add.reduceat(likely.astype(np.float32)[:, None] * one.values, one.starts, axis=0)
        curve += weighted.T @ weighted - (means * chosen[:, None].astype(np.float32)).T @ means
    return (
        value / total + RIDGE * float(weights @ weights),
        slope / total + 2 * RIDGE * weights,
        curve / total + 2 * RIDGE * np.eye(k),
    )
