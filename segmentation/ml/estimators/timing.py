"""Logged rounds, and how soon after a mail its orders come.

What a mail brings, it brings in the first days; orders placed anyway come evenly over the window and are
nothing but noise. So the effect on early and on late orders is learned apart, and added up: shrinkage finds
that the late part hardly differs between customers, and most of the noise is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from segmentation.ml.tables import Floats, Ints


_EARLY = (
    0.0,
    0.3,
    1.0,
)  # of the window: four days of fourteen (effects of mails halve in 1 to 3 days)
RARE = 0.005  # p(1 - p) is not trusted below this


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Logged decisions and outcomes, one row per customer and round.

    X (n, p), NaN allowed; treated and ordered 0/1; propensity: P(treated) as logged, inside (0, 1);
    customer: whole numbers from 0, so that a customer's rows stay together; days: from the decision to the
    first order in the window of `window_days`, NaN without one (None: not known).
    """

    X: Floats
    treated: Floats
    propensity: Floats
    ordered: Floats
    customer: Ints
    days: Floats | None = None
    window_days: float = 14.0

    def __post_init__(self) -> None:
        for name in ("treated", "propensity", "ordered", "customer", "days"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.X):
                raise ValueError(f"{name} has {len(column)} rows, X has {len(self.X)}.")
        if len(self.X) == 0:
            raise ValueError("No logged rounds: there is nothing to learn from.")
        if not np.all((self.propensity > 0) & (self.propensity < 1)):
            raise ValueError(
                "propensity must lie inside (0, 1): leave out customers who could not be assigned."
            )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the uplift regression explains: residual outcome and the variance of its noise, (n,) each."""

    residual: Floats
    variance: Floats


def outcomes(rounds: Rounds, *, expected: Floats) -> list[Outcome]:
    """Orders less what was expected of the customer, by part of the window; the parts add up to the whole.

    `expected`: P(order) of each row under the logged assignment. One part where days are not known.
    """
    spread = np.maximum(expected * (1 - expected), RARE)
    if rounds.days is None:
        return [Outcome(residual=rounds.ordered - expected, variance=spread)]
    position = np.clip(np.nan_to_num(rounds.days) / rounds.window_days, 0, 1 - 1e-9)
    parts = []
    for low, high in pairwise(_EARLY):
        here = rounds.ordered * ((position >= low) & (position < high))
        share = float(here.sum()) / max(float(rounds.ordered.sum()), 1.0)
        residual = here - share * expected
        # Rare as it is, the noise of a part is proportional to that of the whole.
        scale = float((residual**2).mean() / (expected * (1 - expected)).mean())
        parts.append(Outcome(residual=residual, variance=spread * max(scale, 1e-3)))
    return parts
