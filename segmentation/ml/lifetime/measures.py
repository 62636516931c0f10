"""How good forecasts of orders or money are: one number each, customers by customers."""

from dataclasses import dataclass

import numpy as np

from segmentation.ml.metrics import auc, normalised_gini
from segmentation.ml.tables import Floats


@dataclass(frozen=True, kw_only=True)
class Tenth:
    """A tenth of the customers, by what was predicted: means, and the share of all that came true in it."""

    predicted: float
    observed: float
    share: float
    rows: int


def forecast_metrics(
    *, actual: Floats, mean: Floats, median: Floats | None = None
) -> dict[str, float | None]:
    """actual, mean, median: (n,). None where a measure is undefined.

    total_error: of the sum, relative. decile_mape: over ten equal bins by prediction, the mean of |predicted - observed|
    / observed of bins with anything observed. top_tenth: share of all that falls to the tenth predicted best.
    auc: of having anything at all. median_mae: mean absolute error of the medians, which is what a median is for;
    that of a mean (mae) rewards predicting too little.
    """
    from scipy.stats import spearmanr

    total = float(actual.sum())
    varied = len(actual) > 1 and np.ptp(actual) > 0 and np.ptp(mean) > 0
    bins = tenths(actual=actual, predicted=mean)
    off = [abs(one.predicted - one.observed) / one.observed for one in bins if one.observed > 0]
    measured = {
        "mae": float(np.abs(actual - mean).mean()),
        "rmse": float(np.sqrt(np.mean((actual - mean) ** 2))),
        "spearman": float(spearmanr(actual, mean).statistic) if varied else np.nan,
        "gini": normalised_gini(actual=actual, predicted=mean) if varied else np.nan,
        "total_error": float(mean.sum()) / total - 1 if total > 0 else np.nan,
        "decile_mape": float(np.mean(off)) if off else np.nan,
        "top_tenth": bins[-1].share,
        "auc": auc(label=actual > 0, score=mean),
        "mae_of_zero": float(np.abs(actual).mean()),
    }
    if median is not None:
        measured["median_mae"] = float(np.abs(actual - median).mean())
    return {name: None if np.isnan(value) else value for name, value in measured.items()}


def tenths(*, actual: Floats, predicted: Floats) -> tuple[Tenth, ...]:
    """Ten equal parts of the customers by prediction, ascending; ties by input order."""
    total = max(float(actual.sum()), 1e-12)
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(10, len(actual)))
    return tuple(
        Tenth(
            predicted=float(predicted[part].mean()),
            observed=float(actual[part].mean()),
            share=float(actual[part].sum()) / total,
            rows=len(part),
        )
        for part in parts
    )


def coverage(*, actual: Floats, low: Floats, high: Floats) -> float:
    """The share of (n,) that lies within its interval, ends included (to a billionth)."""
    slack = 1e-9 * np.maximum(1.0, high)
    return float(np.mean((actual >= low - slack) & (actual <= high + slack)))
