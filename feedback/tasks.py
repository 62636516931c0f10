"""Celery's way in: fetch, one domain call, log."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from core import clock
from customers.queries import known_until
from feedback import forgetting, monitoring, outcomes, retraining
from feedback.reports import after_bad


logger = logging.getLogger(__name__)


@shared_task
def close_due_windows(**kwargs: Any) -> None:
    """Turn finished outcome windows into outcomes and lift."""
    for window in outcomes.close_due(now=clock.now()):
        logger.info(
            "closed the window of campaign %s: round %s", window.campaign_id, window.round_number
        )
    after_bad.measure_closed()


# an hour is far more than a shop of a million needs; the advisory lock keeps a second run out
@shared_task(soft_time_limit=3600, time_limit=3900)
def retrain_due(**kwargs: Any) -> None:
    """Train what is due, one task after the other."""
    now = clock.now()
    for decision in retraining.run_due(now=now, known_until=known_until(now=now)):
        logger.info("%s because %s: %s", decision.task, decision.trigger, decision.reason)


@shared_task(soft_time_limit=900, time_limit=1200)
def check_drift_due(**kwargs: Any) -> None:
    """Once a week of the shop's time, look whether what comes in, is predicted or follows has changed."""
    made = monitoring.check_if_due(now=known_until(now=clock.now()))
    if made is not None:
        logger.info("drift: %d alarms: %s", made.alarms, made.words)


@shared_task(soft_time_limit=900, time_limit=1200)
def forget_gone(**kwargs: Any) -> None:
    """Once a day, ask for models without those who were erased or withdrew, and delete old versions."""
    done = forgetting.forget_gone(now=clock.now())
    logger.info("%d trainings asked for, %d old models deleted", done.asked, done.purged)
