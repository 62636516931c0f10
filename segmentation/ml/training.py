"""From the mirror to a judged model: gather cut-offs, learn, judge on the newest closed window."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np

from segmentation.ml import backtests, features, labels, membership_attack
from segmentation.ml.backtests import Strategy
from segmentation.ml.columns import ORDERS, RECENCY_DAYS, SECONDS_PER_DAY
from segmentation.ml.estimators import propensity, retraining
from segmentation.ml.estimators.baselines import RecencyRule
from segmentation.ml.estimators.propensity import Origin, Settings
from segmentation.ml.estimators.retraining import Model
from segmentation.ml.fairness import Fairness
from segmentation.ml.membership_attack import Leak
from segmentation.ml.metrics import calibration, gains, log_losses, paired_bootstrap
from segmentation.ml.report import EvaluationReport, Verdict, binary_metrics
from segmentation.ml.splits import TimeSplit, rolling_origins
from segmentation.ml.tables import Bools, FeatureTable, Floats, Ints


FEWEST = 50
"""Buyers and non-buyers needed, each, in training and at the test cut-off: below, a rate of 20 %
is not known to within half of itself, and neither is a difference between two models."""

SAME = 1e-6
"""Between the highest and the lowest probability; a model within says the same of everybody."""

ACTIVE_DAYS = 365
"""Who has not ordered for a year is no longer asked whether they churn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What training hands over. `model` and `rule` are None when refused.

    `model` and `rule` have learned from every closed window, the test window included; `test_*` is
    what they said about it before they had seen it. test_ids, test_bought, test_model, test_rule: (n,);
    the last three are NaN-free and in the order of test_ids. leak: whether models of these settings
    remember who was in their training; None where it could not be tried.
    """

    report: EvaluationReport
    model: Model | None = None
    rule: RecencyRule | None = None
    strategy: Strategy = Strategy.ANEW
    test_ids: Ints
    test_bought: Bools
    test_model: Floats
    test_rule: Floats
    leak: Leak | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Old:
    """The model that serves, and the moment (epoch seconds) up to which it has seen data."""

    model: Model
    known_until: int


Audit = Callable[[FeatureTable, Floats, Bools], tuple[Fairness, ...]]
"""Looks at what was predicted for whom, and who bought, for fairness; (n,) each."""


def eligible(table: FeatureTable, *, active_days: int = ACTIVE_DAYS) -> FeatureTable:
    """Keep customers with an order in the last `active_days`."""
    return table.rows((table.column(ORDERS) > 0) & (table.column(RECENCY_DAYS) <= active_days))


def gather(
    connection: duckdb.DuckDBPyConnection,
    *,
    at: Sequence[int],
    horizon_days: int,
    known_at: int,
    customer_ids: Sequence[int] | None = None,
    active_days: int = ACTIVE_DAYS,
    names: Sequence[str] = features.MODEL_FEATURES,
) -> list[Origin]:
    """Build one `Origin` per cut-off from the mirror; `customer_ids` limits it to a sample, `names` the features."""
    origins = []
    for as_of in at:
        table = features.compute(connection, as_of=as_of, customer_ids=customer_ids)
        learned_from = FeatureTable.from_arrow(table).only(names)
        known = eligible(learned_from, active_days=active_days)
        bought = labels.purchased(
            connection,
            as_of=as_of,
            horizon_days=horizon_days,
            known_at=known_at,
            customer_ids=known.customer_ids,
        )
        origins.append(
            Origin(as_of=as_of, features=known, bought=bought, horizon_days=float(horizon_days))
        )
    return origins


def train(
    connection: duckdb.DuckDBPyConnection,
    *,
    task: str,
    horizon_days: int,
    history_from: int,
    known_at: int,
    settings: Settings,
    customer_ids: Sequence[int] | None = None,
    names: Sequence[str] = features.MODEL_FEATURES,
    old: Old | None = None,
    trials: int = 0,
    audit: Audit | None = None,
) -> Trained:
    """Learn P(buys within `horizon_days`) from the mirror as known at `known_at` and judge it.

    names: the features that may be learned from. old: what serves now; the ways of retraining that build on it are
    then compared. trials: settings to try on inner cut-offs. Raises splits.TooLittleHistoryError when the history
    is shorter than two windows; too few buyers or non-buyers are a refusal in the report, not an error.
    """
    split = rolling_origins(history_from=history_from, known_at=known_at, horizon_days=horizon_days)
    *learn, test = gather(
        connection,
        at=(*split.train_at, split.test_at),
        horizon_days=horizon_days,
        known_at=known_at,
        customer_ids=customer_ids,
        names=names,
    )
    return judge(
        learn, test, task=task, split=split, settings=settings, old=old, trials=trials, audit=audit
    )


def judge(
    learn: Sequence[Origin],
    test: Origin,
    *,
    task: str,
    split: TimeSplit,
    settings: Settings,
    old: Old | None = None,
    trials: int = 0,
    audit: Audit | None = None,
) -> Trained:
    """Choose settings and strategy on `learn`, compare with the recency rule on `test`, then fit again on all."""
    learn = [origin for origin in learn if len(origin.bought)]
    refusal = _refusal(learn, test)
    if refusal:
        return _refused(learn, test, task=task, split=split, reason=refusal)
    horizon = split.horizon_days
    found = backtests.search(learn, horizon_days=horizon, settings=settings, trials=trials)
    settings = found.best
    leak = membership_attack.attack(test, settings=_small(settings))
    past = backtests.over_past(
        learn, horizon_days=horizon, settings=settings, compare=_can_be_built_on(old)
    )
    judged = _as_of_the_test(learn, past, settings=settings)
    said = judged.predict(test.features, as_of=test.as_of, num_threads=settings.num_threads)
    by_rule = propensity.fit_baseline(learn).predict(test.features.column(RECENCY_DAYS))
    difference = paired_bootstrap(
        first=log_losses(label=test.bought, probability=said),
        second=log_losses(label=test.bought, probability=by_rule),
        seed=settings.seed,
    )
    # a constant may be better than the rule by a hair; it tells nobody anything
    same = bool(np.ptp(said) < SAME)
    better = difference.high < 0 and not same
    everything = [*learn, test]
    strategy, model = _final(everything, past, old, horizon_days=horizon, settings=settings)
    report = EvaluationReport(
        task=task,
        verdict=Verdict.MODEL if better else Verdict.BASELINE,
        reason=(
            f"Log loss {difference.mean:+.4f} against the recency rule "
            f"(95\u00a0% interval {difference.low:+.4f} to {difference.high:+.4f}): "
            + _in_words(better=better, same=same)
        ),
        horizon_days=horizon,
        train_at=tuple(origin.as_of for origin in learn),
        test_at=test.as_of,
        train_rows=sum(len(origin.bought) for origin in learn),
        train_positives=sum(int(origin.bought.sum()) for origin in learn),
        rows=len(test.bought),
        positives=int(test.bought.sum()),
        model=binary_metrics(label=test.bought, probability=said),
        baseline=binary_metrics(label=test.bought, probability=by_rule),
        loss_difference=difference,
        calibration=calibration(label=test.bought, probability=said),
        gains={
            "model": gains(label=test.bought, score=said),
            "baseline": gains(label=test.bought, score=by_rule),
        },
        past=past.past,
        strategies=past.strategies,
        strategy=strategy.value,
        strategy_reason=past.reason,
        search=found.tried,
        rivals={
            name: binary_metrics(label=test.bought, probability=by_rival)
            for name, by_rival in propensity.rivals(learn, test, settings=_small(settings)).items()
        },
        fairness=audit(test.features, said, test.bought) if audit else (),
    )
    return Trained(
        report=report,
        model=model,
        rule=propensity.fit_baseline(everything),
        strategy=strategy,
        test_ids=test.features.customer_ids,
        test_bought=test.bought,
        test_model=said,
        test_rule=by_rule,
        leak=leak,
    )


def _in_words(*, better: bool, same: bool) -> str:
    if same:
        return "the features do not tell customers apart, and the model says the same of all."
    return "the model is better." if better else "no proof that the model is better."


def _small(settings: Settings) -> Settings:
    """Enough rows to compare by: what is shown beside the model must not cost as much as it."""
    return replace(settings, most_rows=min(settings.most_rows, backtests.MOST_ROWS))


def _can_be_built_on(old: Old | None) -> bool:
    return old is not None and retraining.depth(old.model) < retraining.DEEPEST


def _as_of_the_test(
    learn: Sequence[Origin], past: backtests.Backtest, *, settings: Settings
) -> Model:
    """The chosen strategy as it would have been used then: no model of today has a part in it."""
    if past.chosen is Strategy.ANEW:
        return propensity.fit(learn, settings=settings)
    known, new = learn[: -backtests.NEW], learn[-backtests.NEW :]
    before = propensity.fit(known, settings=settings)
    if past.chosen is Strategy.WARM:
        return retraining.continued(before, new, settings=settings)
    return retraining.blended(before, new, weight=past.weight, settings=settings)


def _final(
    everything: Sequence[Origin],
    past: backtests.Backtest,
    old: Old | None,
    *,
    horizon_days: int,
    settings: Settings,
) -> tuple[Strategy, Model]:
    """The model that is stored: of the chosen strategy, if there are windows that the old one has not seen closed."""
    if past.chosen is not Strategy.ANEW and old is not None:
        horizon = horizon_days * SECONDS_PER_DAY
        new = [one for one in everything if one.as_of + horizon > old.known_until]
        if new and past.chosen is Strategy.WARM:
            return past.chosen, retraining.continued(old.model, new, settings=settings)
        if new:
            return past.chosen, retraining.blended(
                old.model, new, weight=past.weight, settings=settings
            )
    return Strategy.ANEW, propensity.fit(everything, settings=settings)


def _refusal(learn: Sequence[Origin], test: Origin) -> str:
    if not learn:
        return "Too little to learn from: no customer had ordered before the training cut-offs."
    for moment, origin in (("newest training", learn[-1]), ("test", test)):
        buyers = int(origin.bought.sum())
        others = len(origin.bought) - buyers
        if min(buyers, others) < FEWEST:
            return (
                f"Too few to learn from: {buyers} buyers and {others} others in the {moment} window; "
                f"{FEWEST} of each are needed."
            )
    return ""


def _refused(
    learn: Sequence[Origin], test: Origin, *, task: str, split: TimeSplit, reason: str
) -> Trained:
    nothing = np.full(len(test.bought), np.nan)
    return Trained(
        report=EvaluationReport(
            task=task,
            verdict=Verdict.REFUSED,
            reason=reason,
            horizon_days=split.horizon_days,
            train_at=split.train_at,
            test_at=split.test_at,
            train_rows=sum(len(origin.bought) for origin in learn),
            train_positives=sum(int(origin.bought.sum()) for origin in learn),
            rows=len(test.bought),
            positives=int(test.bought.sum()),
        ),
        test_ids=test.features.customer_ids,
        test_bought=test.bought,
        test_model=nothing,
        test_rule=nothing,
    )
