"""The maximum of a log likelihood over the logarithms of its parameters."""

from typing import Protocol

import numpy as np

from segmentation.ml.tables import Floats


_RANGE = 12.0  # a parameter of e^12 or e^-12 says: there is no maximum


class NotFoundError(ArithmeticError):
    """The likelihood has no maximum that can be found: too few repeat orders, or all alike."""


class Target(Protocol):
    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        """The log likelihood and its gradient."""
        ...

    def __len__(self) -> int: ...


def maximise(target: Target, *, start: Floats, centre: Floats, prior: float) -> Floats:
    """Return the logarithms at the maximum of the likelihood and of a normal prior of that precision around `centre`.

    Raises NotFoundError when the maximum lies at the edge of what is sensible.
    """
    from scipy.optimize import minimize

    rows = max(len(target), 1)

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, gradient = target(logs)
        away = logs - centre
        return (
            float(-value + 0.5 * prior * np.sum(away**2)) / rows,
            (-gradient + prior * away) / rows,
        )

    with np.errstate(all="ignore"):
        found = minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=[(-_RANGE, _RANGE)] * len(start),
            options={"maxiter": 300, "ftol": 1e-13, "gtol": 1e-7},
        )  # fmt: skip
    logs = np.asarray(found.x, dtype=np.float64)
    if not np.isfinite(found.fun) or np.any(np.abs(logs) > _RANGE - 0.5):
        raise NotFoundError("the likelihood of orders has no maximum within sensible limits")
    return logs
