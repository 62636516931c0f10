"""An experiment: one treatment against a control. An object that exists can be learned from."""

from dataclasses import dataclass

import numpy as np

from segmentation.ml.records.encoding import Design
from segmentation.ml.tables import Bools, Floats, Ints


FEWEST_ROWS = 50  # of each arm
FEWEST_HITS = 10  # outcomes other than the usual one, over both arms


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """design of n rows; outcome (n,) 0/1 or money; treated (n,) 0/1; propensity (n,): P(treated).

    Raises ValueError in words when nothing can be learned from it.
    """

    design: Design
    outcome: Floats
    treated: Floats
    propensity: Floats

    def __post_init__(self) -> None:
        for said, count in (("treated", self.treated.sum()), ("control", (1 - self.treated).sum())):
            if count < FEWEST_ROWS:
                raise ValueError(
                    f"only {int(count)} {said} rows; at least {FEWEST_ROWS} are needed"
                )
        values, counts = np.unique(self.outcome, return_counts=True)
        if len(values) == 1:
            raise ValueError(
                f"the outcome is {values[0]:g} for everybody; there is no effect to learn"
            )
        if self.binary and counts.min() < FEWEST_HITS:
            raise ValueError(
                f"the rarer outcome happened {counts.min()} times; at least {FEWEST_HITS} are needed"
            )

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def binary(self) -> bool:
        return bool(np.isin(self.outcome, (0.0, 1.0)).all())

    @property
    def happened(self) -> Floats:
        """0/1: whether there was an outcome at all."""
        found: Floats = (self.outcome != 0).astype(float)
        return found

    @property
    def hits(self) -> int:
        """Rows of the rarer kind: with an outcome or without."""
        happened = int(self.happened.sum())
        return min(happened, len(self) - happened) or len(self)

    @property
    def has_zeros(self) -> bool:
        """Whether money is mostly a matter of paying at all."""
        return bool(np.mean(self.outcome == 0) > 0.2 and self.outcome.min() >= 0)

    def folds(self, *, count: int, seed: int) -> Ints:
        """The fold of each row, with as many treated and as many outcomes in each."""
        order = np.lexsort(
            (np.random.default_rng(seed).random(len(self)), self.outcome, self.treated)
        )
        fold = np.empty(len(self), dtype=np.int64)
        fold[order] = np.arange(len(self)) % count
        return fold

    def take(self, which: Bools) -> tuple[Design, Floats, Floats, Floats]:
        """Design, outcome, treated and propensity of some rows."""
        return (
            Design(linear=self.design.linear[which], trees=self.design.trees[which]),
            self.outcome[which],
            self.treated[which],
            self.propensity[which],
        )


def scores(experiment: Experiment, *, alone: Floats, treated: Floats) -> Floats:
    """Doubly robust score of each row's effect, (n,): its mean over any group is the effect there.

    Robins, Rotnitzky, Zhao (1994); alone, treated (n,): expected outcome without and with the treatment, by a model
    that has not seen the row.
    """
    e, t, y = experiment.propensity, experiment.treated, experiment.outcome
    found: Floats = treated - alone + t * (y - treated) / e - (1 - t) * (y - alone) / (1 - e)
    return found
