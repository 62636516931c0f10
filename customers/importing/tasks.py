"""Scheduled work of imports; `customers.tasks` imports it, for Celery to find."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from core import clock
from customers.importing import runs, undoing


_HOURS = 3600


@shared_task(
    name="customers.tasks.run_imports_due", soft_time_limit=24 * _HOURS, time_limit=25 * _HOURS
)
def run_imports_due(**kwargs: Any) -> None:
    """Run imports that wait, take up those whose worker died, and undo what is to be undone."""
    runs.run_due(now=clock.now())
    undoing.undo_due(now=clock.now())
    runs.tidy(now=clock.now())
