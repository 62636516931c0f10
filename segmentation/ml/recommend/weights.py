"""The weights of the hybrid: which mixture of scores puts what was bought next at the top. Listwise, convex, no tuning."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.ml.tables import Floats, Ints


NEGATIVES = 300
RIDGE = 1e-3


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
    """(k,) that maximise the likelihood of what was chosen (a conditional logit), drawn to 0 a little."""
    from scipy.optimize import minimize

    if not choices:
        return np.zeros(features)
    total = sum(float(one.share.sum()) for one in choices)

    def loss(weights: Floats) -> tuple[float, Floats]:
        value, slope = 0.0, np.zeros(features)
        for one in choices:
            score = (one.values @ weights.astype(np.float32)).astype(np.float64)
            sizes = np.diff(np.r_[one.starts, len(score)])
            highest = np.repeat(np.maximum.reduceat(score, one.starts), sizes)
            power = one.stands_for * np.exp(score - highest)
            sums = np.repeat(np.add.reduceat(power, one.starts), sizes)
            chosen = np.repeat(np.add.reduceat(one.share, one.starts), sizes)
            value -= float((one.share * (score - highest - np.log(sums))).sum())
            difference = (chosen * power / sums - one.share).astype(np.float32)
            slope += difference @ one.values
        return (
            value / total + RIDGE * float(weights @ weights),
            slope / total + 2 * RIDGE * weights,
        )

    found = minimize(
        loss, np.zeros(features), jac=True, method="L-BFGS-B", options={"maxiter": 100}
    )
    learned: Floats = found.x
    return learned
