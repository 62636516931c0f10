"""How much of the gap to the oracle cannot be closed: models that are told the truth, with our features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segmentation.ml.policy import Economics, expected_profit
from segmentation.ml.tables import FeatureTable


Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """Shares of the oracle's profit, and of the variance of true uplift that features explain."""

    by_uplift: float
    by_profit: float
    explained: float


def observable_ceiling(
    *,
    features: FeatureTable,
    truth: pa.Table,
    alone: Floats | None,
    economics: Economics,
    unsubscribe: float,
    worth: tuple[Floats, Floats],
    seed: int,
) -> Ceiling:
    """Fit the true uplift, and the true profit, on half of the customers; judge on the other half.

    `by_uplift` puts the fitted uplift into the learner's own profit formula, with the learner's base rates
    (`alone`) and order values; `by_profit` fits the profit itself.
    """
    profit, uplift = truth["profit_cents"].to_numpy(), truth["uplift"].to_numpy()
    best = float(profit.clip(0).sum())
    fitted_uplift = _two_fold(features.values, uplift * 100, seed) / 100
    fitted_profit = _two_fold(features.values, profit, seed)
    margin, value = worth
    expectation = expected_profit(
        uplift=fitted_uplift,
        deviation=np.zeros(len(uplift)),
        alone=truth["p0"].to_numpy() if alone is None else alone,
        margin_cents=margin,
        value_cents=value,
        unsubscribe=unsubscribe,
        economics=economics,
    )
    return Ceiling(
        by_uplift=float(profit[expectation.pays].sum()) / best,
        by_profit=float(profit[fitted_profit > 0].sum()) / best,
        explained=1 - float(((fitted_uplift - uplift) ** 2).mean() / uplift.var()),
    )


def _two_fold(X: Floats, y: Floats, seed: int) -> Floats:
    import lightgbm as lgb  # noqa: PLC0415 - slow import

    half = np.random.default_rng([seed, 78]).random(len(X)) < 0.5
    fitted = np.empty(len(X))
    settings = {
        "objective": "l2", "num_leaves": 15, "learning_rate": 0.05, "min_data_in_leaf": 50,
        "num_threads": 1, "deterministic": True, "seed": seed, "verbose": -1,
    }  # fmt: skip
    for inside in (half, ~half):
        booster = lgb.train(settings, lgb.Dataset(X[inside], y[inside]), 250)
        fitted[~inside] = booster.predict(X[~inside])
    return fitted
