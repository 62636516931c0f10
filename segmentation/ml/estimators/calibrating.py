"""Beta calibration (Kull, Silva Filho, Flach 2017): bend predicted probabilities to what came true."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from segmentation.ml.tables import Bools, Floats


Beta = tuple[float, float, float]
"""a, b, c of logit(q) = a ln p - b ln(1 - p) + c; (1, 1, 0) changes nothing."""


def beta_calibration(probability: Floats, bought: Bools) -> Beta:
    """Fit with a, b >= 0, so that the order stays; a weak pull to (1, 1, 0)."""
    from scipy.optimize import minimize

    p = np.clip(probability, 1e-9, 1 - 1e-9)
    low, high, truth = np.log(p), -np.log1p(-p), bought.astype(np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = weights[0] * low + weights[1] * high + weights[2]
        pull = weights - np.array([1.0, 1.0, 0.0])
        value = np.sum(np.logaddexp(0, z) - truth * z) + 5 * np.sum(pull**2)
        error = expit(z) - truth
        gradient = np.array([error @ low, error @ high, error.sum()]) + 10 * pull
        return float(value), gradient

    start = np.array([1.0, 1.0, 0.0])
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)]
    )
    a, b, c = (float(weight) for weight in found.x)
    return a, b, c


def calibrated(probability: Floats, calibration: Beta) -> Floats:
    a, b, c = calibration
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(expit(a * np.log(p) - b * np.log1p(-p) + c), dtype=np.float64)
