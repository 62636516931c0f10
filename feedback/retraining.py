"""When to train again, and the record of why a new model serves or does not."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection

from consent.enums import Purpose
from consent.models import ConsentState
from customers.enums import ImportStatus, OrderStatus
from customers.models import Import, Order
from feedback import labels
from feedback.models import OutcomeWindow, RetrainingDecision, TrainingRequest
from segmentation import (
    attempts,
    campaign_training,
    daily_models,
    lifetime_values,
    mirror,
    queries,
    training,
)
from segmentation.enums import ModelStatus, Task
from segmentation.registry import SensitiveField


logger = logging.getLogger(__name__)

EVERY = timedelta(days=28)
FROM_ORDERS = (Task.CHURN, Task.PURCHASE, Task.LIFETIME)
FROM_CAMPAIGNS = (Task.RESPONSE, Task.UPLIFT)


@dataclass(frozen=True, kw_only=True)
class Need:
    """A task that should be trained now, what asks for it, and the request if somebody did."""

    task: Task
    trigger: str
    request_id: int | None = None


def needs(*, now: datetime) -> list[Need]:
    """What should be trained now; what was asked for first, then campaigns, because the next one waits for them."""
    found = [
        Need(task=Task(one.task), trigger=one.why, request_id=one.pk)
        for one in TrainingRequest.objects.filter(taken_at=None).order_by("pk")
    ]
    due = [need for task in FROM_CAMPAIGNS if (need := _campaign_need(task))]
    if has_something_to_learn_from():
        due += [need for task in FROM_ORDERS if (need := _order_need(task, now=now))]
    asked = {need.task for need in found}
    # what was cut off waits a while, unless somebody asks for it
    due = [need for need in due if not attempts.waits(need.task, now=now)]
    found += [need for need in due if need.task not in asked]
    asked |= {need.task for need in due}
    return found + [
        Need(task=task, trigger=f"the training of {left.begun_at:%d %b %Y %H:%M} was cut off")
        for task in (*FROM_CAMPAIGNS, *FROM_ORDERS)
        if task not in asked and (left := attempts.left_open(task)) and now >= left.again_at
    ]


def ask(
    task: Task, *, why: str, now: datetime, by: AbstractBaseUser | None = None
) -> TrainingRequest | None:
    """Ask for a training of `task`; None when one is waiting already."""
    request, is_new = TrainingRequest.objects.get_or_create(
        task=task, taken_at=None,
        defaults={"asked_at": now, "asked_by_id": by.pk if by else None, "why": why[:200]},
    )  # fmt: skip
    return request if is_new else None


def has_something_to_learn_from() -> bool:
    return (
        Order.objects.filter(status=OrderStatus.PLACED).exists()
        and ConsentState.objects.filter(purpose=Purpose.PROFILING, is_granted=True).exists()
    )


def _order_need(task: Task, *, now: datetime) -> Need | None:
    last = RetrainingDecision.objects.filter(task=task).order_by("-decided_at", "-pk").first()
    if last is None:
        return Need(task=task, trigger="first training")
    declared = SensitiveField.objects.filter(declared_at__gt=last.decided_at, declared_at__lte=now)
    if declared.exists():
        return Need(task=task, trigger="a field was declared sensitive since the last training")
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

    What learns from orders gives way to a campaign whose outcomes have come meanwhile: the next turn begins with that.
    known_until: the moment up to which the shop's data is complete; nothing later is learned from.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('retraining'))")
        if not cursor.fetchone()[0]:
            return
        try:
            # labels from a mirror of yesterday would say that nobody ordered since
            fresh = functools.cache(mirror.refresh)
            for need in needs(now=known_until):
                try:
                    yield retrain(need, now=now, known_until=known_until, before=fresh)
                except training.AlreadyTrainingError as busy:
                    logger.info("%s", busy)
                if need.task in FROM_ORDERS and any(map(_campaign_need, FROM_CAMPAIGNS)):
                    return
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('retraining'))")


def retrain(
    need: Need, *, now: datetime, known_until: datetime, before: Callable[[], object] = lambda: None
) -> RetrainingDecision:
    """
    Train what is needed, let the better model serve, and record the decision with its reason.

    before: called once nobody else trains the task. Raises training.AlreadyTrainingError when somebody does at this
    moment, and SoftTimeLimitExceeded, recorded like any failure: the worker's time is up.
    """
    with attempts.attempt(need.task, now=known_until):
        if need.request_id is not None:
            # taken before it begins: a training that is killed is not begun again at every tick
            TrainingRequest.objects.filter(pk=need.request_id).update(taken_at=known_until)
        try:
            before()
        except Exception:
            _give_back(need)
            raise
        # one closed since `now` is not among the rows: the next training has it
        rounds = OutcomeWindow.objects.filter(closed_at__lte=now).count()
        try:
            result = _train(need.task, now=now, known_until=known_until)
        except training.AlreadyTrainingError:
            _give_back(need)
            raise
        except Exception as error:
            # written down like any other end of a training, lest it is tried again at every tick
            logger.exception("%s could not be trained", need.task)
            why = (
                "it took longer than a training may take"
                if isinstance(error, SoftTimeLimitExceeded)
                else repr(error)
            )
            failed = RetrainingDecision.objects.create(
                task=need.task, decided_at=known_until, trigger=need.trigger, promoted=False,
                rounds=rounds, champion=queries.champion(need.task),
                reason=f"The training failed: {why}",
            )  # fmt: skip
            if isinstance(error, SoftTimeLimitExceeded):
                raise
            return failed
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


def _give_back(need: Need) -> None:
    """Nothing was begun: who asked for it is still waiting, unless somebody asked again meanwhile."""
    waiting = TrainingRequest.objects.filter(task=need.task, taken_at=None)
    if need.request_id is not None and not waiting.exists():
        TrainingRequest.objects.filter(pk=need.request_id).update(taken_at=None)


def _train(task: Task, *, now: datetime, known_until: datetime) -> training.Result:
    if task == Task.LIFETIME:
        return lifetime_values.train(now=known_until)
    if task in FROM_ORDERS:
        return training.train_propensity(task, now=known_until)
    if task in daily_models.TRAIN:
        return daily_models.train(task, now=known_until)
    return campaign_training.train(task, labels.training_rows(until=now), now=known_until)
