"""The uplift as far as P(order) alone tells: what is believed before customers are shown to differ.

A mail may add the same to everybody, or more to those who buy more anyway; published effects lie between. How steeply
the uplift rises with P(order) is learned, starting from what mails usually do: without data, that decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segmentation.ml.tables import Floats


_USUAL = 0.3  # of the rate of orders: what a mail usually adds (Hillstrom 2008: 0.9; tests with holdouts: 0.1 to 0.4)
_SPREAD = 0.3  # of that rate: by how much mails of shops differ
_STEEPNESS = 0.4  # of the uplift, per unit of the logarithm of P(order): from the same for all (0) to in proportion (1)
_RANGE = 10.0  # times the rate, up and down: beyond, customers count alike


@dataclass(frozen=True, kw_only=True)
class Level:
    """uplift = mean[0] + mean[1] * log(P(order) / rate), with the covariance of `mean`."""

    rate: float
    mean: Floats
    covariance: Floats

    @classmethod
    def fit(cls, *, base: Floats, lever: Floats, residual: Floats, variance: Floats) -> Self:
        """Bayesian linear regression of the residual outcome on lever * (1, log(P(order) / rate)); all (n,).

        `base`: P(order) halfway between the arms; `lever`: treated less its propensity; `residual`: ordered less
        expected, with the `variance` of its noise.
        """
        rate = float(base.mean())
        design = lever[:, None] * _design(base, rate)
        weighted = design / variance[:, None]
        prior = _USUAL * rate * np.array([1, _STEEPNESS])
        precision = np.diag((_SPREAD * rate * np.array([1, _STEEPNESS])) ** -2)
        covariance: Floats = np.linalg.inv(weighted.T @ design + precision).astype(np.float64)
        mean = covariance @ (weighted.T @ residual + precision @ prior)
        return cls(rate=rate, mean=mean, covariance=covariance)

    def predict(self, base: Floats) -> tuple[Floats, Floats]:
        """Uplift of customers with this P(order), and its standard deviation; (n,) each."""
        design = _design(base, self.rate)
        spread = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        return design @ self.mean, np.sqrt(spread)

    def to_dict(self) -> dict[str, Any]:
        return {
            "rate": self.rate,
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Self:
        return cls(
            rate=tree["rate"],
            mean=np.array(tree["mean"]),
            covariance=np.array(tree["covariance"]),
        )


def _design(base: Floats, rate: float) -> Floats:
    return np.column_stack([np.ones(len(base)), np.log(np.clip(base / rate, 1 / _RANGE, _RANGE))])
