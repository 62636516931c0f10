"""Train the response and uplift models on closed, randomised campaigns.

The labels come from above (feedback hands them down); the features are those of the moment when the
audience was frozen, so nothing of the answer is in the question. Only customers who may be profiled
are in the mirror, hence in the training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from segmentation import mirror, promotion, queries, sensitive, training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts, fairness, features
from segmentation.ml.estimators.response import ResponseModel, cross_fitted
from segmentation.ml.estimators.timing import Rounds
from segmentation.ml.estimators.uplift import UpliftModel
from segmentation.ml.metrics import auc, log_losses, paired_bootstrap
from segmentation.ml.tables import Bools, FeatureTable, Floats, Ints
from segmentation.models import ModelVersion
from segmentation.training import SEED, Result, lock, settle, unlock


# How often people unsubscribe before we know: 0.1 to 0.5 % a mail (published benchmarks), worth 400 mails.
_PRIOR_MAILS, _PRIOR_SHARE = 400.0, 0.0025
_RARE = 0.005


@dataclass(frozen=True, kw_only=True)
class Logged:
    """Closed rounds with features: what `Rounds` needs, the newest round marked, whose rows, how many there are."""

    rounds: Rounds
    names: tuple[str, ...]
    newest: Bools
    customer_ids: Ints
    count: int
    data_from: int
    data_until: int
    left_out: int
    unsubscribe_share: float


def train(task: Task, rows: pa.Table, *, now: datetime) -> Result:
    """
    Train RESPONSE or UPLIFT on `rows` (feedback.labels.training_rows) and decide whether it serves.

    Too few rows are a recorded refusal. Raises training.AlreadyTrainingError.
    """
    lock(task)
    try:
        logged = _gather(rows)
        if logged is None:
            return _refused(task, now=now)
        return (
            _train_response(logged, now=now)
            if task == Task.RESPONSE
            else _train_uplift(logged, now=now)
        )
    finally:
        unlock(task)


def _gather(rows: pa.Table) -> Logged | None:
    """Join each campaign's rows with the features as they were when it was frozen."""
    parts = [part for part in _by_campaign(rows) if len(part["treated"])]
    if not parts:
        return None
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    names = sensitive.allowed_features()
    sent = joined["treated"] == 1
    gone = float(joined["unsubscribed"][sent].sum())
    share = (gone + _PRIOR_MAILS * _PRIOR_SHARE) / (float(sent.sum()) + _PRIOR_MAILS)
    _, customer = np.unique(joined["customer"], return_inverse=True)
    return Logged(
        rounds=Rounds(
            X=joined["X"],
            treated=joined["treated"],
            propensity=joined["probability"],
            ordered=joined["ordered"],
            # campaigns may differ in length: the moment of the order as a share of the own window
            days=joined["moment"],
            window_days=1.0,
            customer=customer.astype(np.int64),
        ),
        names=names,
        newest=joined["number"] == joined["number"].max(),
        customer_ids=joined["customer"],
        count=len(np.unique(joined["number"])),
        data_from=int(joined["frozen_at"].min()),
        data_until=int(joined["frozen_at"].max()) + 1,
        left_out=rows.num_rows - len(joined["treated"]),
        unsubscribe_share=share,
    )


def _by_campaign(rows: pa.Table) -> Iterator[dict[str, Any]]:
    columns = {name: rows[name].to_numpy() for name in rows.column_names}
    names = sensitive.allowed_features()
    with mirror.connect() as database:
        for campaign in np.unique(columns["campaign_id"]):
            # who could only go one way teaches nothing about the difference
            inside = (
                (columns["campaign_id"] == campaign)
                & (columns["probability"] > 0)
                & (columns["probability"] < 1)
            )
            part = {name: column[inside] for name, column in columns.items()}
            if not len(part["customer_id"]):
                continue
            as_of = int(part["frozen_at"][0])
            table = FeatureTable.from_arrow(
                features.compute(database, as_of=as_of, customer_ids=part["customer_id"].tolist())
            )
            at = np.searchsorted(table.customer_ids, part["customer_id"])
            at = np.minimum(at, max(len(table) - 1, 0))
            known = (
                table.customer_ids[at] == part["customer_id"]
                if len(table)
                else np.zeros(len(at), bool)
            )
            yield {
                "X": table.columns(names)[at[known]],
                "treated": part["treated"][known].astype(np.float64),
                "probability": part["probability"][known].astype(np.float64),
                "ordered": part["ordered"][known].astype(np.float64),
                "moment": part["first_order_days"][known] / part["window_days"][known],
                "unsubscribed": part["unsubscribed"][known].astype(np.float64),
                "customer": part["customer_id"][known].astype(np.int64),
                "number": part["round_number"][known].astype(np.int64),
                "frozen_at": part["frozen_at"][known].astype(np.int64),
            }


def _train_uplift(logged: Logged, *, now: datetime) -> Result:
    rounds, themes = logged.rounds, {name: one.theme for name, one in features.FEATURES.items()}
    model = UpliftModel.fit(rounds=rounds, names=logged.names, themes=themes, seed=SEED)
    previous = queries.champion(Task.UPLIFT)
    decision = _judge_uplift(logged, themes, previous)
    # nobody is both mailed and not: who is selected can be compared, errors cannot
    groups = _audit(
        logged,
        model.effects(logged.rounds.X[logged.newest]).uplift,
        happened=None,
        calibrated=False,
    )
    decision = _allowed(decision, groups)
    metrics = {
        "verdict": model.verdict.value,
        "average_effect": model.average,
        "average_error": model.average_error,
        "believed": model.slope.believed,
        "slope": model.slope.value,
        "slope_error": model.slope.error,
        "rounds": logged.count,
        "unsubscribe_share": logged.unsubscribe_share,
        "fairness": [asdict(one) for one in groups],
        **decision.evidence,
    }
    words = (
        f"Average effect {model.average * 100:+.2f} ± {1.96 * model.average_error * 100:.2f} points; "
        f"{model.verdict.value}."
    )
    return _store(
        Task.UPLIFT, logged, model.to_files(), algorithm="R-learner, empirical Bayes", metrics=metrics,
        decision=decision, previous=previous, note=words, now=now,
    )  # fmt: skip


def _judge_uplift(
    logged: Logged, themes: Mapping[str, str], champion: ModelVersion | None
) -> promotion.Decision:
    """
    Champion against challenger by R-loss (Nie and Wager 2021) on the newest round.

    The champion has not seen that round; the challenger is judged on half of the round's customers, whom
    it was fitted without in that round. One round proves little, so a challenger that is not proven
    worse and has learned from one more round serves.
    """
    if champion is None:
        return promotion.Decision(promote=True, reason="The first uplift model.", evidence={})
    try:
        serving = UpliftModel.from_files(versions.load(champion, features=logged.names).files)
    except (artifacts.ArtifactError, KeyError, TypeError) as error:  # also: of an older form
        return promotion.Decision(
            promote=True, reason=f"The champion cannot be used: {error}.", evidence={}
        )
    rounds = logged.rounds
    half = (
        np.random.default_rng(SEED).permutation(int(rounds.customer.max()) + 1)[rounds.customer] % 2
    )
    judged = logged.newest & (half == 0)
    challenger = UpliftModel.fit(
        rounds=_take(rounds, ~judged), names=logged.names, themes=themes, seed=SEED
    )
    fresh = _take(rounds, judged)
    champion_says = serving.effects(fresh.X)
    expected = champion_says.alone + fresh.propensity * champion_says.uplift
    losses = [
        _r_losses(fresh, expected=np.clip(expected, 0, 1), uplift=effects.uplift)
        for effects in (challenger.effects(fresh.X), champion_says)
    ]
    difference = paired_bootstrap(first=losses[0], second=losses[1], seed=SEED)
    said = f"R-loss on the newest round {difference.mean:+.5f} (95\u00a0% interval {difference.low:+.5f} to {difference.high:+.5f})"
    evidence = {"r_loss": {"mean": difference.mean, "low": difference.low, "high": difference.high}}
    if difference.low > 0:
        return promotion.Decision(
            promote=False, reason=f"Worse than the champion: {said}.", evidence=evidence
        )
    better = "Better than the champion" if difference.high < 0 else "Not worse than the champion"
    return promotion.Decision(
        promote=True, reason=f"{better}, and knows one more round: {said}.", evidence=evidence
    )


def _r_losses(rounds: Rounds, *, expected: Floats, uplift: Floats) -> Floats:
    """
    Squared error of explaining the outcome's surprise by the assignment, over its variance; (n,).

    `expected` is the outcome expected under the logged assignment, the same for all who are compared:
    an error in it costs precision, but favours nobody.
    """
    error = (rounds.ordered - expected) - (rounds.treated - rounds.propensity) * uplift
    losses: Floats = error**2 / np.maximum(expected * (1 - expected), _RARE)
    return losses


def _take(rounds: Rounds, mask: Bools) -> Rounds:
    return replace(
        rounds,
        X=rounds.X[mask],
        treated=rounds.treated[mask],
        propensity=rounds.propensity[mask],
        ordered=rounds.ordered[mask],
        customer=rounds.customer[mask],
        days=None if rounds.days is None else rounds.days[mask],
    )


def _train_response(logged: Logged, *, now: datetime) -> Result:
    """Learn from all rounds; judge by log loss on the newest one, on customers not learned from."""
    rounds, newest = logged.rounds, logged.newest
    model = ResponseModel.fit(X=rounds.X, treated=rounds.treated, ordered=rounds.ordered, seed=SEED)
    alone, mailed = cross_fitted(
        X=rounds.X,
        treated=rounds.treated,
        ordered=rounds.ordered,
        customer=rounds.customer,
        seed=SEED,
    )
    said = np.where(rounds.treated == 1, mailed, alone)
    rate = _rates(rounds.treated, rounds.ordered)
    label = rounds.ordered[newest]
    previous = queries.champion(Task.RESPONSE)
    decision = promotion.decide(
        challenger=log_losses(label=label, probability=said[newest]),
        baseline=log_losses(label=label, probability=rate[newest]),
        champion=_champion_losses(previous, logged),
        metric="log loss",
        champion_stale=True,  # one more round is reason enough when it is not worse
        seed=SEED,
    )
    groups = _audit(logged, said[newest], happened=label == 1, calibrated=True)
    decision = _allowed(decision, groups)
    metrics = {
        "model": {"auc": auc(label=label, score=said[newest])},
        "baseline": {"auc": auc(label=label, score=rate[newest])},
        "unsubscribe_share": logged.unsubscribe_share,
        "rounds": logged.count,
        "fairness": [asdict(one) for one in groups],
        **decision.evidence,
    }
    files = artifacts.to_files(documents={"model": model.to_dict()})
    return _store(
        Task.RESPONSE, logged, files, algorithm="boosted trees", metrics=metrics, decision=decision,
        previous=previous, note="", now=now,
    )  # fmt: skip


def _audit(
    logged: Logged, said: Floats, *, happened: Bools | None, calibrated: bool
) -> tuple[fairness.Fairness, ...]:
    """What is said of the customers of the newest round, by groups."""
    fields = sensitive.names()
    if not fields:
        return ()
    table = FeatureTable(
        customer_ids=logged.customer_ids[logged.newest],
        names=logged.names,
        values=logged.rounds.X[logged.newest],
    )
    with mirror.connect() as database:
        return sensitive.audit(
            database, fields=fields, table=table, probability=said, happened=happened, seed=SEED,
            calibrated=calibrated,
        )  # fmt: skip


def _allowed(
    decision: promotion.Decision, groups: tuple[fairness.Fairness, ...]
) -> promotion.Decision:
    return training.within_limits(decision, fairness.blocked(groups, sensitive.floors()))


def _rates(treated: Floats, ordered: Floats) -> Floats:
    """The rate of the own arm: what a model without features would say."""
    rates = [(ordered[treated == arm].sum() + 1) / ((treated == arm).sum() + 2) for arm in (0, 1)]
    return np.asarray(np.where(treated == 1, rates[1], rates[0]), dtype=np.float64)


def _champion_losses(champion: ModelVersion | None, logged: Logged) -> Floats | None:
    if champion is None:
        return None
    try:
        loaded = versions.load(champion, features=logged.names)
        model = ResponseModel.from_dict(artifacts.read_document(loaded.files, "model"))
    except (artifacts.ArtifactError, KeyError, TypeError):  # also: of an older form
        return None
    fresh = _take(logged.rounds, logged.newest)
    alone, mailed = model.predict(fresh.X)
    said = np.where(fresh.treated == 1, mailed, alone)
    return np.asarray(log_losses(label=fresh.ordered, probability=said), dtype=np.float64)


def _store(
    task: Task,
    logged: Logged,
    files: Mapping[str, bytes],
    *,
    algorithm: str,
    metrics: Mapping[str, Any],
    decision: promotion.Decision,
    previous: ModelVersion | None,
    note: str,
    now: datetime,
) -> Result:
    ordered: Ints = logged.rounds.ordered.astype(np.int64)
    version = versions.record(
        task=task,
        status=ModelStatus.CHALLENGER,
        algorithm=algorithm,
        reason=decision.reason,
        as_of=now,
        now=now,
        rows=len(ordered),
        positives=int(ordered.sum()),
        metrics=metrics,
        files=files,
        provenance=artifacts.Provenance(
            task=task,
            estimator=algorithm,
            features=logged.names,
            data_from=logged.data_from,
            data_until=logged.data_until,
            rows=len(ordered),
            seed=SEED,
            details={
                "unsubscribe_share": logged.unsubscribe_share,
                "rows_left_out_without_profiling_consent_or_choice": logged.left_out,
            },
        ),
    )
    reason = f"{decision.reason} {note}".strip()
    settle(version, promotion.Decision(promote=decision.promote, reason=reason), now=now)
    return Result(
        version=version,
        previous=previous,
        promoted=decision.promote,
        reason=reason,
        evidence=decision.evidence,
    )


def _refused(task: Task, *, now: datetime) -> Result:
    reason = "Not enough data: no closed campaign has customers who may be profiled and could go either way."
    version = versions.record(
        task=task, status=ModelStatus.REFUSED, algorithm="", reason=reason, as_of=now, now=now,
        rows=0, positives=0, metrics={}, files=None, provenance=None,
    )  # fmt: skip
    return Result(
        version=version, previous=queries.champion(task), promoted=False, reason=reason, evidence={}
    )
