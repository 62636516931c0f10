"""What beat wakes."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from consent import ledger, privacy_webhooks, requests
from core import clock


log = logging.getLogger(__name__)


@shared_task(name="consent.tasks.absorb_ledger")
def absorb_ledger(**kwargs: Any) -> None:
    if absorbed := ledger.absorb(now=clock.now()):
        log.info("%d acts of consent read from the ledger", absorbed)


@shared_task(name="consent.tasks.take_privacy_requests")
def take_privacy_requests(**kwargs: Any) -> None:
    """Carry out what shops ask about people's data, and go on with what had to wait."""
    if taken := privacy_webhooks.take(now=clock.now()):
        log.info("%d webhooks about privacy taken", taken)
    requests.carry_on(now=clock.now())


@shared_task(name="consent.tasks.forget_again")
def forget_again(**kwargs: Any) -> None:
    """Empty what shops went on telling about customers who were erased."""
    if customers := requests.forget_again(now=clock.now()):
        log.info("emptied what came in about %d erased customers", customers)
