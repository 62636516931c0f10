"""The effect of one treatment on every customer: learners, weighed by customers they have not seen.

Three learners of differences, and the expected outcome itself, because who buys more often gains more. Each one's
differences are first reduced to what held-out customers show of them, then added by weight, then reduced again. Where
held-out customers do not prove that customers differ, the effect is the average one and as much of the differences as
is not likely to be chance; of few outcomes nothing of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from segmentation.ml.effects import evidence
from segmentation.ml.effects.evidence import Held
from segmentation.ml.effects.experiment import Experiment, scores
from segmentation.ml.effects.learners import (
    OneForest,
    OneLogistic,
    Said,
    ScoreRegression,
    TwoForests,
)
from segmentation.ml.records.encoding import Design
from segmentation.ml.tables import Floats, Ints


FOLDS = 5
LEARNERS = (
    "logistic with interactions",
    "boosted trees of each arm",
    "boosted trees of both arms",
    "shrunk regression of scores",
    "expected outcome",
)
_OUTCOME = 4
_TYPICAL = (
    0.05  # of the mean outcome: what a standard deviation of a column usually changes in the effect
)


class Verdict(StrEnum):
    """What the experiment allows to say."""

    DIFFERENCES = "customers differ in uplift"
    GRADED = "uplift rises with the expected outcome"
    AVERAGE = "no evidence of heterogeneity"
    NOTHING = "no evidence of any effect"


@dataclass(frozen=True, kw_only=True)
class Uplift:
    """Of n customers: the effect, and the standard deviation of what is known of it."""

    effect: Floats
    deviation: Floats


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """The learners of some rows."""

    logistic: OneLogistic
    forests: TwoForests
    forest: OneForest
    regression: ScoreRegression

    def effects(self, design: Design) -> tuple[Floats, Floats]:
        """(n, learners) effects before any reduction, and (n,) the deviation that the linear ones tell."""
        one, two, three = (
            learner.effects(design) for learner in (self.logistic, self.forests, self.forest)
        )
        base = _middle((one, two, three), least=self.regression.least)
        effect, deviation = self.regression.effects(design.linear, base)
        table = np.column_stack([one.effect, two.effect, three.effect, effect, base])
        return table, np.maximum(one.deviation, deviation)


@dataclass(frozen=True, kw_only=True)
class EffectModel:
    """average, average_error: the effect on everybody. held: the Qini coefficient of held-out customers.

    graded: the same, if they were treated in the order of the expected outcome. widening: see `_widening`.
    believed: the share of the differences that customers get.
    """

    fitted: _Fitted
    blend: "_Blend"
    average: float
    average_error: float
    held: Held
    graded: Held
    widening: float
    verdict: Verdict
    believed: float

    @classmethod
    def fit(cls, experiment: Experiment, *, seed: int, jobs: int = 1) -> Self:
        """Learn from all rows; every figure about held-out customers comes from five folds."""
        fold = experiment.folds(count=FOLDS, seed=seed)
        parts, whole = _learn(experiment, fold, seed=seed, jobs=jobs)
        table, score, precision = parts.table, parts.score, parts.precision
        average = float(score.mean())
        error = float(score.std() / np.sqrt(len(score)))
        blend = _Blend.fit(table, score, fold, precision)
        few = experiment.hits < evidence.FEW * experiment.design.linear.shape[1]
        blended = _unseen(table, score, fold, precision)
        held = evidence.held(
            evidence.influence(effect=blended, score=score, fold=fold), few=few, learned=True
        )
        graded = evidence.held(
            evidence.influence(effect=table[:, _OUTCOME], score=score, fold=fold),
            few=few,
            learned=False,
        )
        shown = abs(average) > evidence.SURE * error
        verdict, believed = (Verdict.AVERAGE if shown else Verdict.NOTHING), 0.0
        if held.proven:
            verdict, believed = Verdict.DIFFERENCES, 1.0
        elif graded.proven and average > 0:
            verdict, believed = Verdict.GRADED, 1.0
            blend = _Blend.of_outcome(table, score, fold, precision)
        elif not few:
            believed = held.likely
        return cls(
            fitted=whole,
            blend=blend,
            average=average,
            average_error=error,
            held=held,
            graded=graded,
            widening=parts.widening,
            verdict=verdict,
            believed=believed,
        )

    def predict(self, design: Design) -> Uplift:
        """Of customers with this design. Where differences are not believed, all get the average and a wider interval."""
        table, own = self.fitted.effects(design)
        differences, apart = self.blend.predict(table)
        return Uplift(
            effect=self.average + self.believed * differences,
            deviation=np.sqrt(self.average_error**2 + (self.widening * own) ** 2 + apart**2),
        )


@dataclass(frozen=True, kw_only=True)
class _Blend:
    """Of the learners' effects: centres, what held-out customers show of the differences, and weights, (learners,) each.

    slope: the same for the sum. qini: of each learner.
    """

    centres: Floats
    slopes: Floats
    weights: Floats
    slope: float
    qini: Floats

    @classmethod
    def fit(cls, table: Floats, score: Floats, fold: Ints, precision: Floats) -> Self:
        """Weigh the learners of differences; the expected outcome only stands by."""
        parts = np.column_stack(
            [evidence.influence(effect=one, score=score, fold=fold) for one in table.T]
        )
        weights = np.r_[evidence.weights(parts[:, :_OUTCOME]), 0.0]
        return cls._reduced(table, score, fold, precision, weights=weights, qini=parts.mean(axis=0))

    @classmethod
    def of_outcome(cls, table: Floats, score: Floats, fold: Ints, precision: Floats) -> Self:
        """Only what goes with the expected outcome."""
        weights = np.eye(len(LEARNERS))[_OUTCOME]
        return cls._reduced(
            table, score, fold, precision, weights=weights, qini=np.zeros(len(LEARNERS))
        )

    @classmethod
    def _reduced(
        cls,
        table: Floats,
        score: Floats,
        fold: Ints,
        precision: Floats,
        *,
        weights: Floats,
        qini: Floats,
    ) -> Self:
        def share(effect: Floats, most: float) -> float:
            found, _ = evidence.slope(effect=effect, score=score, fold=fold, precision=precision)
            return float(np.clip(found, 0, most))

        centres = table.mean(axis=0)
        slopes = np.array([share(one, 1.0) for one in table.T])
        # learners whose errors differ are too flat on average: the sum may be drawn out a little
        slope = share(((table - centres) * slopes) @ weights, 1.5)
        return cls(centres=centres, slopes=slopes, weights=weights, slope=slope, qini=qini)

    def predict(self, table: Floats) -> tuple[Floats, Floats]:
        """Differences from the average effect, and how far the learners are apart, (n,) each."""
        moved = (table - self.centres) * self.slopes * self.slope
        blended = moved @ self.weights
        return blended, np.sqrt(((moved - blended[:, None]) ** 2) @ self.weights)


def _unseen(table: Floats, score: Floats, fold: Ints, precision: Floats) -> Floats:
    """The blend of each row, weighed by other folds: weights learned from the row itself would flatter it."""
    found = np.empty(len(score))
    for number in range(FOLDS):
        inside = fold != number
        others = np.unique(fold[inside], return_inverse=True)[1]
        blend = _Blend.fit(table[inside], score[inside], others, precision[inside])
        found[~inside] = blend.predict(table[~inside])[0]
    return found


@dataclass(frozen=True, kw_only=True)
class _HeldOut:
    """table (n, learners): effects by models that have not seen the row; score, precision (n,)."""

    table: Floats
    score: Floats
    precision: Floats
    widening: float


def _learn(experiment: Experiment, fold: Ints, *, seed: int, jobs: int) -> tuple[_HeldOut, _Fitted]:
    design, outcome, treated = experiment.design, experiment.outcome, experiment.treated
    binary, hit = experiment.binary, experiment.happened
    mean = float(outcome[outcome != 0].mean())
    logistic = OneLogistic.fit(design, hit, treated, mean=mean)
    rows = len(experiment)
    alone, treat = np.empty((3, rows)), np.empty((3, rows))
    models: list[OneLogistic] = []
    for number in range(FOLDS):
        inside = fold != number
        part, y, t, _ = experiment.take(inside)
        one = OneLogistic.fit(part, hit[inside], t, mean=mean, warm=logistic)
        two = TwoForests.fit(part, y, t, binary=binary, seed=seed, jobs=jobs)
        three = OneForest.fit(part, y, t, binary=binary, seed=seed, jobs=jobs)
        models.append(one)
        outside = experiment.take(~inside)[0]
        said_by = (one.effects(outside), two.effects(outside), three.effects(outside))
        for at, said in enumerate(said_by):
            alone[at, ~inside], treat[at, ~inside] = said.alone, said.treated
    least = 1e-4 * float(np.abs(outcome).mean())
    base = np.maximum((alone.mean(axis=0) + treat.mean(axis=0)) / 2, least)
    score = scores(experiment, alone=alone.mean(axis=0), treated=treat.mean(axis=0))
    precision = _precision(experiment, base)
    regression = ScoreRegression.prepare(
        design.linear, base, score, precision, fold,
        least=least, spread=_TYPICAL * float(np.abs(outcome).mean()),
    )  # fmt: skip
    effect = np.empty(rows)
    for number in range(FOLDS):
        inside = fold == number
        effect[inside] = regression.without(number).effects(design.linear[inside], base[inside])[0]
    forests = TwoForests.fit(design, outcome, treated, binary=binary, seed=seed, jobs=jobs)
    forest = OneForest.fit(design, outcome, treated, binary=binary, seed=seed, jobs=jobs)
    whole = _Fitted(logistic=logistic, forests=forests, forest=forest, regression=regression)
    widening = _widening(design, logistic, models, seed=seed)
    table = np.column_stack([*(treat - alone), effect, base])
    return _HeldOut(table=table, score=score, precision=precision, widening=widening), whole


def _middle(said: Sequence[Said], *, least: float) -> Floats:
    """The expected outcome halfway between the arms, on average over learners."""
    found: Floats = np.mean([one.alone + one.treated for one in said], axis=0) / 2
    return np.maximum(found, least)


def _precision(experiment: Experiment, base: Floats) -> Floats:
    """One over the variance of the scores: rare outcomes are surer, and larger ones vary more."""
    y, e = experiment.outcome, experiment.propensity
    if experiment.binary:
        variance = base * (1 - base)
    elif experiment.has_zeros:
        variance = base * float((y**2).mean() / y.mean())
    else:
        variance = np.full(len(y), float(y.var()))
    variance = variance / (e * (1 - e))
    found: Floats = 1 / np.maximum(variance, 0.01 * variance.mean())
    return found


def _widening(
    design: Design, whole: OneLogistic, parts: Sequence[OneLogistic], *, seed: int
) -> float:
    """How much wider than the model says: the delete-a-fold jackknife (Shao and Wu 1989), on a sample of rows."""
    rows = np.random.default_rng(seed).permutation(len(design.linear))[:2000]
    sample = Design(linear=design.linear[rows], trees=design.trees[rows])
    left = np.array([one.effects(sample).effect for one in parts])
    spread = (len(parts) - 1) / len(parts) * ((left - left.mean(axis=0)) ** 2).sum(axis=0)
    said = whole.effects(sample).deviation ** 2
    return float(max(1.0, np.sqrt(spread.mean() / max(said.mean(), 1e-24))))
