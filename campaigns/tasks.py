"""What beat wakes. Two at once, or none for a while, change nothing but the pace."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.conf import settings

from campaigns import dispatch, limits, service_mail, sessions, sweeper
from campaigns.returns import mailbox, receiving, recording
from core import clock


log = logging.getLogger(__name__)

SECONDS = 20.0  # of sending in one task: short enough for a worker to be restarted kindly


@shared_task(name="campaigns.tasks.dispatch_due")
def dispatch_due(*, seconds: float = SECONDS, **kwargs: Any) -> int:
    sessions.bound()
    done = dispatch.run(
        now=clock.Ticking().now, seconds=seconds, channel_url=settings.SMTP_URL,
        journals=settings.HOME / "journals",
    )  # fmt: skip
    if done:
        log.info("%d deliveries taken care of", done)
    return done


@shared_task(name="campaigns.tasks.send_service_messages")
def send_service_messages(*, seconds: float = SECONDS, **kwargs: Any) -> int:
    """Send what people asked for themselves, such as the question to confirm a sign-up."""
    if not settings.SMTP_URL:
        return 0
    done = service_mail.drain(
        now=clock.Ticking().now, seconds=seconds, channel_url=settings.SMTP_URL
    )
    if done:
        log.info("%d service messages taken care of", done)
    return done


@shared_task(name="campaigns.tasks.sweep")
def sweep(**kwargs: Any) -> int:
    moved = sweeper.sweep(now=clock.now(), journals=settings.HOME / "journals")
    if moved:
        log.warning("%d deliveries brought back after a crash", moved)
    return moved


@shared_task(name="campaigns.tasks.read_returns")
def read_returns(**kwargs: Any) -> int:
    """Fetch what came back, and match what came before its message was marked."""
    limits.forget()
    matched = recording.match_waiting(now=clock.now())
    if not settings.BOUNCE_MAILBOX_URL:
        return matched
    try:
        return matched + mailbox.fetch(
            settings.BOUNCE_MAILBOX_URL, take=lambda raw: receiving.take(raw, now=clock.now())
        )
    except mailbox.MailboxError as error:
        log.error("the mailbox of bounces cannot be read: %s", error)  # noqa: TRY400 - in words
        return matched
