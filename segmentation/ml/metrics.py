"""Measures of predictions: arrays in, a number out. All arrays are (n,); labels are 0 or 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from segmentation.ml.tables import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean with the bounds of its interval, in the unit of what was averaged."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Ten of these make the calibration curve: what was predicted, what came, of how many."""

    predicted: float
    observed: float
    rows: int


def auc(*, label: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve (Hanley and McNeil 1982); NaN when only one class is there."""
    truth = np.asarray(label)
    if truth.min() == truth.max():
        return float("nan")
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, np.asarray(score)))


def average_precision(*, label: ArrayLike, score: ArrayLike) -> float:
    """Mean of the precision at each positive, in the order of the score (scikit-learn's definition)."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(np.asarray(label), np.asarray(score)))


def brier(*, label: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared error of the probability (Brier 1950)."""
    return float(np.mean((np.asarray(probability, float) - np.asarray(label, float)) ** 2))


def log_losses(*, label: ArrayLike, probability: ArrayLike) -> Floats:
    """Logarithmic loss in nats per row, (n,); probabilities are kept 1e-12 away from 0 and 1."""
    p = np.clip(np.asarray(probability, float), 1e-12, 1 - 1e-12)
    losses: Floats = np.where(np.asarray(label, bool), -np.log(p), -np.log1p(-p))
    return losses


def log_loss(*, label: ArrayLike, probability: ArrayLike) -> float:
    """Mean logarithmic loss in nats (Good 1952)."""
    return float(log_losses(label=label, probability=probability).mean())


def calibration(
    *, label: ArrayLike, probability: ArrayLike, bins: int = 10
) -> tuple[CalibrationBin, ...]:
    """Compare prediction and truth in `bins` equal widths of probability; empty bins are left out."""
    truth, p = np.asarray(label, float), np.asarray(probability, float)
    which = np.minimum((p * bins).astype(int), bins - 1)
    return tuple(
        CalibrationBin(
            predicted=float(p[which == number].mean()),
            observed=float(truth[which == number].mean()),
            rows=int(np.sum(which == number)),
        )
        for number in np.unique(which)
    )


def ece(*, label: ArrayLike, probability: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins (Naeini, Cooper, Hauskrecht 2015)."""
    curve = calibration(label=label, probability=probability, bins=bins)
    rows = sum(one.rows for one in curve)
    return sum(abs(one.predicted - one.observed) * one.rows for one in curve) / rows


def top_decile_lift(*, label: ArrayLike, score: ArrayLike) -> float:
    """Rate of positives in the best tenth by score, divided by the rate of all; ties by input order."""
    truth = np.asarray(label, float)
    best = np.argsort(-np.asarray(score, float), kind="stable")[: max(1, len(truth) // 10)]
    return float(truth[best].mean() / truth.mean()) if truth.any() else float("nan")


def gains(
    *, label: ArrayLike, score: ArrayLike, points: int = 20
) -> tuple[tuple[float, float], ...]:
    """Cumulative gains: the share of the positives found in the best share of the rows, from (0, 0) to (1, 1).

    Rows with the same score count as if their order were drawn: the curve is straight through them.
    """
    truth, order = np.asarray(label, float), np.asarray(score, float)
    if not len(truth) or not truth.any():
        return ()
    values, which, rows = np.unique(-order, return_inverse=True, return_counts=True)
    found = np.bincount(which, weights=truth, minlength=len(values))
    x = np.r_[0.0, np.cumsum(rows)] / len(truth)
    y = np.r_[0.0, np.cumsum(found)] / truth.sum()
    shares = np.linspace(0, 1, points + 1)
    return tuple(
        (round(float(share), 4), round(float(gain), 4))
        for share, gain in zip(shares, np.interp(shares, x, y), strict=True)
    )


def normalised_gini(*, actual: ArrayLike, predicted: ArrayLike) -> float:
    """Gini of the order given by the prediction, by that of the perfect order (Wang et al. 2019, ZILN).

    Ties keep the input order. 1 is a perfect ranking, 0 none.
    """
    values = np.asarray(actual, float)
    return _gini(values, np.asarray(predicted, float)) / _gini(values, values)


def _gini(actual: Floats, key: Floats) -> float:
    captured = np.cumsum(actual[np.argsort(-key, kind="stable")]) / actual.sum()
    return float(captured.sum() / len(actual) - (len(actual) + 1) / (2 * len(actual)))


def paired_bootstrap(
    *, first: ArrayLike, second: ArrayLike, seed: int, resamples: int = 1_000, level: float = 0.95
) -> Interval:
    """Percentile interval of mean(first - second) over rows drawn again in pairs (Efron 1979).

    For losses: an interval below zero says that `first` is better.
    """
    difference = np.asarray(first, float) - np.asarray(second, float)
    generator = np.random.default_rng(seed)
    rows = len(difference)
    means = np.array(
        [difference[generator.integers(0, rows, rows)].mean() for _ in range(resamples)]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean=float(difference.mean()), low=float(low), high=float(high))


def qini_auc(*, outcome: ArrayLike, uplift: ArrayLike, treatment: ArrayLike) -> float:
    """Qini coefficient as scikit-uplift's `qini_auc_score` gives it.

    Area between the Qini curve (Radcliffe 2007) and the line of a random order, by the same area for
    the perfect order, which is allowed negative effects. treatment is 0 or 1.
    """
    y = np.asarray(outcome, float)
    treated = np.asarray(treatment, float)
    x_model, y_model = _qini_curve(y, np.asarray(uplift, float), treated)
    x_best, y_best = _qini_curve(y, y * treated - y * (1 - treated), treated)
    random = 0.5 * x_best[-1] * y_best[-1]
    return float(
        (np.trapezoid(y_model, x_model) - random) / (np.trapezoid(y_best, x_best) - random)
    )


def _qini_curve(y: Floats, uplift: Floats, treated: Floats) -> tuple[Floats, Floats]:
    order: Ints = np.argsort(uplift, kind="stable")[::-1]
    y, uplift, treated = y[order], uplift[order], treated[order]
    ends = np.r_[np.flatnonzero(np.diff(uplift)), len(uplift) - 1]
    reached = (ends + 1).astype(float)
    n_treated = np.cumsum(treated)[ends]
    n_control = reached - n_treated
    ratio = np.divide(n_treated, n_control, out=np.zeros_like(reached), where=n_control != 0)
    gained = np.cumsum(y * treated)[ends] - np.cumsum(y * (1 - treated))[ends] * ratio
    return np.r_[0.0, reached], np.r_[0.0, gained]


def macro_f1(*, said: Ints, true: Ints) -> float:
    """The mean F1 of the classes that are said or true."""
    scores = []
    for one in np.union1d(said, true):
        hit = float(((said == one) & (true == one)).sum())
        scores.append(2 * hit / float((said == one).sum() + (true == one).sum()))
    return float(np.mean(scores))
