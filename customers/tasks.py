"""Scheduled work of this app."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from core import clock
from customers.models import Source
from customers.sources import simulated_shop


log = logging.getLogger(__name__)


@shared_task(name="customers.tasks.answer_simulated")
def answer_simulated(**kwargs: Any) -> None:
    """Let every simulated shop's customers answer the mails that reached them."""
    now = clock.now()
    for source in Source.objects.filter(outcomes_simulated=True):
        report = simulated_shop.answer(source, now=now)
        if report:
            log.info("source %s answered: %s rows accepted", source.pk, report.accepted)
