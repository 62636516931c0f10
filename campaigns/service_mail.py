"""
Sends what people asked for themselves: at least once, with the same Message-ID after a crash.

A promotion that may have been sent is not sent again; here a second copy is cheaper than none. So an
answer that did not come is tried again, and a lease that ran out is taken over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime

from django.conf import settings

from campaigns import dkim, mime, policy
from campaigns.channels import open_channel
from campaigns.channels.base import Channel, ChannelError, Letter, Verdict
from campaigns.enums import BounceClass
from campaigns.faults import crash_point, listen
from campaigns.returns import verp
from consent import ledger
from consent.enums import SuppressionReason
from consent.interlock import logbook
from consent.models import ServiceMessage
from consent.public import service_messages
from consent.public.service_messages import Taken
from core.registry import UnknownNameError


log = logging.getLogger(__name__)

State = ServiceMessage.State
UNREACHABLE_SECONDS = 30  # until a mail server that does not let us in is asked again


def drain(*, now: Callable[[], datetime], seconds: float, channel_url: str) -> int:
    """Send what is due for at most about `seconds`; returns the messages taken care of."""
    listen()
    done, until = 0, time.monotonic() + seconds
    if not service_messages.are_due():
        return 0
    channel: Channel | None = None
    try:
        logbook.must_be_current()
        while time.monotonic() < until and (taken := service_messages.take(now=now())):
            channel = channel or open_channel(channel_url)
            crash_point("service-after-take")
            _send(channel, taken, now=now())
            crash_point("service-after-mark")
            done += 1
    except UnknownNameError as error:
        log.error("COTERIE_SMTP_URL names no way to send: %s", error)  # noqa: TRY400 - in words
    except logbook.BehindError as error:
        log.error("%s", error)  # noqa: TRY400 - in words
    finally:
        if channel is not None:
            channel.close()
    return done


def _send(channel: Channel, taken: Taken, *, now: datetime) -> None:
    try:
        letter = letter_of(taken, now=now)
    except (mime.BadAddressError, dkim.DkimError) as error:
        service_messages.mark(taken, state=State.FAILED, reply=str(error), now=now)
        return
    try:
        reply = channel.send(letter)
        crash_point("service-after-handover")
    except ChannelError as error:
        _refused(taken, error, now=now)
    else:
        service_messages.mark(taken, state=State.SENT, reply=reply, now=now)


def _refused(taken: Taken, error: ChannelError, *, now: datetime) -> None:
    unspent = error.verdict == Verdict.UNREACHABLE
    is_over = error.verdict == Verdict.PERMANENT or (
        taken.attempt >= policy.MAX_ATTEMPTS and not unspent
    )
    if error.verdict != Verdict.PERMANENT:
        log.warning("a service message was not accepted: %s", error.verdict)
    elif policy.refusal_class(error.verdict, error.enhanced) == BounceClass.HARD:
        ledger.suppress(
            address_hmac=taken.address_hmac, reason=SuppressionReason.HARD_BOUNCE,
            detail="service message", now=now,
        )  # fmt: skip
    wait = UNREACHABLE_SECONDS if unspent else policy.retry_seconds(taken.attempt)
    service_messages.mark(
        taken, state=State.FAILED if is_over else State.WAITING, reply=error.reply, now=now,
        wait=wait, unspent=unspent,
    )  # fmt: skip


def letter_of(taken: Taken, *, now: datetime) -> Letter:
    """The message on the wire. Raises mime.BadAddressError, dkim.DkimError."""
    name, address = taken.sender
    sender, recipient = mime.mailbox(address), mime.mailbox(taken.address)
    content = mime.alternative(
        headers={
            "From": mime.named(name, sender), "To": recipient,
            "Subject": mime.words(taken.subject), "Date": format_datetime(now),
            "Message-ID": taken.message_id, "Auto-Submitted": "auto-generated",
        },
        text=taken.text, html=taken.html, boundary=f"=_coterie_s_{taken.id}",
    )  # fmt: skip
    signer = dkim.of_this_shop()
    bounces_to = settings.BOUNCE_ADDRESS and verp.return_path(
        taken.id, address=settings.BOUNCE_ADDRESS, purpose=verp.SERVICE_RETURN_PATH
    )
    return Letter(
        sender=bounces_to or sender, recipient=recipient,
        content=signer.sign(content, now=now) if signer else content,
    )  # fmt: skip
