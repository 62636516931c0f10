"""Uplift: what a mail changes in P(order), learned from every logged, randomised round.

An R-learner (Nie and Wager 2021): the residual of the outcome is regressed on (treated - propensity) times
functions of the features, so that an error of the outcome model costs precision but not truth, because the
propensities are known. Outcomes are weighted by 1 / p(1 - p): an order of somebody who never orders says
more than one of somebody who always does. Coefficients are shrunk by theme (empirical Bayes), which decides
how much of the apparent differences between customers to believe; with no evidence for differences, the
average effect is everybody's, and with none for an average effect, the verdict says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.estimators.response import ResponseModel, cross_fitted
from segmentation.ml.estimators.shrinkage import Posterior, RankBasis, shrink
from segmentation.ml.tables import Floats, Ints


_ORDER = 2  # cosines per feature: one bend. More never paid in 20,000 customers.
_RARE = 0.005  # p(1 - p) is not trusted below this
_TURN, _STEEP = 0.05, 1.5  # where, and how fast, rare buyers pass into regular ones
_EVIDENCE = (
    1.0  # log Bayes factor from which differences are believed; 1 is "worth a mention" (Kass)
)
_SURE = 1.96


class Verdict(StrEnum):
    """What the data allow to say about the effect of mails."""

    DIFFERENCES = "customers differ in uplift"
    AVERAGE = "no evidence of heterogeneity"
    NOTHING = "not enough data"


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Logged decisions and outcomes, one row per customer and round.

    X (n, p), NaN allowed; treated and ordered 0/1; propensity: P(treated) as logged, inside (0, 1);
    customer: whole numbers from 0, so that a customer's rows stay together; number: of the round.
    """

    X: Floats
    treated: Floats
    propensity: Floats
    ordered: Floats
    customer: Ints
    number: Ints

    def __post_init__(self) -> None:
        for name, column in vars(self).items():
            if len(column) != len(self.X):
                raise ValueError(f"{name} has {len(column)} rows, X has {len(self.X)}.")
        if len(self.X) == 0:
            raise ValueError("No logged rounds: there is nothing to learn from.")
        if not np.all((self.propensity > 0) & (self.propensity < 1)):
            raise ValueError(
                "propensity must lie inside (0, 1): leave out customers who could not be assigned."
            )


@dataclass(frozen=True, kw_only=True)
class UpliftModel:
    """Fitted on `names`; `average` and `average_error` are the effect on the logged customers."""

    names: tuple[str, ...]
    response: ResponseModel
    basis: RankBasis
    centre: Floats
    gate_mean: float
    posterior: Posterior
    average: float
    average_error: float
    verdict: Verdict
    rows: int

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
        residual = rounds.ordered - expected
        lever = rounds.treated - rounds.propensity
        spread = np.maximum(expected * (1 - expected), _RARE)
        base = _base(alone, mailed)

        basis = RankBasis.learn(np.column_stack([rounds.X, base]), order=_ORDER)
        family = {name: (themes or {}).get(name, "") for name in names}
        functions, gate_mean, groups = _functions(
            basis, rounds.X, base, gate_mean=None, family=[*family.values(), "base rate"]
        )
        centre = functions.mean(axis=0)
        design = np.column_stack([np.ones(len(base)), functions - centre])
        posterior = shrink(
            design=design * lever[:, None],
            target=residual,
            precision=1 / spread,
            groups=groups,
        )
        # The plain average, of equally weighted customers: what a campaign to everybody would have brought.
        plain = lever / (rounds.propensity * (1 - rounds.propensity)) * residual
        average, error = float(plain.mean()), float(plain.std() / np.sqrt(len(plain)))
        return cls(
            names=tuple(names),
            response=ResponseModel.fit(
                X=rounds.X, treated=rounds.treated, ordered=rounds.ordered, seed=seed
            ),
            basis=basis,
            centre=centre,
            gate_mean=gate_mean,
            posterior=posterior,
            average=average,
            average_error=error,
            verdict=_verdict(posterior, average, error),
            rows=len(rounds.X),
        )

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Uplift in P(order) and its standard deviation, per row of X (n, p); both (n,)."""
        uplift, deviation, _ = self.effects(X)
        return uplift, deviation

    def effects(self, X: Floats) -> tuple[Floats, Floats, Floats]:
        """Uplift, its standard deviation, and P(order) if left alone; each (n,)."""
        if X.shape[1] != len(self.names):
            raise ValueError(f"{X.shape[1]} columns of X; the model knows {len(self.names)}.")
        alone, mailed = self.response.predict(X)
        base = _base(alone, mailed)
        if self.verdict is Verdict.DIFFERENCES:
            functions, _, _ = _functions(self.basis, X, base, gate_mean=self.gate_mean, family=None)
            design = np.column_stack([np.ones(len(X)), functions - self.centre])
            uplift, deviation = self.posterior.predict(design)
        else:
            uplift, deviation = np.full(len(X), self.average), np.full(len(X), self.average_error)
        # The trees' own opinion about the effect is not used: only their level, halfway between the arms.
        return uplift, deviation, np.clip(base - uplift / 2, 0.0, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "names": list(self.names),
            "response": self.response.to_dict(),
            "basis": self.basis.to_dict(),
            "centre": self.centre.tolist(),
            "gate_mean": self.gate_mean,
            "mean": self.posterior.mean.tolist(),
            "covariance": self.posterior.covariance.tolist(),
            "group_variance": self.posterior.group_variance.tolist(),
            "evidence": self.posterior.evidence,
            "average": self.average,
            "average_error": self.average_error,
            "verdict": self.verdict.value,
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Self:
        return cls(
            names=tuple(tree["names"]),
            response=ResponseModel.from_dict(tree["response"]),
            basis=RankBasis.from_dict(tree["basis"]),
            centre=np.array(tree["centre"]),
            gate_mean=tree["gate_mean"],
            posterior=Posterior(
                mean=np.array(tree["mean"]),
                covariance=np.array(tree["covariance"]),
                group_variance=np.array(tree["group_variance"]),
                evidence=tree["evidence"],
            ),
            average=tree["average"],
            average_error=tree["average_error"],
            verdict=Verdict(tree["verdict"]),
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


def _functions(
    basis: RankBasis,
    X: Floats,
    base: Floats,
    *,
    gate_mean: float | None,
    family: Sequence[str] | None,
) -> tuple[Floats, float, Ints]:
    """Functions of the features and of the base rate, and once more times 'is a regular buyer'.

    Groups (for `shrink`, with the intercept as group 0): one per family and kind of function. Without
    `family` they are left empty.
    """
    functions, source, orders = basis.functions(np.column_stack([X, base]))
    gate = 1 / (1 + np.exp(-_STEEP * (np.log(base / (1 - base)) - np.log(_TURN / (1 - _TURN)))))
    mean = float(gate.mean()) if gate_mean is None else gate_mean
    plain = orders == 1
    both = np.column_stack([functions, functions[:, plain] * (gate - mean)[:, None]])
    if family is None:
        return both, mean, np.zeros(0, np.int64)
    keys = [
        *((family[column], order) for column, order in zip(source, orders, strict=True)),
        *((family[column], -1) for column in source[plain]),
    ]
    number = {key: position for position, key in enumerate(dict.fromkeys(keys), start=1)}
    return both, mean, np.array([0, *(number[key] for key in keys)])


def _verdict(posterior: Posterior, average: float, error: float) -> Verdict:
    if posterior.evidence > _EVIDENCE:
        return Verdict.DIFFERENCES
    if abs(average) > _SURE * error:
        return Verdict.AVERAGE
    return Verdict.NOTHING
