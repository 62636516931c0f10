"""What beat wakes."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task

from core import clock
from webhooks import sending
from webhooks.courier import post


log = logging.getLogger(__name__)

KEPT = timedelta(days=30)


@shared_task(name="webhooks.tasks.send_due")
def send_due(**kwargs: Any) -> None:
    """Hand over the webhooks that are due, and try failed ones again."""
    tried = sending.send_due(now=clock.wall, courier=post)
    if tried:
        log.info("%d webhooks tried", tried)


@shared_task(name="webhooks.tasks.forget_old")
def forget_old(**kwargs: Any) -> None:
    """Delete webhooks of more than 30 days ago that nobody waits for."""
    log.info("%d old webhooks forgotten", sending.forget(before=clock.wall() - KEPT))
