"""Logistic regression with an offset and a ridge: the simple model beside the trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import expit

from segmentation.ml.tables import Bools, Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class OffsetLogit:
    """log-odds = offset + z @ weights, where z are features on the scale of sign(x) log(1 + |x|), standardised.

    middle, spread, weights: (p,). What is missing counts as the middle.
    """

    middle: Floats
    spread: Floats
    weights: Floats

    @classmethod
    def fit(cls, values: Floats, bought: Bools, offset: Floats, *, ridge: float = 30.0) -> Self:
        """Values (n, p) with NaN, bought (n,), offset (n,). A feature that is the same for all gets no weight."""
        from scipy.optimize import minimize

        bent = _bent(values)
        known = ~np.isnan(bent)
        count = np.maximum(known.sum(axis=0), 1)
        middle = np.where(known, bent, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, bent - middle, 0.0) ** 2).sum(axis=0) / count)
        spread = np.where(spread > 1e-9, spread, np.inf)
        z = np.where(known, (bent - middle) / spread, 0.0)
        truth = bought.astype(np.float64)

        def loss(weights: Floats) -> tuple[float, Floats]:
            odds = offset + z @ weights
            value = np.sum(np.logaddexp(0, odds) - truth * odds) + ridge / 2 * weights @ weights
            return float(value), z.T @ (expit(odds) - truth) + ridge * weights

        found = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B")
        return cls(middle=middle, spread=spread, weights=np.asarray(found.x, dtype=np.float64))

    def contributions(self, values: Floats) -> Floats:
        """What each feature adds to the log-odds, (n, p)."""
        z = (_bent(values) - self.middle) / self.spread
        return np.where(np.isnan(z), 0.0, z) * self.weights

    def margin(self, values: Floats) -> Floats:
        return np.asarray(self.contributions(values).sum(axis=1), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        used = np.isfinite(self.spread)
        return {
            "middle": self.middle.tolist(),
            "spread": np.where(used, self.spread, 0.0).tolist(),
            "weights": np.where(used, self.weights, 0.0).tolist(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        spread = np.array(document["spread"], dtype=np.float64)
        return cls(
            middle=np.array(document["middle"], dtype=np.float64),
            spread=np.where(spread > 0, spread, np.inf),
            weights=np.array(document["weights"], dtype=np.float64),
        )


def _bent(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)), dtype=np.float64)
