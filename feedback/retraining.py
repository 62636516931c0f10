"""When to train again, and the record of why a new model serves or does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from consent.enums import Purpose
from consent.models import ConsentState
from customers.enums import ImportStatus, OrderStatus
from customers.models import Import, Order
from feedback import labels
from feedback.models import OutcomeWindow, RetrainingDecision
from segmentation import campaign_training, mirror, queries, training
from segmentation.enums import ModelStatus, Task


logger = logging.getLogger(__name__)

EVERY = timedelta(days=28)
FROM_ORDERS = (Task.CHURN, Task.PURCHASE)
FROM_CAMPAIGNS = (Task.RESPONSE, Task.UPLIFT)


@dataclass(frozen=True, kw_only=True)
class Need:
    """A task that should be trained now, and what asks for it."""

    task: Task
    trigger: str


def needs(*, now: datetime) -> list[Need]:
    """What should be trained now; campaigns first, because the next one waits for them."""
    found = [need for task in FROM_CAMPAIGNS if (need := _campaign_need(task))]
    if _has_something_to_learn_from():
        found += [need for task in FROM_ORDERS if (need := _order_need(task, now=now))]
    return found


def _has_something_to_learn_from() -> bool:
    return (
        Order.objects.filter(status=OrderStatus.PLACED).exists()
        and ConsentState.objects.filter(purpose=Purpose.PROFILING, is_granted=True).exists()
    )


def _order_need(task: Task, *, now: datetime) -> Need | None:
    last = RetrainingDecision.objects.filter(task=task).order_by("-decided_at", "-pk").first()
    if last is None:
        return Need(task=task, trigger="first training")
    if now - last.decided_at >= EVERY:
        return Need(task=task, trigger=f"{EVERY.days} days since the last training")
    if now <= last.decided_at:  # a simulated shop has not answered since: there is nothing new
        return None
    refused = last.challenger is None or last.challenger.status == ModelStatus.REFUSED
    more = Import.objects.filter(status=ImportStatus.FINISHED, finished_at__gt=last.decided_at)
    if refused and more.exists():
        return Need(task=task, trigger="new data after a refusal")
    return None


def _campaign_need(task: Task) -> Need | None:
    closed = OutcomeWindow.objects.filter(closed_at__isnull=False).order_by("-closed_at").first()
    if closed is None:
        return None
    last = RetrainingDecision.objects.filter(task=task).order_by("-rounds").first()
    rounds = OutcomeWindow.objects.filter(closed_at__isnull=False).count()
    if last is not None and last.rounds >= rounds:
        return None
    return Need(task=task, trigger=f"outcomes of round {closed.round_number} are known")


def run_due(*, now: datetime, known_until: datetime) -> Iterator[RetrainingDecision]:
    """
    Train what is due, one task after the other, unless another process is at it.

    known_until: the moment up to which the shop's data is complete; nothing later is learned from.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('retraining'))")
        if not cursor.fetchone()[0]:
            return
        try:
            due = needs(now=known_until)
            if due:  # labels from a mirror of yesterday would say that nobody ordered since
                mirror.refresh()
            for need in due:
                try:
                    yield retrain(need, now=now, known_until=known_until)
                except training.AlreadyTrainingError as busy:
                    logger.info("%s", busy)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('retraining'))")


def retrain(need: Need, *, now: datetime, known_until: datetime) -> RetrainingDecision:
    """
    Train what is needed, let the better model serve, and record the decision with its reason.

    Raises training.AlreadyTrainingError when somebody trains the task by hand at this moment.
    """
    # one closed since `now` is not among the rows: the next training has it
    rounds = OutcomeWindow.objects.filter(closed_at__lte=now).count()
    try:
        result = _train(need.task, now=now, known_until=known_until)
    except training.AlreadyTrainingError:
        raise
    except Exception as error:
        # written down like any other end of a training, lest it is tried again at every tick
        logger.exception("%s could not be trained", need.task)
        return RetrainingDecision.objects.create(
            task=need.task, decided_at=known_until, trigger=need.trigger, promoted=False, rounds=rounds,
            champion=queries.champion(need.task), reason=f"The training failed: {error!r}",
        )  # fmt: skip
    return RetrainingDecision.objects.create(
        task=need.task,
        decided_at=known_until,
        trigger=need.trigger,
        champion=result.previous,
        challenger=result.version,
        promoted=result.promoted,
        reason=result.reason,
        evidence=result.evidence,
        rounds=rounds,
    )


def _train(task: Task, *, now: datetime, known_until: datetime) -> training.Result:
    if task in FROM_ORDERS:
        return training.train_propensity(task, now=known_until)
    return campaign_training.train(task, labels.training_rows(until=now), now=known_until)
