"""Ways to learn an effect by customer: one logistic model of both arms, boosted trees, a regression of scores."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from segmentation.ml.estimators.shrinkage import Moments, Posterior, shrink
from segmentation.ml.records import trees
from segmentation.ml.records.encoding import Design
from segmentation.ml.records.logistic import Logistic
from segmentation.ml.tables import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Said:
    """Of n rows: the expected outcome alone and treated, and the deviation of the difference (0 where not known)."""

    alone: Floats
    treated: Floats
    deviation: Floats

    @property
    def effect(self) -> Floats:
        return self.treated - self.alone


@dataclass(frozen=True, kw_only=True)
class OneLogistic:
    """P(outcome) of both arms in one model, with every column times the treatment; times a mean, if money."""

    model: Logistic
    centre: float
    mean: float

    @classmethod
    def fit(
        cls,
        design: Design,
        happened: Floats,
        treated: Floats,
        *,
        mean: float,
        warm: "OneLogistic | None" = None,
    ) -> "OneLogistic":
        """`warm`: a model of nearly the same rows, whose shrinkage is taken over."""
        centre = float(treated.mean())
        columns = design.linear.shape[1]
        groups = np.r_[0, 0, np.full(columns, 1), np.full(columns, 2)].astype(np.int64)
        model = Logistic.fit(
            _both(design.linear, treated - centre),
            happened,
            groups=groups,
            typical=_TYPICAL,
            ridge=warm.model.ridge if warm else None,
            start=warm.model.coefficients if warm else None,
        )
        return cls(model=model, centre=centre, mean=mean)

    def effects(self, design: Design) -> Said:
        rows = len(design.linear)
        found = []
        slopes = []
        for arm in (0.0, 1.0):
            both = _both(design.linear, np.full(rows, arm - self.centre))
            p = self.model.probability(both)
            found.append(p)
            slopes.append(both * (p * (1 - p))[:, None])
        lever = slopes[1] - slopes[0]
        spread = np.einsum("ij,ij->i", lever @ self.model.covariance, lever)
        return Said(
            alone=self.mean * found[0],
            treated=self.mean * found[1],
            deviation=self.mean * np.sqrt(np.maximum(spread, 0)),
        )


_TYPICAL = np.array([0.0, 0.2, 0.05])
"""Standard deviations of coefficients that would surprise nobody: of a column, and of a column times the treatment."""


def _both(linear: Floats, lever: Floats) -> Floats:
    return np.column_stack([np.ones(len(linear)), lever, linear, linear * lever[:, None]])


@dataclass(frozen=True, kw_only=True)
class TwoForests:
    """Boosted trees of the outcome in each arm."""

    boosters: tuple[Any, Any]
    jobs: int

    @classmethod
    def fit(
        cls, design: Design, outcome: Floats, treated: Floats, *, binary: bool, seed: int, jobs: int
    ) -> "TwoForests":
        boosters = []
        for arm in (0, 1):
            inside = treated == arm
            least = int(np.clip(inside.sum() // 50, 20, 200))
            boosters.append(
                trees.fit(
                    design.trees[inside], outcome[inside],
                    binary=binary, seed=seed, jobs=jobs, leaves=4, least_rows=least,
                    feature_fraction=0.5, bagging_fraction=0.5, bagging_freq=1,
                )
            )  # fmt: skip
        return cls(boosters=(boosters[0], boosters[1]), jobs=jobs)

    def effects(self, design: Design) -> Said:
        alone, treated = (
            trees.predict(booster, design.trees, jobs=self.jobs) for booster in self.boosters
        )
        return Said(alone=alone, treated=treated, deviation=np.zeros(len(alone)))


@dataclass(frozen=True, kw_only=True)
class OneForest:
    """Boosted trees of the outcome in both arms together, with the treatment as a column among the others."""

    booster: Any
    jobs: int

    @classmethod
    def fit(
        cls, design: Design, outcome: Floats, treated: Floats, *, binary: bool, seed: int, jobs: int
    ) -> "OneForest":
        booster = trees.fit(
            np.column_stack([design.trees, treated]), outcome,
            binary=binary, seed=seed, jobs=jobs, trees=80, leaves=6,
            least_rows=int(np.clip(len(outcome) // 50, 20, 200)),
        )  # fmt: skip
        return cls(booster=booster, jobs=jobs)

    def effects(self, design: Design) -> Said:
        rows = len(design.trees)
        alone, treated = (
            trees.predict(
                self.booster,
                np.column_stack([design.trees, np.full(rows, arm)]),
                jobs=self.jobs,
            )
            for arm in (0.0, 1.0)
        )
        return Said(alone=alone, treated=treated, deviation=np.zeros(rows))


@dataclass(frozen=True, kw_only=True)
class ScoreRegression:
    """Regression of doubly robust scores, shrunk, on the columns and on the logarithm of the expected outcome.

    parts: what is needed of the rows, by fold, so that it can be had without one. least: expected outcomes below count alike.
    """

    parts: tuple[Moments, ...]
    groups: Ints
    spread: float
    least: float
    centre: float
    scale: float
    posterior: Posterior

    @classmethod
    def prepare(
        cls,
        linear: Floats,
        base: Floats,
        score: Floats,
        precision: Floats,
        fold: Ints,
        *,
        least: float,
        spread: float,
    ) -> "ScoreRegression":
        """Linear (n, p), the others (n,). spread: what a standard deviation of a column usually changes in the effect."""
        centre, scale = float(np.log(base).mean()), float(max(np.log(base).std(), 1e-6))
        table = _table(linear, base, centre=centre, scale=scale)
        parts = tuple(
            Moments.of(
                design=table[fold == number],
                target=score[fold == number],
                precision=precision[fold == number],
            )
            for number in np.unique(fold)
        )
        groups: Ints = np.r_[0, 1, np.full(linear.shape[1], 2)].astype(np.int64)
        return cls(
            parts=parts,
            groups=groups,
            spread=spread,
            least=least,
            centre=centre,
            scale=scale,
            posterior=_shrunk(parts, groups, spread),
        )

    def without(self, number: int) -> "ScoreRegression":
        """As if the rows of a fold had not been there."""
        rest = tuple(part for at, part in enumerate(self.parts) if at != number)
        return replace(self, posterior=_shrunk(rest, self.groups, self.spread))

    def effects(self, linear: Floats, base: Floats) -> tuple[Floats, Floats]:
        """The effect and its deviation, (n,) each."""
        return self.posterior.predict(_table(linear, base, centre=self.centre, scale=self.scale))


def _table(linear: Floats, base: Floats, *, centre: float, scale: float) -> Floats:
    return np.column_stack([np.ones(len(linear)), (np.log(base) - centre) / scale, linear])


def _shrunk(parts: tuple[Moments, ...], groups: Ints, spread: float) -> Posterior:
    return shrink(Moments.total(parts), groups=groups, typical={1: (2 * spread) ** 2, 2: spread**2})
