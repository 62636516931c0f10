"""When to try again, and when to stop and ask a human. Pure."""

from __future__ import annotations

import re

from campaigns.channels.base import Verdict
from campaigns.enums import BounceClass, DeliveryState


MAX_ATTEMPTS = 5
# RFC 3463, 3.2, and RFC 7505 (null MX). Not all of 5.1: 5.1.7 and 5.1.8 are about the sender's address,
# and of 5.1.0 one cannot tell.
_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
# About the sender: all of 5.7; of 4.7 rate and authentication at the large providers (greylisting is
# 4.7.1); and the sender's own address (RFC 3463: X.1.7, X.1.8), which many servers refuse as late as RCPT.
_REPUTATION = re.compile(r"^(5\.7\..*|4\.7\.(2[3-9]|3\d|5\d\d)|[45]\.1\.[78])$")
REPUTATION_BUDGET = 20  # refusals about us as a sender before the campaign is paused


def retry_seconds(attempt: int) -> int:
    """How long to wait after this attempt (1, 2, ...): 5 min, 20 min, 80 min, 5 h 20 min."""
    return int(300 * 4 ** (attempt - 1))


def next_state(verdict: str, *, attempt: int) -> DeliveryState:
    """What a verdict makes of a delivery on its `attempt`-th hand-over; "" is acceptance."""
    if verdict == "":
        return DeliveryState.SENT
    if verdict == Verdict.AMBIGUOUS:
        return DeliveryState.UNKNOWN
    if verdict == Verdict.UNREACHABLE:
        return DeliveryState.PLANNED  # nothing was handed over
    if verdict == Verdict.PERMANENT or attempt >= MAX_ATTEMPTS:
        return DeliveryState.FAILED
    return DeliveryState.DEFERRED


def refusal_class(verdict: str, enhanced: str) -> BounceClass:
    """
    What a refusal in the SMTP conversation, after which we gave up, means.

    Only a lasting one says that the address does not exist, whatever code it bears.
    """
    if verdict == Verdict.REPUTATION:
        return BounceClass.REPUTATION
    if verdict != Verdict.PERMANENT:
        return BounceClass.SOFT
    return bounce_class(enhanced)


def is_about_us(enhanced: str) -> bool:
    """Whether an enhanced status code is about us as a sender and not about the address."""
    return _REPUTATION.match(enhanced) is not None


def bounce_class(enhanced: str) -> BounceClass:
    """What a final refusal with this enhanced status code (RFC 3463, "" for none) means."""
    if is_about_us(enhanced):
        return BounceClass.REPUTATION
    return BounceClass.HARD if enhanced in _NO_SUCH_ADDRESS else BounceClass.SOFT


def over_budget(reputation_errors: int) -> str | None:
    """The note for a campaign to be paused with, or None while it may go on."""
    if reputation_errors < REPUTATION_BUDGET:
        return None
    return (
        f"Paused: mail servers refused {reputation_errors} messages because of us as a sender "
        "(authentication or reputation). Check SPF, DKIM, DMARC and the sending address, then resume."
    )
