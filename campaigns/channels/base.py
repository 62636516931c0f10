"""
What a channel promises.

    ChannelError            a message was not accepted, or we cannot know
        .verdict            what that means for the message and for the campaign
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Protocol


ACCEPTED_AS = "accepted as "
"""How the reply of a provider begins that numbers messages; the number follows."""


class Verdict(StrEnum):
    """What a refusal means."""

    PERMANENT = "PERMANENT"  # this address will never accept it
    TEMPORARY = "TEMPORARY"  # try again later
    REPUTATION = "REPUTATION"  # it is about us as a sender, not about the address
    UNREACHABLE = "UNREACHABLE"  # no server, or it does not let us in: nothing was handed over
    AMBIGUOUS = "AMBIGUOUS"  # handed over, and the answer did not come: never send again by itself


class ChannelError(Exception):
    """A message was not accepted; `reply` is the server's word or our own."""

    def __init__(self, reply: str, *, verdict: Verdict, enhanced: str = "") -> None:
        super().__init__(reply)
        self.reply = reply
        self.verdict = verdict
        self.enhanced = enhanced  # the enhanced status code of RFC 3463, "5.1.1", or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One message for one recipient, ready to be handed over."""

    sender: str
    recipient: str
    content: bytes


class Channel(Protocol):
    """A connection to something that takes messages. Used by one thread."""

    def connect(self) -> None:
        """Be ready to send; does nothing when it is. Raises ChannelError(UNREACHABLE)."""

    def send(
        self,
        letter: Letter,
        *,
        following: Letter | None = None,
        meanwhile: Callable[[], object] | None = None,
        by: float = inf,
    ) -> str:
        """
        Hand one letter over and return the server's reply. Raises ChannelError.

        `following` is the letter that will most likely be the next, so that its envelope may go along;
        `meanwhile` may be called while the server works. A channel is free to use neither. Where it
        can, it refuses a letter (TEMPORARY) whose content would begin to leave after `by`, of time.monotonic().
        """

    def close(self) -> None:
        """Say goodbye; never raises."""
