"""
What comes back about a message that asks to confirm a sign-up: see consent.public.

    hard bounce     the address is suppressed, and is asked no more
    other bounces   the sign-up cannot be confirmed by this message; the owner may sign up again
    complaint       the address is suppressed: somebody else has entered it

An address whose owner has confirmed by that very message is not suppressed: the bounce was of a copy.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import datetime

from campaigns.channels.base import ACCEPTED_AS
from campaigns.enums import BounceClass, ReportKind
from campaigns.returns import naming
from consent import ledger
from consent.enums import SuppressionReason
from consent.models import ServiceMessage


log = logging.getLogger(__name__)

State = ServiceMessage.State
_ENDS = (ReportKind.BOUNCED, ReportKind.COMPLAINED)


def named_by(marks: Iterable[str]) -> set[int]:
    """The messages that marks of ours name."""
    tokens, message_ids = naming.service_messages(marks)
    known = ServiceMessage.objects.filter(message_id__in=message_ids) if message_ids else ()
    return tokens | {message.pk for message in known}


def by_provider(number: str, address_hmacs: Collection[str]) -> set[int]:
    """The message that a provider gave this number, if it went to this address (or that is not told)."""
    found = ServiceMessage.objects.filter(state=State.SENT, reply=f"{ACCEPTED_AS}{number}"[:300])
    if address_hmacs:
        found = found.filter(sign_up__address_hmac__in=address_hmacs)
    return set(found.values_list("pk", flat=True)[:1])


def follow(
    message_id: int,
    *,
    kind: ReportKind,
    bounce: BounceClass | None,
    detail: str,
    now: datetime,
) -> bool:
    """Do what a report of this message asks for; False when it changes nothing. In a transaction."""
    message = (
        ServiceMessage.objects.select_for_update(no_key=True, of=("self",))
        .select_related("sign_up")
        .filter(pk=message_id, state__in=[State.WAITING, State.SENT])
        .first()
    )
    if message is None or kind not in _ENDS:
        return False
    message.state, message.reply = State.CAME_BACK, detail.replace("\x00", " ")[:300]
    message.done_at, message.leased_until = now, None
    message.save(update_fields=["state", "reply", "done_at", "leased_until"])
    if bounce == BounceClass.REPUTATION:
        log.error("a mail server refused to deliver a service message, because of us as a sender")
    reason = (
        SuppressionReason.COMPLAINT if kind == ReportKind.COMPLAINED
        else SuppressionReason.HARD_BOUNCE if bounce == BounceClass.HARD
        else None
    )  # fmt: skip
    if reason is not None and message.sign_up.confirmed_at is None:
        ledger.suppress(
            address_hmac=message.sign_up.address_hmac, reason=reason, detail="service message",
            now=now,
        )  # fmt: skip
    return True
