"""Uplift: what a mail changes in P(order), learned from every logged, randomised round.

An R-learner (Nie and Wager 2021): the residual of the outcome is regressed on (treated - propensity) times
functions of the features, so that an error of the outcome model costs precision but not truth, because the
propensities are known. Outcomes are weighted by 1 / p(1 - p): an order of somebody who never orders says
more than one of somebody who always does. Where the day of the order is known, early and
late orders are learned apart (`timing.py`). Coefficients are shrunk by theme (empirical Bayes). How far
the differences that remain are believed is decided by customers whom the regression has not seen: the slope of
their outcomes on what it predicted for them, less its standard error. As far as they are not believed, the uplift
is what P(order) alone tells of it (`level.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.estimators.level import Level
from segmentation.ml.estimators.moderators import Functions
from segmentation.ml.estimators.response import ResponseModel, cross_fitted, folds
from segmentation.ml.estimators.shrinkage import Moments, Posterior, shrink, total
from segmentation.ml.estimators.timing import RARE, Outcome, Rounds, outcomes
from segmentation.ml.tables import Floats, Ints


_SURE = 1.96  # z value from which an effect is believed
_TWICE = 2**0.5  # by how much the held-out slope varies more than its error says, see `Slope.seen`
_UNSEEN = 10  # parts left out in turn: nine tenths of the customers teach about as much as all
_TYPICAL = 0.05  # of the base rate: what a moderator usually adds to uplift per standard deviation
_LEVEL = (
    0.35  # of the base rate: by how much the uplift of rare and of regular buyers usually differs
)


class Verdict(StrEnum):
    """What the data allow to say about the effect of mails."""

    DIFFERENCES = "customers differ in uplift"
    AVERAGE = "no evidence of heterogeneity"
    NOTHING = "not enough data"


@dataclass(frozen=True, kw_only=True)
class Slope:
    """Of the outcome on the differences predicted for unseen customers: 1 when they are as large as predicted."""

    value: float
    error: float

    @property
    def seen(self) -> bool:
        """Whether customers are shown to differ at all.

        Each part is predicted from the others and helps to predict them, so every pair of customers counts
        twice: where nobody differs, the slope has twice the variance that its error tells.
        """
        return self.value > _SURE * _TWICE * self.error

    @property
    def believed(self) -> float:
        """The share of the predicted differences to act upon, in [0, 1].

        One standard error below the estimate, as in the rule of Breiman et al. (1984): a slope that has just
        passed the test has mostly been lucky.
        """
        return float(np.clip(self.value - self.error, 0.0, 1.0)) if self.seen else 0.0


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What a mail does to customers, in P(order); (n,) each.

    `uplift` with its `deviation`; `alone`: P(order) if left alone, which goes with it. `apparent`: the uplift as the
    regression says, of which the share `believed` is in `uplift`.
    """

    uplift: Floats
    deviation: Floats
    alone: Floats
    apparent: Floats
    believed: float


@dataclass(frozen=True, kw_only=True)
class UpliftModel:
    """Fitted on `names`. `average`, `average_error`: the effect on the logged customers."""

    names: tuple[str, ...]
    response: ResponseModel
    functions: Functions
    centre: Floats
    posterior: Posterior
    level: Level
    average: float
    average_error: float
    slope: Slope
    rows: int

    @property
    def verdict(self) -> Verdict:
        """What may be said in words."""
        if self.slope.seen:
            return Verdict.DIFFERENCES
        shown = abs(self.average) > _SURE * self.average_error
        return Verdict.AVERAGE if shown else Verdict.NOTHING

    @classmethod
    def fit(
        cls,
        *,
        rounds: Rounds,
        names: Sequence[str],
        themes: Mapping[str, str] | None = None,
        seed: int,
    ) -> Self:
        """Learn from all rounds. `themes` names the family of each feature, shrunk together."""
        if rounds.X.shape[1] != len(names):
            raise ValueError(f"{rounds.X.shape[1]} columns of X, {len(names)} names.")
        alone, mailed = cross_fitted(
            X=rounds.X,
            treated=rounds.treated,
            ordered=rounds.ordered,
            customer=rounds.customer,
            seed=seed,
        )
        expected = alone + rounds.propensity * (mailed - alone)
        lever = rounds.treated - rounds.propensity
        base = _base(alone, mailed)
        family = {name: (themes or {}).get(name, "") for name in names}
        functions = Functions.learn(rounds.X, base, names=list(names), family=family)
        table = functions.table(rounds.X, base)
        centre = table.mean(axis=0)
        design = np.column_stack([np.ones(len(base)), table - centre])
        rate = max(float(rounds.ordered.mean()), 1e-4)
        fold = folds(rounds.customer, seed=seed, count=_UNSEEN)
        parts = outcomes(rounds, expected=expected)
        regression = _Regression.of(
            design=design * lever[:, None], parts=parts, fold=fold, functions=functions, rate=rate
        )
        posterior = regression.fit()
        slope = _held_out(regression, design=design, lever=lever, fold=fold, parts=parts)
        residual = rounds.ordered - expected
        # The plain average, of equally weighted customers: what a campaign to everybody would have brought.
        plain = lever / (rounds.propensity * (1 - rounds.propensity)) * residual
        average, error = float(plain.mean()), float(plain.std() / np.sqrt(len(plain)))
        return cls(
            names=tuple(names),
            response=ResponseModel.fit(
                X=rounds.X, treated=rounds.treated, ordered=rounds.ordered, seed=seed
            ),
            functions=functions,
            centre=centre,
            posterior=posterior,
            level=Level.fit(
                base=base,
                lever=lever,
                residual=residual,
                variance=np.maximum(expected * (1 - expected), RARE),
            ),
            average=average,
            average_error=error,
            slope=slope,
            rows=len(rounds.X),
        )

    def effects(self, X: Floats) -> Effects:
        """Of a mail on the customers with these features (n, p)."""
        if X.shape[1] != len(self.names):
            raise ValueError(f"{X.shape[1]} columns of X; the model knows {len(self.names)}.")
        alone, mailed = self.response.predict(X)
        base = _base(alone, mailed)
        believed = self.slope.believed
        level, level_deviation = self.level.predict(base)
        apparent, deviation = level, level_deviation
        if believed:
            table = self.functions.table(X, base) - self.centre
            design = np.column_stack([np.ones(len(X)), table])
            apparent, deviation = self.posterior.predict(design)
        uplift = believed * apparent + (1 - believed) * level
        return Effects(
            uplift=uplift,
            deviation=np.hypot(believed * deviation, (1 - believed) * level_deviation),
            # The trees' own opinion about the effect is not used: only their level, halfway between the arms.
            alone=np.clip(base - uplift / 2, 0.0, 1.0),
            apparent=apparent,
            believed=believed,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "names": list(self.names),
            "response": self.response.to_dict(),
            "functions": self.functions.to_dict(),
            "centre": self.centre.tolist(),
            "mean": self.posterior.mean.tolist(),
            "covariance": self.posterior.covariance.tolist(),
            "group_variance": self.posterior.group_variance.tolist(),
            "evidence": self.posterior.evidence,
            "level": self.level.to_dict(),
            "average": self.average,
            "average_error": self.average_error,
            "slope": [self.slope.value, self.slope.error],
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Self:
        return cls(
            names=tuple(tree["names"]),
            response=ResponseModel.from_dict(tree["response"]),
            functions=Functions.from_dict(tree["functions"]),
            centre=np.array(tree["centre"]),
            posterior=Posterior(
                mean=np.array(tree["mean"]),
                covariance=np.array(tree["covariance"]),
                group_variance=np.array(tree["group_variance"]),
                evidence=tree["evidence"],
            ),
            level=Level.from_dict(tree["level"]),
            average=tree["average"],
            average_error=tree["average_error"],
            slope=Slope(value=tree["slope"][0], error=tree["slope"][1]),
            rows=tree["rows"],
        )

    def to_files(self) -> dict[str, bytes]:
        """For `artifacts.save`."""
        return artifacts.to_files(documents={"uplift": self.to_dict()})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        return cls.from_dict(artifacts.read_document(files, "uplift"))


def _base(alone: Floats, mailed: Floats) -> Floats:
    return np.clip((alone + mailed) / 2, 1e-4, 1 - 1e-4)


@dataclass(frozen=True, kw_only=True)
class _Regression:
    """The shrunken regression on all rows, or on all but a fold: moments add up, so each row is read once."""

    moments: list[dict[int, Moments]]  # of each outcome, by fold
    functions: Functions
    rate: float

    @classmethod
    def of(
        cls, *, design: Floats, parts: list[Outcome], fold: Ints, functions: Functions, rate: float
    ) -> Self:
        moments = [
            {
                int(number): Moments.of(
                    design=design[fold == number],
                    target=part.residual[fold == number],
                    precision=1 / part.variance[fold == number],
                )
                for number in np.unique(fold)
            }
            for part in parts
        ]
        return cls(moments=moments, functions=functions, rate=rate)

    def fit(self, *, without: int | None = None) -> Posterior:
        own = range(2, 2 + self.functions.own)
        return total([
            shrink(
                Moments.total(one for number, one in folds.items() if number != without),
                groups=self.functions.groups,
                known={1: (_LEVEL * self.rate) ** 2},
                typical=dict.fromkeys(own, (_TYPICAL * self.rate) ** 2),
            )
            for folds in self.moments
        ])  # fmt: skip


def _held_out(
    regression: _Regression, *, design: Floats, lever: Floats, fold: Ints, parts: list[Outcome]
) -> Slope:
    """The outcome's slope on the differences predicted for unseen customers."""
    seen = np.zeros(len(lever))
    for number in np.unique(fold):
        outside = fold == number
        if outside.all():
            return Slope(value=0.0, error=1.0)
        seen[outside] = design[outside] @ regression.fit(without=int(number)).mean
    residual = np.sum([part.residual for part in parts], axis=0)
    weight = 1 / np.sum([part.variance for part in parts], axis=0)
    # Each fold's average effect is fitted beside the slope: a fold whose average is high was predicted from
    # others whose average is low, which would look like a negative slope.
    levels = (fold[:, None] == np.unique(fold)) * lever[:, None]
    columns = np.column_stack([levels, lever * seen])
    gram = (columns * weight[:, None]).T @ columns
    found = np.linalg.lstsq(gram, columns.T @ (weight * residual), rcond=None)[0]
    rest = residual - columns @ found
    meat = (columns * (weight * rest)[:, None]).T @ (columns * (weight * rest)[:, None])
    bread = np.linalg.pinv(gram)
    error = float(np.sqrt(max((bread @ meat @ bread)[-1, -1], 1e-24)))
    return Slope(value=float(found[-1]), error=error)
