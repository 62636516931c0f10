"""P(order in the outcome window | features, mailed or not): boosted trees on every logged round.

Serves three purposes: the nuisance function of the uplift model, the base rate in the profit of a mail, and
the response-only policy that uplift is measured against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 3
_TREES = 200


@dataclass(frozen=True, kw_only=True)
class ResponseModel:
    """LightGBM in its own text form; `features` is the number of columns it expects."""

    booster_text: str
    features: int

    @classmethod
    def fit(cls, *, X: Floats, treated: Floats, ordered: Floats, seed: int) -> ResponseModel:
        """X (n, p) with NaN allowed, treated and ordered 0/1 (n,)."""
        import lightgbm as lgb

        data = lgb.Dataset(np.column_stack([X, treated]), ordered, free_raw_data=True)
        booster = lgb.train(
            {
                "objective": "binary",
                "num_leaves": 7,
                "learning_rate": 0.03,
                "feature_fraction": 0.6,
                "min_data_in_leaf": 100,
                "max_bin": 127,
                "num_threads": 1,  # the same bytes on every machine
                "deterministic": True,
                "seed": seed,
                "verbose": -1,
            },
            data,
            _TREES,
        )
        return cls(booster_text=booster.model_to_string(), features=X.shape[1])

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """P(order) if left alone and if mailed; both of shape (n,)."""
        import lightgbm as lgb

        if X.shape[1] != self.features:
            raise ValueError(f"The model was fitted on {self.features} features, not {X.shape[1]}.")
        booster = lgb.Booster(model_str=self.booster_text)
        alone, mailed = (
            booster.predict(np.column_stack([X, np.full(len(X), arm)]), num_threads=1)
            for arm in (0.0, 1.0)
        )
        return np.asarray(alone), np.asarray(mailed)

    def to_dict(self) -> dict[str, Any]:
        return {"booster_text": self.booster_text, "features": self.features}

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> ResponseModel:
        return cls(booster_text=tree["booster_text"], features=tree["features"])


def folds(customer: Ints, *, seed: int, count: int = FOLDS) -> Ints:
    """The fold of each row: a customer's rows stay together."""
    return np.asarray(
        np.random.default_rng(seed).permutation(int(customer.max()) + 1)[customer] % count
    )


def cross_fitted(
    *, X: Floats, treated: Floats, ordered: Floats, customer: Ints, seed: int
) -> tuple[Floats, Floats]:
    """P(order) of each row, alone and mailed, by a model that has not seen the row's customer."""
    fold = folds(customer, seed=seed)
    alone, mailed = np.empty(len(X)), np.empty(len(X))
    for part in range(FOLDS):
        inside, outside = fold != part, fold == part
        if not outside.any():
            continue
        model = ResponseModel.fit(
            X=X[inside], treated=treated[inside], ordered=ordered[inside], seed=seed
        )
        alone[outside], mailed[outside] = model.predict(X[outside])
    return alone, mailed
