"""Boosted trees on top of an offset, for counts, money and yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from segmentation.ml.boosting import steady
from segmentation.ml.tables import Floats


ORDERS: Final = "poisson"
MONEY: Final = "tweedie"
BUYS: Final = "binary"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    Small trees and strong leaves. Above `most_rows`, all origins together, a fixed share of the customers is used.
    The trees learn nothing from the features in `left_out`.
    """

    seed: int = 42
    num_threads: int = 1
    trees: int = 120
    learning_rate: float = 0.03
    leaves: int = 8
    rows_per_leaf: int = 200
    most_rows: int = 200_000
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Trees:
    """LightGBM in its text form, parsed once."""

    text: str

    @cached_property
    def booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def margin(self, values: Floats, *, num_threads: int = 1) -> Floats:
        """What the trees add to the offset, (n,): to the log of the mean, or to the log-odds."""
        if not len(values):
            return np.empty(0)
        raw = self.booster.predict(values, raw_score=True, num_threads=num_threads)
        return np.asarray(raw, dtype=np.float64)

    def contributions(self, values: Floats) -> Floats:
        """What each column adds, (n, p), by TreeSHAP: exact, and some 300 times the price of a margin."""
        parts = self.booster.predict(values, pred_contrib=True, num_threads=1)
        return np.asarray(parts, dtype=np.float64)[:, :-1]


def prepared(values: Floats, *, settings: Settings) -> Any:
    """Columns in bins, (n, p), once for all that is learned from the same rows."""
    import lightgbm

    return lightgbm.Dataset(values, params=_binning(settings)).construct()


def grow(data: Any, label: Floats, offset: Floats, *, objective: str, settings: Settings) -> Trees:
    """Learn `label` (n,) given `offset` (n,), a logarithm of the mean or log-odds; `data` is `prepared`."""
    import lightgbm

    parameters = _binning(settings) | {
        "objective": objective,
        "boost_from_average": False,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "lambda_l2": 5.0,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
    }
    if objective == ORDERS:
        parameters["poisson_max_delta_step"] = 0.3
    data.set_label(label)
    data.set_init_score(offset)
    booster = lightgbm.train(parameters, data, num_boost_round=settings.trees)
    return Trees(text=str(booster.model_to_string()))


def _binning(settings: Settings) -> dict[str, Any]:
    return steady(
        rows_per_leaf=settings.rows_per_leaf,
        seed=settings.seed,
        num_threads=settings.num_threads,
    )
