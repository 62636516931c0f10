"""Models that customers have left are trained again within days, and what they replace is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from feedback import retraining
from segmentation import daily_models, forgetting
from segmentation.enums import Task


LAST_MOMENT = timedelta(days=2)
"""Before the week ends. Groups of customers would change their people every day that somebody leaves."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """asked: trainings that were asked for. purged: earlier versions whose files were deleted."""

    asked: int
    purged: int


def forget_gone(*, now: datetime) -> Done:
    """Once a day: ask for the trainings that are owed, write down who may be in which model, delete the rest."""
    asked = 0
    for version, left in forgetting.note(now=now):
        task = Task(version.task)
        if task not in daily_models.TRAIN or left.until is None or left.until - now <= LAST_MOMENT:
            are = "customer was" if left.people == 1 else "customers were"
            why = f"{left.people:,} {are} erased, restricted or found under age, or withdrew, since it was trained"
            asked += retraining.ask(task, why=why, now=now) is not None
    return Done(asked=asked, purged=forgetting.purge(now=now))
