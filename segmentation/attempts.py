"""One attempt at a training: one process at a time, written down before it begins.

What fails says so and waits until it is due again. What is killed cannot say anything: its attempt is found open, with
nobody at it, and the next one waits the longer, the more were killed in a row. A shop too large for its memory
would otherwise train, and die, at every tick.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from celery.exceptions import SoftTimeLimitExceeded

from segmentation import training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion, TrainingAttempt


logger = logging.getLogger(__name__)

Done = TypeVar("Done")

WAITS = (
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=7),
)
"""After the first, the second, … training in a row that was killed."""


@dataclass(frozen=True, kw_only=True)
class CutOff:
    """The newest training was killed: when it began, how many were in a row, and when the next begins by itself."""

    begun_at: datetime
    deaths: int
    again_at: datetime


@contextmanager
def attempt(task: Task, *, now: datetime) -> Iterator[None]:
    """
    The time in which `task` is trained, by this process alone. Raises training.AlreadyTrainingError.

    now: the shop's clock.
    """
    training.lock(task)
    try:
        _begin(task, now=now)
        try:
            yield
        except Exception:
            _end(task, now=now)  # it fails, but lives to tell
            raise
        _end(task, now=now)
    finally:
        training.unlock(task)


def _begin(task: Task, *, now: datetime) -> None:
    found = TrainingAttempt.objects.filter(task=task).first()
    deaths = found.deaths + 1 if found and found.ended_at is None else 0
    TrainingAttempt.objects.update_or_create(
        task=task, defaults={"begun_at": now, "ended_at": None, "deaths": deaths}
    )


def _end(task: Task, *, now: datetime) -> None:
    TrainingAttempt.objects.filter(task=task).update(ended_at=now, deaths=0)


def left_open(task: Task) -> CutOff | None:
    """The attempt that has not ended: it was killed, or somebody is at it now."""
    found = TrainingAttempt.objects.filter(task=task, ended_at=None).first()
    if found is None:
        return None
    wait = WAITS[min(found.deaths, len(WAITS) - 1)]
    return CutOff(begun_at=found.begun_at, deaths=found.deaths + 1, again_at=found.begun_at + wait)


def cut_off(task: Task) -> CutOff | None:
    """The newest training of `task`, if it was killed; None also while somebody is at it."""
    found = left_open(task)
    return None if found is None or is_busy(task) else found


def is_busy(task: Task) -> bool:
    """Another process trains `task` now."""
    try:
        training.lock(task)
    except training.AlreadyTrainingError:
        return True
    training.unlock(task)
    return False


def waits(task: Task, *, now: datetime) -> bool:
    """`task` was killed so short a time ago that it is not begun again by itself yet (or somebody is at it)."""
    found = left_open(task)
    return found is not None and now < found.again_at


def alone(task: Task, work: Callable[[], Done], *, now: datetime) -> Done | None:
    """
    What `work` gives; None when another process is at the task, when it is waiting after one that was killed, or
    when it failed: then a refusal is recorded.

    Raises SoftTimeLimitExceeded, recorded as well: the worker's time is up, and nothing else may be begun.
    """
    if waits(task, now=now):
        return None
    try:
        with attempt(task, now=now):
            try:
                return work()
            except SoftTimeLimitExceeded:
                refused(task, "It took longer than a training may take.", now=now)
                raise
            except Exception as error:
                logger.exception("%s failed", task)
                refused(task, f"It failed ({type(error).__name__}); the log has more.", now=now)
                return None
    except training.AlreadyTrainingError:
        return None


def refused(task: Task, reason: str, *, now: datetime) -> ModelVersion:
    """One row says so, whatever the number of attempts: they are made every day."""
    newest = ModelVersion.objects.filter(task=task).order_by("-number").first()
    if newest is not None and newest.status == ModelStatus.REFUSED:
        newest.trained_at = newest.as_of = newest.decided_at = now
        newest.reason = reason
        newest.save(update_fields=["trained_at", "as_of", "decided_at", "reason"])
        return newest
    return versions.record(
        task=task, status=ModelStatus.REFUSED, algorithm="", reason=reason, as_of=now, now=now,
        rows=0, positives=0, metrics={}, files=None, provenance=None,
    )  # fmt: skip
