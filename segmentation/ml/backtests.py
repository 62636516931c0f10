"""Models judged at past cut-offs: how good one was over time, which way of retraining was best, which settings.

Everything here looks only at the cut-offs that a model may learn from; the newest closed window stays untouched for
the one judgement that decides. Every model at a past cut-off has learned only from windows closed by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np

from segmentation.ml.columns import RECENCY_DAYS, SECONDS_PER_DAY
from segmentation.ml.estimators import propensity, retraining
from segmentation.ml.estimators.propensity import Origin, Settings
from segmentation.ml.metrics import Interval, log_losses, paired_bootstrap
from segmentation.ml.report import binary_metrics
from segmentation.ml.sampling import share_of
from segmentation.ml.tables import Bools, Floats


PAST = 2
"""Past cut-offs that are judged: each costs some fits."""

NEW = 2
"""Cut-offs that count as new where old and new are told apart."""

MOST_ROWS = 30_000
"""Learned from, all cut-offs together: enough to compare, and seconds."""

FEWEST = 20
"""Buyers and others at a past cut-off, each; below, it is left out."""


class Strategy(Enum):
    """How a new model comes about."""

    ANEW = "ANEW"  # from all cut-offs, the old model forgotten
    WARM = "WARM"  # trees grown on the new cut-offs, from where the old model left off
    BLEND = "BLEND"  # the old model mixed with one of the new cut-offs


IN_WORDS = {
    Strategy.ANEW: "trained anew on all cut-offs",
    Strategy.WARM: "warm start: the old model continued on the new cut-offs",
    Strategy.BLEND: "blend: the old model mixed with one of the new cut-offs",
}


@dataclass(frozen=True, kw_only=True)
class PastOrigin:
    """One past cut-off: how the model of that time, trained anew, did beside the recency rule."""

    at: int
    rows: int
    rate: float
    model: Mapping[str, float]
    baseline: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One strategy over the past cut-offs; `against_anew` in nats a row, below zero is better."""

    strategy: str
    words: str
    log_loss: float
    auc: float
    brier: float
    against_anew: Interval | None


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """`chosen` is ANEW unless another was better with a 95 % paired interval."""

    past: tuple[PastOrigin, ...] = ()
    strategies: tuple[Compared, ...] = ()
    chosen: Strategy = Strategy.ANEW
    weight: float = 0.5
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What was tried on inner cut-offs: settings with their log loss, the default first; `best` is one of them."""

    best: Settings
    tried: tuple[Mapping[str, float], ...] = field(default_factory=tuple)


def over_past(
    origins: Sequence[Origin],
    *,
    horizon_days: int,
    settings: Settings,
    compare: bool,
    newest: int = PAST,
) -> Backtest:
    """
    Judge models at the `newest` of `origins` (ascending); with `compare`, the three ways of retraining too.

    Empty where there are too few cut-offs or too few buyers to judge by.
    """
    # the same customers for every way and every model, or who learns from more would win
    learned_from = _fewer(origins, seed=settings.seed)
    past: list[PastOrigin] = []
    said: dict[Strategy, list[Floats]] = {strategy: [] for strategy in Strategy}
    truth: list[Bools] = []
    parts: list[tuple[Floats, Floats, Bools]] = []
    for origin in origins[-newest:]:
        usable = closed_by(learned_from, origin.as_of, horizon_days=horizon_days)
        if not usable or not _judgeable(origin) or not all(map(_judgeable, usable)):
            continue
        anew = _say(propensity.fit(usable, settings=settings), origin, settings)
        rule = propensity.fit_baseline(usable).predict(origin.features.column(RECENCY_DAYS))
        past.append(
            PastOrigin(
                at=origin.as_of,
                rows=len(origin.bought),
                rate=float(origin.bought.mean()),
                model=binary_metrics(label=origin.bought, probability=anew),
                baseline=binary_metrics(label=origin.bought, probability=rule),
            )
        )
        if not compare or len(usable) <= NEW:
            continue
        old = propensity.fit(usable[:-NEW], settings=settings)
        new = propensity.fit(usable[-NEW:], settings=settings)
        warm = retraining.continued(old, usable[-NEW:], settings=settings)
        old_said, new_said = _say(old, origin, settings), _say(new, origin, settings)
        # the weight of this cut-off is learned on those before it
        weight = retraining.best_weight(parts)
        said[Strategy.ANEW].append(anew)
        said[Strategy.WARM].append(_say(warm, origin, settings))
        said[Strategy.BLEND].append(retraining.mixed(old_said, new_said, weight=weight))
        truth.append(origin.bought)
        parts.append((old_said, new_said, origin.bought))
    return _chosen(past, said, truth, parts, seed=settings.seed)


def search(
    origins: Sequence[Origin], *, horizon_days: int, settings: Settings, trials: int
) -> Search:
    """
    Try `trials` settings around the given ones, drawn with their seed, at the newest of `origins`.

    The given ones are kept unless others are better there with a 95 % paired interval; 0 trials keep them unasked.
    """
    if trials <= 0 or not origins:
        return Search(best=settings)
    judged = origins[-1]
    usable = closed_by(origins, judged.as_of, horizon_days=horizon_days)
    if not usable or not _judgeable(judged) or not all(map(_judgeable, usable)):
        return Search(best=settings)
    generator = np.random.default_rng(settings.seed)
    candidates = [settings, *(_drawn(settings, generator) for _ in range(trials))]
    losses = []
    for one in candidates:
        smaller = replace(one, most_rows=min(one.most_rows, MOST_ROWS))
        probability = _say(propensity.fit(usable, settings=smaller), judged, smaller)
        losses.append(log_losses(label=judged.bought, probability=probability))
    best = min(range(len(losses)), key=lambda number: float(losses[number].mean()))
    if (
        best
        and paired_bootstrap(first=losses[best], second=losses[0], seed=settings.seed).high >= 0
    ):
        best = 0
    tried = tuple(
        {**_told(one), "log_loss": float(loss.mean()), "taken": float(number == best)}
        for number, (one, loss) in enumerate(zip(candidates, losses, strict=True))
    )
    return Search(best=candidates[best], tried=tried)


def _fewer(origins: Sequence[Origin], *, seed: int) -> list[Origin]:
    """At every cut-off the same customers, so many that all rows together are at most MOST_ROWS."""
    share = MOST_ROWS / max(1, sum(len(one.bought) for one in origins))
    if share >= 1:
        return list(origins)
    fewer = []
    for one in origins:
        kept = share_of(one.features.customer_ids, share=share, seed=seed)
        fewer.append(replace(one, features=one.features.rows(kept), bought=one.bought[kept]))
    return fewer


def closed_by(origins: Sequence[Origin], moment: int, *, horizon_days: int) -> list[Origin]:
    """The cut-offs whose windows were closed at `moment`."""
    return [one for one in origins if one.as_of + horizon_days * SECONDS_PER_DAY <= moment]


def _judgeable(origin: Origin) -> bool:
    buyers = int(origin.bought.sum())
    return min(buyers, len(origin.bought) - buyers) >= FEWEST


def _say(model: retraining.Model, origin: Origin, settings: Settings) -> Floats:
    return model.predict(origin.features, as_of=origin.as_of, num_threads=settings.num_threads)


def _drawn(settings: Settings, generator: np.random.Generator) -> Settings:
    """Fewer or more trees, slower or faster, smaller or larger: within a factor of two or so of the given."""

    def near(value: float, *, least: float) -> float:
        return max(least, value * 2 ** generator.uniform(-1, 1))

    return replace(
        settings,
        trees=round(near(settings.trees, least=20)),
        learning_rate=round(near(settings.learning_rate, least=0.005), 4),
        leaves=round(near(settings.leaves, least=4)),
        rows_per_leaf=round(near(settings.rows_per_leaf, least=10)),
    )


def _told(settings: Settings) -> dict[str, float]:
    names = ("trees", "learning_rate", "leaves", "rows_per_leaf")
    return {name: float(getattr(settings, name)) for name in names}


def _chosen(
    past: list[PastOrigin],
    said: Mapping[Strategy, list[Floats]],
    truth: list[Bools],
    parts: list[tuple[Floats, Floats, Bools]],
    *,
    seed: int,
) -> Backtest:
    if not truth:
        return Backtest(past=tuple(past))
    bought: Any = np.concatenate(truth)
    losses = {
        strategy: log_losses(label=bought, probability=np.concatenate(values))
        for strategy, values in said.items()
    }
    compared, chosen = [], Strategy.ANEW
    for strategy, values in said.items():
        measured = binary_metrics(label=bought, probability=np.concatenate(values))
        against = (
            None
            if strategy is Strategy.ANEW
            else paired_bootstrap(first=losses[strategy], second=losses[Strategy.ANEW], seed=seed)
        )
        compared.append(
            Compared(
                strategy=strategy.value,
                words=IN_WORDS[strategy],
                log_loss=measured["log_loss"],
                auc=measured["auc"],
                brier=measured["brier"],
                against_anew=against,
            )
        )
        better = against is not None and against.high < 0
        if better and losses[strategy].mean() < losses[chosen].mean():
            chosen = strategy
    reason = (
        "No other way was proven better than training anew on past cut-offs."
        if chosen is Strategy.ANEW
        else f"On past cut-offs better than training anew: {IN_WORDS[chosen]}."
    )
    return Backtest(
        past=tuple(past),
        strategies=tuple(compared),
        chosen=chosen,
        weight=retraining.best_weight(parts),
        reason=reason,
    )
