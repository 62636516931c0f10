"""Measures of predicted uplift on customers of an experiment: arrays of (n,) in, a number out.

outcome: 0/1 or money. treated: 0/1. NaN where a measure cannot be said, for instance without any control row.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from segmentation.ml import metrics
from segmentation.ml.metrics import Interval
from segmentation.ml.tables import Bools, Floats, Ints


def qini(*, outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> float:
    """As scikit-uplift's `qini_auc_score`: by the area of the best order."""
    if not _can(outcome, treated):
        return float("nan")
    return metrics.qini_auc(outcome=outcome, uplift=uplift, treatment=treated)


def auuc(*, outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike) -> float:
    """As scikit-uplift's `uplift_auc_score` (Devriendt et al. 2020): area under difference of rates times size."""
    if not _can(outcome, treated):
        return float("nan")
    y, t = np.asarray(outcome, float), np.asarray(treated, float)
    control_hits, treated_misses = np.sum((y == 1) & (t == 0)), np.sum((y == 0) & (t == 1))
    best = 2.0 * (y == t) + (y if control_hits > treated_misses else t)
    x, found = _curve(y, np.asarray(uplift, float), t)
    x_best, perfect = _curve(y, best, t)
    random = 0.5 * x_best[-1] * perfect[-1]
    room = float(np.trapezoid(perfect, x_best)) - random
    return float((np.trapezoid(found, x) - random) / room) if room else float("nan")


def at_share(
    *, outcome: ArrayLike, uplift: ArrayLike, treated: ArrayLike, share: float = 0.3
) -> float:
    """As scikit-uplift's `uplift_at_k(strategy="overall")`: difference of means among the best `share`."""
    y, t = np.asarray(outcome, float), np.asarray(treated, float)
    best: Ints = np.argsort(np.asarray(uplift, float), kind="stable")[::-1]
    best = best[: int(len(y) * share)]
    return _difference(y[best], t[best])


def incremental_response_rate(
    *, outcome: ArrayLike, treated: ArrayLike, chosen: ArrayLike
) -> float:
    """IRR among the `chosen` (0/1): rate of the treated less rate of the control group."""
    inside = np.asarray(chosen, bool)
    return _difference(np.asarray(outcome, float)[inside], np.asarray(treated, float)[inside])


def net_incremental_revenue(
    *, outcome: ArrayLike, treated: ArrayLike, chosen: ArrayLike, value: float, spent: ArrayLike
) -> float:
    """NIR among the `chosen`: value * treated outcomes - what was spent on the treated - value * control outcomes.

    The definition of the Starbucks promotion exercise, for arms of equal size. spent: (n,) or one number.
    """
    y, t, inside = (
        np.asarray(outcome, float),
        np.asarray(treated, float),
        np.asarray(chosen, bool),
    )
    signed = y * t - y * (1 - t)
    return float(value * signed[inside].sum() - (np.asarray(spent, float) * t)[inside].sum())


def policy_profit(
    *,
    outcome: ArrayLike,
    followed: ArrayLike,
    probability: ArrayLike,
    spent: ArrayLike,
    value: float,
) -> float:
    """Profit per customer of a rule, from customers whom chance treated as the rule would (Horvitz and Thompson 1952).

    followed (0/1): got what the rule says; probability: of that; spent: what the rule pays for the customer. Weights
    add up to one (Hajek).
    """
    weight = np.asarray(followed, float) / np.asarray(probability, float)
    if not weight.sum():
        return float("nan")
    gained = value * np.asarray(outcome, float) - np.asarray(spent, float)
    return float(weight @ gained / weight.sum())


def intervals(
    measures: Mapping[str, Callable[[Ints], float]],
    *,
    rows: int,
    seed: int,
    resamples: int = 200,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Percentile intervals over rows drawn again (Efron 1979), the same rows for every measure: differences are paired.

    A measure takes positions of rows. Where it cannot be said (NaN) it is left out.
    """
    generator = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(resamples):
        which = generator.integers(0, rows, rows)
        for name, measure in measures.items():
            drawn[name].append(measure(which))
    found = {}
    everybody = np.arange(rows)
    for name, values in drawn.items():
        known = np.array(values)[np.isfinite(values)]
        mean = measures[name](everybody)
        if len(known) < resamples / 2 or not np.isfinite(mean):
            continue
        low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
        found[name] = Interval(mean=mean, low=float(low), high=float(high))
    return found


def _can(outcome: ArrayLike, treated: ArrayLike) -> bool:
    """Both arms are there, and outcomes differ."""
    y, t = np.asarray(outcome, float), np.asarray(treated, float)
    return bool(0 < t.sum() < len(t) and y.min() < y.max())


def _difference(outcome: Floats, treated: Floats) -> float:
    got: Bools = treated == 1
    if got.all() or not got.any():
        return float("nan")
    return float(outcome[got].mean() - outcome[~got].mean())


def _curve(y: Floats, uplift: Floats, t: Floats) -> tuple[Floats, Floats]:
    order: Ints = np.argsort(uplift, kind="stable")[::-1]
    y, uplift, t = y[order], uplift[order], t[order]
    ends = np.r_[np.flatnonzero(np.diff(uplift)), len(uplift) - 1]
    reached = (ends + 1).astype(float)
    n_treated, n_control = np.cumsum(t)[ends], np.cumsum(1 - t)[ends]
    rate_treated = _divided(np.cumsum(y * t)[ends], n_treated)
    rate_control = _divided(np.cumsum(y * (1 - t))[ends], n_control)
    return np.r_[0.0, reached], np.r_[0.0, (rate_treated - rate_control) * reached]


def _divided(part: Floats, whole: Floats) -> Floats:
    found: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)
    return found
