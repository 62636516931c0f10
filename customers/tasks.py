"""Scheduled work of this app."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.conf import settings

from core import clock
from customers import exporting
from customers.identity.merging import gather_strays as gather_strays_of_merges
from customers.importing.tasks import run_imports_due
from customers.intake import reading, retention
from customers.models import Source
from customers.sources import simulated_shop
from customers.sources.woocommerce import pull


log = logging.getLogger(__name__)
__all__ = ["run_imports_due"]  # Celery finds it here


@shared_task(name="customers.tasks.answer_simulated")
def answer_simulated(**kwargs: Any) -> None:
    """Let every simulated shop's customers answer the mails that reached them."""
    now = clock.now()
    for source in Source.objects.filter(outcomes_simulated=True):
        report = simulated_shop.answer(source, now=now)
        if report:
            log.info("source %s answered: %s rows accepted", source.pk, report.accepted)


@shared_task(name="customers.tasks.read_inbound")
def read_inbound(**kwargs: Any) -> int:
    """Read the requests that shops' clients made, and bring what they say into the tables; how many items."""
    items = reading.read_due(now=clock.now())
    if items:
        log.info("read %s items of inbound requests", items)
    return items


@shared_task(name="customers.tasks.forget_inbound")
def forget_inbound(**kwargs: Any) -> None:
    """Empty the bodies of requests read long ago, and forget visitors whom nobody got to know."""
    forgotten = retention.forget(now=clock.now(), body_days=settings.INBOUND_BODY_DAYS)
    log.info(
        "forgot %s bodies, %s visitors' events, %s rejected items",
        forgotten.bodies, forgotten.visitor_events, forgotten.rejected_items,
    )  # fmt: skip


@shared_task(name="customers.tasks.pull_shops")
def pull_shops(**kwargs: Any) -> None:
    """Fetch from WooCommerce shops what webhooks do not bring; each every 15 minutes, the first time at once."""
    landed = pull.pull_due(now=clock.now(), allow_private=settings.ALLOW_PRIVATE_TARGETS)
    if landed:
        log.info("pulled %s objects from shops", landed)


@shared_task(name="customers.tasks.write_exports")
def write_exports(**kwargs: Any) -> None:
    """Write the exports that API keys have asked for; delete those that are a day old."""
    now = clock.now()
    while exporting.write_next(now=now):
        log.info("an export was written")
    exporting.delete_old(now=now)


@shared_task(name="customers.tasks.gather_strays")
def gather_strays(**kwargs: Any) -> None:
    """Give a survivor the rows that came while another customer was being merged into them."""
    moved = gather_strays_of_merges()
    if moved:
        log.info("moved %s rows that came during a merge", moved)
