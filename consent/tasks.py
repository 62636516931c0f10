"""What beat wakes."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from consent import ledger
from core import clock


log = logging.getLogger(__name__)


@shared_task(name="consent.tasks.absorb_ledger")
def absorb_ledger(**kwargs: Any) -> None:
    if absorbed := ledger.absorb(now=clock.now()):
        log.info("%d acts of consent read from the ledger", absorbed)
