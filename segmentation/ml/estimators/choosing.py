"""Which model of purchase serves: the best on the newest past window, and the recency rule unless it is beaten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from segmentation.ml.columns import RECENCY_DAYS, SECONDS_PER_DAY
from segmentation.ml.estimators import propensity, telling
from segmentation.ml.estimators.baselines import RecencyRule
from segmentation.ml.estimators.propensity import ALGORITHMS, Origin, PropensityModel, Settings
from segmentation.ml.metrics import log_losses, paired_bootstrap
from segmentation.ml.report import binary_metrics
from segmentation.ml.sampling import share_of
from segmentation.ml.tables import FeatureTable, Floats


RECENCY: Final = "recency rule"
CANDIDATES: Final = (*ALGORITHMS, RECENCY)
FEWEST = 50
"""Buyers and others, each, to learn from and to judge by."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """algorithm: one of CANDIDATES, or None where there is too little to learn from. scores: measures by candidate."""

    algorithm: str | None
    reason: str
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class ByRecency:
    """The recency rule with the manners of a model."""

    rule: RecencyRule

    def predict(self, features: FeatureTable, *, as_of: int, num_threads: int = 1) -> Floats:
        return self.rule.predict(features.column(RECENCY_DAYS))

    def told(self, features: FeatureTable, *, most: int = 3) -> list[str]:
        return telling.rhythm(features)


def choose(origins: Sequence[Origin], *, settings: Settings, only: str | None = None) -> Choice:
    """Compare all candidates on the newest of `origins` (ascending); `only` names the one that is to serve anyway.

    They learn from origins whose windows had closed by then, or, in a short history, from half of the customers.
    """
    known = [origin for origin in origins if len(origin.bought)]
    if not known or not all(_enough(part) for part in _split(known, settings)[1:]):
        return Choice(
            algorithm=None,
            reason=f"there are fewer than {FEWEST} buyers or {FEWEST} others in past windows",
        )
    learn, newest_learned, test = _split(known, settings)
    said = {RECENCY: propensity.fit_baseline([newest_learned]).predict(_recency(test))}
    for algorithm in ALGORITHMS:
        model = propensity.fit(learn, settings=replace(settings, algorithm=algorithm))
        said[algorithm] = model.predict(
            test.features, as_of=test.as_of, num_threads=settings.num_threads
        )
    losses = {name: log_losses(label=test.bought, probability=p) for name, p in said.items()}
    scores = {
        name: {
            key: round(value, 6)
            for key, value in binary_metrics(label=test.bought, probability=said[name]).items()
        }
        for name in CANDIDATES
    }
    best = only or min(ALGORITHMS, key=lambda name: float(losses[name].mean()))
    if best == RECENCY:
        return Choice(algorithm=RECENCY, reason="as asked for", scores=scores)
    difference = paired_bootstrap(first=losses[best], second=losses[RECENCY], seed=settings.seed)
    told = (
        f"log loss {difference.mean:+.4f} against the recency rule on the newest past window "
        f"(95\u00a0% interval {difference.low:+.4f} to {difference.high:+.4f})"
    )
    if only:
        return Choice(algorithm=only, reason=f"as asked for; {told}", scores=scores)
    if difference.high < 0:
        return Choice(algorithm=best, reason=f"{best}: {told}", scores=scores)
    reason = f"recency rule, not beaten by {best}: {told}"
    return Choice(algorithm=RECENCY, reason=reason, scores=scores)


def learn(
    origins: Sequence[Origin], *, choice: Choice, settings: Settings
) -> PropensityModel | ByRecency:
    """The chosen one, learned from all origins."""
    known = [origin for origin in origins if len(origin.bought)]
    if choice.algorithm == RECENCY:
        return ByRecency(rule=propensity.fit_baseline(known))
    return propensity.fit(known, settings=replace(settings, algorithm=str(choice.algorithm)))


def _split(origins: Sequence[Origin], settings: Settings) -> tuple[list[Origin], Origin, Origin]:
    """What to learn from, its newest origin, and what to judge by."""
    *earlier, test = origins
    closed = [
        origin
        for origin in earlier
        if origin.as_of + origin.horizon_days * SECONDS_PER_DAY <= test.as_of
    ]
    if closed and _enough(closed[-1]):
        return closed, closed[-1], test
    halves = []
    for origin in origins:
        learned = share_of(origin.features.customer_ids, share=0.5, seed=settings.seed)
        halves.append((_rows(origin, learned), _rows(origin, ~learned)))
    learn_from = [half for half, _ in halves if len(half.bought)] or [halves[-1][0]]
    return learn_from, learn_from[-1], halves[-1][1]


def _rows(origin: Origin, mask: np.ndarray) -> Origin:
    return replace(origin, features=origin.features.rows(mask), bought=origin.bought[mask])


def _enough(origin: Origin) -> bool:
    buyers = int(origin.bought.sum())
    return min(buyers, len(origin.bought) - buyers) >= FEWEST


def _recency(origin: Origin) -> Floats:
    return origin.features.column(RECENCY_DAYS)
