"""
Whether a model tells who was in its training: the loss-threshold attack (Yeom et al. 2018, Privacy Risk in
Machine Learning), with an area under the curve of 0.5 for one that does not.

The attacker knows a customer's features and what came, and takes a small loss for membership. Members and
others have to be of the same moment, or the season would be taken for memory: half of the newest window is
learned from with the settings that were chosen, and the other half is not.
"""

from dataclasses import dataclass, replace

import numpy as np

from segmentation.ml.estimators import propensity
from segmentation.ml.estimators.propensity import Origin, Settings
from segmentation.ml.metrics import auc, log_losses
from segmentation.ml.tables import Bools, Floats


LIMIT = 0.55
"""Above, a model counts as one that remembers people."""
FEWEST = 200
"""Customers of the window; with fewer the area is chance."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """auc: of telling members from others by their loss; rows: how many were asked, half of each."""

    auc: float
    rows: int

    @property
    def remembers(self) -> bool:
        return self.auc > LIMIT


def leak_of(*, losses: Floats, is_member: Bools) -> float:
    """The area by which losses (n,) tell members (n,) from others; 0.5 when they do not."""
    return auc(label=is_member, score=-losses)


def attack(origin: Origin, *, settings: Settings) -> Leak | None:
    """Of the settings on one window; None where it has too few customers, or too few buyers, in a half."""
    rows = len(origin.bought)
    if rows < FEWEST:
        return None
    rng = np.random.default_rng(settings.seed)
    is_member = rng.permutation(rows) < rows // 2
    for half in (is_member, ~is_member):
        if not 0 < int(origin.bought[half].sum()) < int(half.sum()):
            return None
    known = replace(
        origin, features=origin.features.rows(is_member), bought=origin.bought[is_member]
    )
    model = propensity.fit([known], settings=settings)
    said = model.predict(origin.features, as_of=origin.as_of, num_threads=settings.num_threads)
    losses = log_losses(label=origin.bought, probability=said)
    return Leak(auc=leak_of(losses=losses, is_member=is_member), rows=rows)
