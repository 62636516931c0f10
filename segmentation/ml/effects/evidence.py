"""Whether held-out customers differ in the effect as predicted, and how much of the prediction to believe."""

from dataclasses import dataclass

import numpy as np

from segmentation.ml.tables import Floats, Ints


SURE = 1.96
ONE_SIDED, ONE_SIDED_OF_FEW = 1.645, 2.326
"""Differences are believed when Qini is above zero at 95 %; at 99 % where outcomes are too few for normal errors."""
FEW = 10
"""Outcomes a column below which they are few (Peduzzi et al. 1996)."""
COUNTED_TWICE = 1.55
"""Every fold is predicted from the others and helps to predict them, so each pair of rows counts twice: where nobody
differs, a statistic over all folds has √2 times the deviation that its error says, and a mean a little above zero. With
treatments shuffled, one in twenty was above 1.55 * 1.645 errors (benchmarks/README.md)."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A Qini coefficient over held-out rows with its standard error, in outcomes per customer; reach: in errors."""

    qini: float
    error: float
    reach: float

    @property
    def interval(self) -> tuple[float, float]:
        """Both bounds are one-sided: differences are proven when the lower one is above zero."""
        return self.qini - self.reach * self.error, self.qini + self.reach * self.error

    @property
    def proven(self) -> bool:
        return self.interval[0] > 0

    @property
    def likely(self) -> float:
        """The share of differences not due to chance, as far as that can be told: James and Stein's, in [0, 1]."""
        if self.error == 0 or self.qini <= 0:
            return 0.0
        return max(0.0, 1 - (COUNTED_TWICE * self.error / self.qini) ** 2)


def influence(*, effect: Floats, score: Floats, fold: Ints) -> Floats:
    """Contribution of each row to the Qini coefficient, (n,); the mean is the coefficient.

    Area between the Qini curve and that of a random order, as an average of rank-weighted doubly robust scores
    (Yadlowsky et al. 2025, "Evaluating treatment prioritization rules via rank-weighted average treatment effects").
    Ranks are taken within folds, whose models differ. Equal effects share their rank.
    """
    from scipy.stats import rankdata

    found = np.zeros(len(score))
    for number in np.unique(fold):
        inside = fold == number
        rank = rankdata(effect[inside]) / inside.sum()
        found[inside] = (rank - rank.mean()) * (score[inside] - score[inside].mean())
    return found


def held(parts: Floats, *, few: bool, learned: bool) -> Held:
    """Parts (n,): what `influence` gives. learned: the effect was learned from differences, not from the outcome alone."""
    reach = (ONE_SIDED_OF_FEW if few else ONE_SIDED) * (COUNTED_TWICE if learned else 1)
    error = float(parts.std() / np.sqrt(len(parts)))
    return Held(qini=float(parts.mean()), error=error, reach=reach)


def slope(*, effect: Floats, score: Floats, fold: Ints, precision: Floats) -> tuple[float, float]:
    """Of held-out scores on predicted effects, with its error: 1 when they differ as much as predicted.

    The best linear predictor of Chernozhukov et al. (2018), with an average of its own for each fold.
    """
    total = np.bincount(fold, precision)
    moved = effect - (np.bincount(fold, precision * effect) / total)[fold]
    rest = score - (np.bincount(fold, precision * score) / total)[fold]
    energy = float(precision @ moved**2)
    if energy < 1e-12 * float(precision @ score**2) or np.ptp(effect) < 1e-12:
        return 0.0, 1.0
    value = float(precision @ (moved * rest)) / energy
    error = float(np.sqrt(np.sum((precision * moved * (rest - value * moved)) ** 2))) / energy
    return value, error


def weights(parts: Floats) -> Floats:
    """Of learners, from their held-out Qini contributions (n, learners); they add up to 1.

    In proportion to the Qini, as far as the learners differ by more than chance, and equal for the rest (James and
    Stein's share: one less the variance of chance over the variance seen).
    """
    learners = parts.shape[1]
    qini = np.maximum(parts.mean(axis=0), 0)
    equal = np.full(learners, 1 / learners)
    if qini.sum() == 0:
        return equal
    apart = parts - parts.mean(axis=1, keepdims=True)
    chance = float(np.mean(apart.var(axis=0))) / len(parts)
    seen = float(np.var(parts.mean(axis=0)))
    share = max(0.0, 1 - chance / seen) if seen > 0 else 0.0
    found: Floats = (1 - share) * equal + share * qini / qini.sum()
    return found
