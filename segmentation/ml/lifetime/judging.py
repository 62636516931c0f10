"""What a ValueModel showed on a window that it had not seen, beside rhythm and baskets alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb
import numpy as np

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.fairness import Fairness
from segmentation.ml.lifetime import origins
from segmentation.ml.lifetime.base import poisson_deviances
from segmentation.ml.lifetime.measures import Tenth, coverage, forecast_metrics, tenths
from segmentation.ml.lifetime.model import ValueModel
from segmentation.ml.lifetime.origins import Origin, TooLittleHistoryError
from segmentation.ml.lifetime.trees import Settings
from segmentation.ml.metrics import Interval, paired_bootstrap
from segmentation.ml.report import Verdict
from segmentation.ml.tables import Bools, FeatureTable, Floats


FEWEST = 50
"""Buyers in the test window, below which nothing is proved either way."""


Audit = Callable[[FeatureTable, Floats, Bools], tuple[Fairness, ...]]
"""Looks at what was expected of whom, and who bought, for fairness; (n,) each."""


@dataclass(frozen=True, kw_only=True)
class ValueReport:
    """The record of one evaluation, as report.EvaluationReport is for probabilities. Times are epoch seconds.

    horizon_days: of the test window, which may be shorter than what was asked for. orders, spend: measures of the
    model by name (measures.forecast_metrics; spend in cents); baseline_*: of rhythm and baskets alone, at the
    same level. loss_difference: Poisson deviance of orders, model less baseline, a customer, with its 95 % interval;
    below zero the model is better. covered: share of customers whose spend lay in the interval that is to hold
    0.8. deciles: spend by predicted spend, for the pictures of calibration and gain.
    """

    verdict: Verdict
    reason: str
    rung: str
    horizon_days: float
    test_at: int
    rows: int
    buyers: int
    orders: Mapping[str, float | None] = field(default_factory=dict)
    spend: Mapping[str, float | None] = field(default_factory=dict)
    baseline_orders: Mapping[str, float | None] = field(default_factory=dict)
    baseline_spend: Mapping[str, float | None] = field(default_factory=dict)
    loss_difference: Interval | None = None
    covered: float | None = None
    deciles: tuple[Tenth, ...] = ()
    inner: Mapping[str, Any] = field(default_factory=dict)
    fairness: tuple[Any, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "verdict": self.verdict.value}


def judge(
    connection: duckdb.DuckDBPyConnection,
    *,
    known_at: int,
    horizon_days: float,
    settings: Settings,
    customer_ids: Sequence[int] | None = None,
    audit: Audit | None = None,
) -> ValueReport:
    """Learn from what was known before the newest closed window, and compare with what came in it.

    The window is as long as the horizon, at most a third of the history. Too little of anything is a refusal
    in the report, not an error.
    """
    first = origins.first_order(connection, before=known_at)
    days = (known_at - first) / SECONDS_PER_DAY if first is not None else 0.0
    ahead = float(np.floor(min(horizon_days, days / 3)))
    test_at = known_at - int(ahead) * SECONDS_PER_DAY
    if first is None or ahead < 1:
        reason = f"{days:.0f} days of history are too few to judge by"
        return _refused(reason, ahead=ahead, test_at=test_at)
    try:
        at = origins.moments(history_from=first, known_at=test_at, horizon_days=ahead)
    except TooLittleHistoryError as error:
        return _refused(str(error), ahead=ahead, test_at=test_at)
    learned_from = origins.gather(connection, at=at, known_at=test_at, customer_ids=customer_ids)
    test = origins.observe(
        connection, as_of=test_at, window_days=ahead, known_at=known_at, customer_ids=customer_ids
    )
    if not len(test):
        return _refused("nobody had ordered before the test window", ahead=ahead, test_at=test_at)
    model = ValueModel.fit(learned_from, now=test.features, horizon_days=ahead, settings=settings)
    return compare(model, test, seed=settings.seed, audit=audit)


def compare(
    model: ValueModel, test: Origin, *, seed: int, audit: Audit | None = None
) -> ValueReport:
    """Judge `model` on a window that it had not seen."""
    buyers = int(np.count_nonzero(test.orders))
    if buyers < FEWEST:
        reason = f"{buyers} buyers in the test window; {FEWEST} are needed to judge"
        return _refused(reason, ahead=test.window_days, test_at=test.as_of, rows=len(test))
    ahead = test.window_days
    said = model.predict(test.features, as_of=test.as_of, horizon_days=ahead)
    plain = model.without_trees().predict(test.features, as_of=test.as_of, horizon_days=ahead)
    difference = paired_bootstrap(
        first=poisson_deviances(test.orders, said.expected_orders),
        second=poisson_deviances(test.orders, plain.expected_orders),
        seed=seed,
    )
    better = difference.high < 0
    return ValueReport(
        verdict=Verdict.MODEL if better else Verdict.BASELINE,
        reason=(
            f"Deviance of orders {difference.mean:+.4f} against {model.base.rhythm.name} alone "
            f"(95\u00a0% interval {difference.low:+.4f} to {difference.high:+.4f}): "
            + ("the trees are better." if better else "no proof that the trees are better.")
        ),
        rung=model.rung,
        horizon_days=ahead,
        test_at=test.as_of,
        rows=len(test),
        buyers=buyers,
        orders=forecast_metrics(
            actual=test.orders, mean=said.expected_orders, median=said.median_orders
        ),
        spend=forecast_metrics(
            actual=test.spend_cents, mean=said.expected_spend_cents, median=said.median_spend_cents
        ),
        baseline_orders=forecast_metrics(actual=test.orders, mean=plain.expected_orders),
        baseline_spend=forecast_metrics(actual=test.spend_cents, mean=plain.expected_spend_cents),
        loss_difference=difference,
        covered=coverage(actual=test.spend_cents, low=said.low_cents, high=said.high_cents),
        deciles=tenths(actual=test.spend_cents, predicted=said.expected_spend_cents),
        inner=model.inner,
        fairness=audit(test.features, said.expected_spend_cents, test.orders > 0) if audit else (),
    )


def _refused(reason: str, *, ahead: float, test_at: int, rows: int = 0) -> ValueReport:
    return ValueReport(
        verdict=Verdict.REFUSED, reason=reason, rung="", horizon_days=ahead, test_at=test_at,
        rows=rows, buyers=0,
    )  # fmt: skip
