"""What a schedule trains by itself: one process at a time, and what fails waits until it is due again, not for the next tick."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from segmentation import training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion


logger = logging.getLogger(__name__)

Done = TypeVar("Done")


def alone(task: Task, work: Callable[[], Done], *, now: datetime) -> Done | None:
    """What `work` gives; None when another process is at the task, or when it failed: then a refusal is recorded."""
    try:
        training.lock(task)
    except training.AlreadyTrainingError:
        return None
    try:
        return work()
    except Exception as error:
        logger.exception("%s failed", task)
        refused(task, f"It failed ({type(error).__name__}); the log has more.", now=now)
        return None
    finally:
        training.unlock(task)


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
