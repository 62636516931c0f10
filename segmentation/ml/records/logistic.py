"""Logistic regression whose coefficients are shrunk group by group, by as much as the data say.

Every group of coefficients is drawn from N(0, variance of the group). The variance is found by MacKay's fixed point
(1992, "The evidence framework applied to classification networks") between Newton steps: no grid, no inner folds.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from segmentation.ml.tables import Floats, Ints


_STEPS = 60
_ENOUGH = 1e-4


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """coefficients (p,); covariance (p, p) of their posterior; ridge (p,): one over the variance of the prior."""

    coefficients: Floats
    covariance: Floats
    ridge: Floats

    @classmethod
    def fit(
        cls,
        design: Floats,
        label: ArrayLike,
        *,
        groups: Ints,
        typical: Floats,
        ridge: Floats | None = None,
        start: Floats | None = None,
    ) -> Self:
        """Fit on design (n, p) and label 0/1 (n,).

        groups (p,): the coefficients of group 0 are not shrunk. typical (groups + 1,): a standard deviation by group,
        which counts as one imagined coefficient. A `ridge` that is given is kept; `start`: first coefficients.
        """
        y = np.asarray(label, float)
        beta = np.zeros(design.shape[1]) if start is None else start.copy()
        penalty = _first(groups, typical) if ridge is None else ridge
        covariance = np.eye(design.shape[1])
        for _ in range(_STEPS):
            p = expit(design @ beta)
            weight = np.maximum(p * (1 - p), 1e-9)
            hessian = (design * weight[:, None]).T @ design + np.diag(penalty + 1e-8 * len(y))
            factor = cho_factor(hessian, lower=True)
            step = cho_solve(factor, design.T @ (y - p) - penalty * beta)
            longest = float(np.abs(design @ step).max())
            beta = beta + step * min(1.0, 4.0 / max(longest, 1e-12))
            covariance = cho_solve(factor, np.eye(len(beta)))
            before = penalty
            if ridge is None:
                penalty = _updated(penalty, beta, np.diag(covariance), groups, typical)
            settled = np.all(np.abs(np.log((penalty + 1e-12) / (before + 1e-12))) < 0.02)
            if longest < _ENOUGH or (longest < 0.01 and settled):
                break
        return cls(coefficients=beta, covariance=covariance, ridge=penalty)

    def logit(self, design: Floats) -> Floats:
        return np.asarray(design @ self.coefficients)

    def probability(self, design: Floats) -> Floats:
        return np.asarray(expit(design @ self.coefficients))


def _first(groups: Ints, typical: Floats) -> Floats:
    return np.where(groups == 0, 0.0, 1.0 / np.maximum(typical, 1e-9)[groups] ** 2)


def _updated(
    penalty: Floats, beta: Floats, variance: Floats, groups: Ints, typical: Floats
) -> Floats:
    renewed = penalty.copy()
    for group in range(1, int(groups.max()) + 1):
        rows = groups == group
        used = float(np.sum(1 - penalty[rows] * variance[rows]))
        energy = float(beta[rows] @ beta[rows]) + typical[group] ** 2
        renewed[rows] = (max(used, 0.0) + 1) / max(energy, 1e-12)
    return renewed
