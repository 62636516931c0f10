"""Train churn and purchase likelihood on the mirror, judge them against time and baseline, keep the record.

This learns from orders alone. The response and uplift models learn from campaigns; their labels come
from feedback, which hands them down to `campaign_training`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import connection

from segmentation import (
    examples,
    forgetting,
    mirror,
    predictors,
    promotion,
    queries,
    sensitive,
    versions,
)
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts, fairness, features, splits, training
from segmentation.ml.backtests import Strategy
from segmentation.ml.columns import RECENCY_DAYS
from segmentation.ml.estimators.propensity import Settings
from segmentation.ml.metrics import log_losses
from segmentation.ml.report import EvaluationReport, Verdict
from segmentation.ml.tables import Bools, FeatureTable, Floats
from segmentation.models import ModelVersion


HORIZON_DAYS = {Task.CHURN: 90, Task.PURCHASE: 30}
RULE = "recency rule"
HOW = {Strategy.ANEW: "", Strategy.WARM: ", continued", Strategy.BLEND: ", old and new"}
STALE_DAYS = 60
SEED = 42
LARGEST_SAMPLE = 100_000


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a training led to: the new version and whether it serves, with the reason in words."""

    version: ModelVersion
    previous: ModelVersion | None
    promoted: bool
    reason: str
    evidence: dict[str, Any]


class AlreadyTrainingError(RuntimeError):
    """Another process trains this task now; nothing was done."""


def threads() -> int:
    return settings.TRAIN_THREADS or max(1, (os.cpu_count() or 2) - 1)


def lock(task: Task) -> None:
    """
    Hold the trainer's lock of `task` until this session's transaction or connection ends.

    Raises AlreadyTrainingError when another process holds it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"training {task}"])
        if not cursor.fetchone()[0]:
            raise AlreadyTrainingError(f"{task.label}: another process is training it")


def unlock(task: Task) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [f"training {task}"])


def train_propensity(task: Task, *, now: datetime) -> Result:
    """
    Train `task` (CHURN or PURCHASE) as of `now` from the mirror and decide whether it serves.

    Too little data is a recorded refusal, not an error. Raises AlreadyTrainingError.
    """
    lock(task)
    try:
        with mirror.connect() as database:
            return _train(task, database, now=now)
    finally:
        unlock(task)


def _train(task: Task, database: duckdb.DuckDBPyConnection, *, now: datetime) -> Result:
    known_at = int(now.timestamp())
    # fetchall: an open result would block the next statement on this connection
    ((first, customers),) = database.execute(
        "SELECT min(placed_at), count(DISTINCT customer_id) FROM orders WHERE placed_at < ?",
        [known_at],
    ).fetchall()
    if first is None:
        return refused(task, "No orders of customers who agreed to profiling.", metrics={}, now=now)
    previous, allowed = queries.champion(task), sensitive.allowed_features()
    try:
        trained = training.train(
            database,
            task=task.lower(),
            horizon_days=HORIZON_DAYS[task],
            history_from=int(first),
            known_at=known_at,
            settings=Settings(seed=SEED, num_threads=threads(), algorithm=settings.TRAIN_ALGORITHM),
            customer_ids=_sample(database, customers),
            names=allowed,
            old=_old(previous, allowed),
            trials=settings.TRAIN_TRIALS,
            audit=_auditor(task, database),
        )
    except splits.TooLittleHistoryError as error:
        return refused(task, str(error), metrics={}, now=now)
    if trained.report.verdict is Verdict.REFUSED or trained.model is None or trained.rule is None:
        return refused(task, trained.report.reason, metrics=trained.report.to_dict(), now=now)

    decision = _allowed(_decide(task, database, trained, previous, now=now), trained)
    if trained.report.verdict is Verdict.MODEL:
        algorithm, files, names = (
            f"{settings.TRAIN_ALGORITHM}{HOW[trained.strategy]}",
            trained.model.to_files(),
            trained.model.names,
        )
    else:
        algorithm, names = RULE, (RECENCY_DAYS,)
        files = artifacts.to_files(documents={"rule": trained.rule.to_dict()})
    report = trained.report
    version = versions.record(
        task=task,
        status=ModelStatus.CHALLENGER,
        algorithm=algorithm,
        reason=decision.reason,
        as_of=now,
        now=now,
        rows=report.train_rows + report.rows,
        positives=report.train_positives + report.positives,
        metrics=report.to_dict(),
        files=files,
        provenance=artifacts.Provenance(
            task=task,
            estimator=algorithm,
            features=names,
            data_from=int(first),
            data_until=known_at,
            rows=report.train_rows + report.rows,
            seed=SEED,
            details={
                **counted(database, known_at=known_at),
                "excluded_features": sorted(set(features.MODEL_FEATURES) - set(allowed)),
                "horizon_days": HORIZON_DAYS[task],
                "strategy": trained.strategy.value,
                "membership_auc": None if trained.leak is None else round(trained.leak.auc, 4),
                "built_on": str(previous) if trained.strategy is not Strategy.ANEW else "",
            },
        ),
    )
    examples.keep(version, trained)
    settle(version, decision, now=now)
    return Result(
        version=version,
        previous=previous,
        promoted=decision.promote,
        reason=decision.reason,
        evidence=decision.evidence,
    )


def settle(version: ModelVersion, decision: promotion.Decision, *, now: datetime) -> None:
    """Promote or reject `version` as decided."""
    if decision.promote:
        versions.promote(version, reason=decision.reason, now=now)
    else:
        versions.reject(version, reason=decision.reason, now=now)


def _sample(database: duckdb.DuckDBPyConnection, customers: int) -> list[int] | None:
    """All customers up to a size at which more rows no longer move the metrics, else a fixed sample."""
    if customers <= LARGEST_SAMPLE:
        return None
    rows = database.execute(
        "SELECT customer_id FROM customers ORDER BY hash(customer_id), customer_id LIMIT ?",
        [LARGEST_SAMPLE],
    ).fetchall()
    return sorted(row[0] for row in rows)


def _old(champion: ModelVersion | None, names: tuple[str, ...]) -> training.Old | None:
    """What serves, if a new model can be built on it: read, of this kind, from features that are allowed today."""
    if champion is None or champion.window_ends_at is None or champion.algorithm == RULE:
        return None
    if forgetting.remains(champion).people:  # who has left must not live on in what is built on it
        return None
    try:
        model = predictors.propensity(champion)
    except artifacts.ArtifactError:
        return None
    if not set(model.names) <= set(names):
        return None
    return training.Old(model=model, known_until=int(champion.window_ends_at.timestamp()))


def _auditor(task: Task, database: duckdb.DuckDBPyConnection) -> training.Audit:
    """Of churn, who is likeliest to leave counts as selected."""
    fields = sensitive.names()

    def audit(
        table: FeatureTable, probability: Floats, bought: Bools
    ) -> tuple[fairness.Fairness, ...]:
        leaves = task is Task.CHURN
        return sensitive.audit(
            database,
            fields=fields,
            table=table,
            probability=1 - probability if leaves else probability,
            happened=~bought if leaves else bought,
            seed=SEED,
        )

    return audit


def counted(database: duckdb.DuckDBPyConnection, *, known_at: int) -> dict[str, int]:
    """For a manifest: customers with and without a basis for profiling; those without are in nothing that is learned."""
    ((profiled, excluded),) = database.execute(
        "SELECT count(*) FILTER (may_profile), count(*) FILTER (NOT may_profile) FROM people"
        " WHERE joined_at < ?",
        [known_at],
    ).fetchall()
    return {"profiled_customers": int(profiled), "excluded_customers": int(excluded)}


def _allowed(decision: promotion.Decision, trained: training.Trained) -> promotion.Decision:
    """No promotion against a declared limit of fairness, however good the model is."""
    if trained.report.verdict is not Verdict.MODEL:
        return decision
    return within_limits(decision, fairness.blocked(trained.report.fairness, sensitive.floors()))


def within_limits(decision: promotion.Decision, why: str) -> promotion.Decision:
    """why: what forbids the model by a declared limit (fairness.blocked); empty for nothing."""
    if not why or not decision.promote:
        return decision
    return promotion.Decision(
        promote=False, reason=f"Not promoted. {why}", evidence={**decision.evidence, "blocked": why}
    )


def _decide(
    task: Task,
    database: duckdb.DuckDBPyConnection,
    trained: training.Trained,
    champion: ModelVersion | None,
    *,
    now: datetime,
) -> promotion.Decision:
    report = trained.report
    if report.verdict is Verdict.BASELINE:
        # The rule is always safe to serve; a model that was better once keeps its place, if it is there.
        serves = champion is None or champion.algorithm == RULE or not _readable(champion)
        return promotion.Decision(
            promote=serves,
            reason=f"{report.reason} "
            + ("The recency rule serves." if serves else "The champion stays."),
            evidence={"metric": "log loss"},
        )
    loss = log_losses(label=trained.test_bought, probability=trained.test_model)
    rule = log_losses(label=trained.test_bought, probability=trained.test_rule)
    if champion is None:
        return promotion.decide(
            challenger=loss, baseline=rule, champion=None, metric="log loss", seed=SEED
        )
    if champion.window_ends_at and champion.window_ends_at.timestamp() > report.test_at:
        return _against_an_earlier_one(task, database, trained, loss)
    try:
        said = _champion_says(champion, database, trained, report)
    except (artifacts.ArtifactError, KeyError) as error:
        decision = promotion.decide(
            challenger=loss,
            baseline=rule,
            champion=None,
            metric="log loss",
            schema_changed=True,
            seed=SEED,
        )
        return promotion.Decision(
            promote=decision.promote,
            reason=f"{decision.reason} ({error})",
            evidence=decision.evidence,
        )
    return promotion.decide(
        challenger=loss,
        baseline=rule,
        champion=log_losses(label=trained.test_bought, probability=said),
        metric="log loss",
        champion_stale=is_stale(champion, now=now),
        seed=SEED,
    )


def is_stale(champion: ModelVersion, *, now: datetime) -> bool:
    """It is to be replaced by whatever is not worse: it is old, or somebody has left whom it was learned from."""
    is_old = (now - champion.trained_at).days > STALE_DAYS
    return is_old or forgetting.remains(champion).people > 0


def _against_an_earlier_one(
    task: Task,
    database: duckdb.DuckDBPyConnection,
    trained: training.Trained,
    loss: npt.NDArray[np.float64],
) -> promotion.Decision:
    """
    The champion has learned from part of the test window and cannot be judged on it. Of two models of one recipe the
    one that knows more serves, unless one that served before, and did not see the window either, was better on it.
    """
    report = trained.report
    evidence: dict[str, Any] = {"metric": "log loss"}
    knows_more = (
        "The champion has learned from part of the test window and cannot be judged on it; of two models of "
        "one recipe the one that knows more serves."
    )
    earlier = queries.served_without_knowing(task, moment=versions.moment(report.test_at))
    try:
        said = None if earlier is None else _champion_says(earlier, database, trained, report)
    except (artifacts.ArtifactError, KeyError):
        said = None
    if earlier is None or said is None:
        return promotion.Decision(
            promote=True, reason=f"{report.reason} {knows_more}", evidence=evidence
        )
    against = promotion.compare(
        loss, log_losses(label=trained.test_bought, probability=said), seed=SEED
    )
    evidence["against_an_earlier_one"] = {"version": str(earlier), **promotion.plain(against)}
    told = promotion.in_words("log loss", against)
    if against.low > 0:
        return promotion.Decision(
            promote=False,
            reason=f"Worse than {earlier}, which served before and has not seen the test window either: {told}.",
            evidence=evidence,
        )
    return promotion.Decision(
        promote=True,
        reason=f"{report.reason} {knows_more} Against {earlier}, which has not seen it either: {told}.",
        evidence=evidence,
    )


def _readable(version: ModelVersion) -> bool:
    try:
        versions.load(version)
    except artifacts.ArtifactError:
        return False
    return True


def _champion_says(
    champion: ModelVersion,
    database: duckdb.DuckDBPyConnection,
    trained: training.Trained,
    report: EvaluationReport,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    table = training.eligible(FeatureTable.from_arrow(
        features.compute(database, as_of=report.test_at, customer_ids=trained.test_ids.tolist())
    ))  # fmt: skip
    return predictors.purchase(champion, table, as_of=report.test_at)


def refused(task: Task, reason: str, *, metrics: dict[str, Any], now: datetime) -> Result:
    version = versions.record(
        task=task,
        status=ModelStatus.REFUSED,
        algorithm="",
        reason=reason,
        as_of=now,
        now=now,
        rows=0,
        positives=0,
        metrics=metrics,
        files=None,
        provenance=None,
    )
    return Result(
        version=version, previous=queries.champion(task), promoted=False, reason=reason, evidence={}
    )
