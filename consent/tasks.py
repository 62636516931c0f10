"""What beat wakes."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from consent import ages, ledger, peppers
from consent.accountability import chain, probing, retention
from consent.desk import privacy_webhooks, requests, restricting
from consent.interlock import logbook
from consent.public import choosing, signing_up
from core import clock


log = logging.getLogger(__name__)


@shared_task(name="consent.tasks.absorb_ledger")
def absorb_ledger(**kwargs: Any) -> None:
    # first who must not be profiled, then what they agreed to
    ages.check(now=clock.now())
    restricting.assert_held()
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


@shared_task(name="consent.tasks.end_pauses")
def end_pauses(**kwargs: Any) -> None:
    if ended := choosing.end_pauses(now=clock.now()):
        log.info("%d customers hear from us again after their pause", ended)


@shared_task(name="consent.tasks.forget_sign_ups")
def forget_sign_ups(**kwargs: Any) -> None:
    """Empty addresses that did not confirm in time, and drop sign-ups of a month ago."""
    if forgotten := signing_up.forget(now=clock.now()):
        log.info("%d old sign-ups dropped", forgotten)


@shared_task(name="consent.tasks.probe_opt_out")
def probe_opt_out(**kwargs: Any) -> None:
    probing.run(now=clock.now())


@shared_task(name="consent.tasks.keep_up_peppers")
def keep_up_peppers(**kwargs: Any) -> None:
    """After a change of the suppression list's key: look up under the former ones whoever came in."""
    if looked_up := peppers.keep_up(now=clock.now()):
        log.info("%d addresses compared with the suppression list under former keys", looked_up)


@shared_task(name="consent.tasks.seal_ledger")
def seal_ledger(**kwargs: Any) -> None:
    chain.seal(now=clock.now())


@shared_task(name="consent.tasks.retain")
def retain(**kwargs: Any) -> None:
    """Delete what is older than COTERIE_RETENTION allows: nothing, where nothing is configured."""
    logbook.tidy(now=clock.now())
    for code, rows in retention.apply(now=clock.now()).items():
        log.info("%d rows of %s were older than they may be kept", rows, code)
