"""Train lifetime value on the mirror and judge it; `predictors` says what it gives, `scoring` keeps that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb

from segmentation import mirror, predictors, promotion, queries, sensitive, training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts, fairness, lifetime
from segmentation.ml.lifetime import Settings, ValueModel, ValueReport
from segmentation.ml.report import Verdict
from segmentation.ml.tables import Bools, FeatureTable, Floats


TASK = Task.LIFETIME
SHOWN = ("auc", "gini", "total_error", "decile_mape", "rmse", "median_mae")
"""Measures that a version is shown with; `lifetime.measures` has them all."""

MOST = 20_000
"""Customers learned from: each is looked at from up to a dozen moments of the past."""


def train(*, now: datetime) -> training.Result:
    """
    Learn what customers will spend, as of `now`, judge it on the newest closed window, and let it serve.

    With too little history rhythm and pooled baskets serve, and the version says so; without any order it is
    a recorded refusal. Raises AlreadyTrainingError.
    """
    training.lock(TASK)
    try:
        with mirror.connect() as database:
            return _train(database, now=now)
    finally:
        training.unlock(TASK)


def _train(database: duckdb.DuckDBPyConnection, *, now: datetime) -> training.Result:
    known_at = int(now.timestamp())
    first = lifetime.first_order(database, before=known_at)
    if first is None:
        return training.refused(
            TASK, "No orders of customers who agreed to profiling.", metrics={}, now=now
        )
    left_out = sensitive.forbidden_features()
    settings = Settings(seed=training.SEED, num_threads=training.threads(), left_out=left_out)
    sample = _sample(database, known_at=known_at)
    report = lifetime.judge(
        database, known_at=known_at, horizon_days=predictors.LIFETIME_DAYS, settings=settings,
        customer_ids=sample, audit=_auditor(database),
    )  # fmt: skip
    model = lifetime.learn(
        database, known_at=known_at, horizon_days=predictors.LIFETIME_DAYS, settings=settings,
        customer_ids=sample,
    )  # fmt: skip
    if report.verdict is not Verdict.MODEL:
        model = model.without_trees()  # what proves nothing does not serve
    previous = queries.champion(TASK)
    decision = _decide(model, report)
    if report.verdict is Verdict.MODEL:  # rhythm and baskets alone are always allowed
        forbidden = fairness.blocked(report.fairness, sensitive.floors())
        decision = training.within_limits(decision, forbidden)
    version = versions.record(
        task=TASK,
        status=ModelStatus.CHALLENGER,
        algorithm=model.rung,
        reason=decision.reason,
        as_of=now,
        now=now,
        rows=report.rows,
        positives=report.buyers,
        metrics={**_metrics(report), "why": model.reason},
        files=model.to_files(),
        provenance=artifacts.Provenance(
            task=TASK,
            estimator="lifetime",
            features=model.columns,
            data_from=first,
            data_until=known_at,
            rows=report.rows,
            seed=training.SEED,
            details={
                "horizon_days": predictors.LIFETIME_DAYS,
                "rung": model.rung,
                "excluded_features": list(left_out),
                **training.counted(database, known_at=known_at),
            },
        ),
    )
    training.settle(version, decision, now=now)
    return training.Result(
        version=version, previous=previous, promoted=decision.promote, reason=decision.reason,
        evidence=decision.evidence,
    )  # fmt: skip


def _auditor(database: duckdb.DuckDBPyConnection) -> lifetime.Audit:
    """Who is expected to spend most counts as selected; money has no share to hold what came against."""
    fields, left_out = sensitive.names(), set(sensitive.forbidden_features())

    def audit(table: FeatureTable, spend: Floats, bought: Bools) -> tuple[fairness.Fairness, ...]:
        names = tuple(name for name in table.names if name not in left_out)
        seen = FeatureTable(
            customer_ids=table.customer_ids, names=names, values=table.columns(names)
        )  # what the model may see, for whether that gives a group away
        return sensitive.audit(
            database, fields=fields, table=seen, probability=spend, happened=bought,
            seed=training.SEED, calibrated=False,
        )  # fmt: skip

    return audit


def _decide(model: ValueModel, report: ValueReport) -> promotion.Decision:
    """
    It always serves: of two models of one recipe the one that knows more, and a champion older than a month has
    seen part of any window of a year, so that it cannot be judged on it.
    """
    said = [report.reason, model.reason, f"{model.rung} serves"]
    reason = " ".join(f"{one[0].upper()}{one[1:].rstrip('.')}." for one in said if one)
    return promotion.Decision(promote=True, reason=reason, evidence={"metric": "deviance"})


def _metrics(report: ValueReport) -> dict[str, Any]:
    """As the models page reads them: the model's measures beside the baseline's."""
    measured = {
        "orders": (report.orders, report.baseline_orders),
        "spend": (report.spend, report.baseline_spend),
    }
    model, baseline = (
        {
            f"{what}_{name}": pair[place][name]
            for what, pair in measured.items()
            for name in SHOWN
            if name in pair[place]
        }
        for place in (0, 1)
    )
    if report.covered is not None:
        model["covered"] = report.covered
    return {**report.to_dict(), "model": model, "baseline": baseline}


def _sample(database: duckdb.DuckDBPyConnection, *, known_at: int) -> Sequence[int] | None:
    """MOST customers of whom an order is known, always the same ones."""
    rows = database.execute(
        """SELECT customer_id FROM (SELECT DISTINCT customer_id FROM orders WHERE placed_at < ?)
        SEMI JOIN customers USING (customer_id) ORDER BY hash(customer_id), customer_id LIMIT ?""",
        [known_at, MOST + 1],
    ).fetchall()
    return None if len(rows) <= MOST else sorted(row[0] for row in rows[:MOST])
