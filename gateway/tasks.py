"""What beat wakes."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from gateway import idempotency


log = logging.getLogger(__name__)


@shared_task(name="gateway.tasks.forget_replies")
def forget_replies(**kwargs: Any) -> None:
    """Delete the remembered answers of API writes after a day."""
    if forgotten := idempotency.forget():
        log.info("%d answers of the API forgotten", forgotten)
