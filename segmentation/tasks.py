"""Celery's way in: fetch, one domain call, log."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from core import clock
from segmentation import refreshing


logger = logging.getLogger(__name__)


@shared_task(queue="default")
def refresh_due(**kwargs: Any) -> None:
    """Recompute scores and segments once a day of the shop's time, or when a new champion serves."""
    done = refreshing.refresh_if_due(now=clock.now())
    if done is not None:
        logger.info(
            "refreshed %d customers, %d reviews, scores %s",
            done.customers,
            done.reviews,
            done.scores,
        )
