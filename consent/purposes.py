"""
What each purpose means, on what basis it rests and how long its proof is kept; one table for pages,
wordings and the register of Article 30.

Nothing is allowed that nobody has agreed to: the basis of every purpose is consent. Promotions alone may
rest on a sale as well, where the shop has that switched on: see soft_opt_in.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from consent.enums import NEWSLETTER, Basis, Channel, Purpose


PROOF_KEPT = (
    "The acts are kept as proof for as long as claims may be made; the evidence goes on erasure."
)


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """`does`: what is done with data, in a sentence. `kept`: how long what it produces is kept."""

    does: str
    kept: str
    channel: Channel = Channel.ANY
    basis: Basis = Basis.CONSENT


MEANINGS: dict[Purpose, Meaning] = {
    Purpose.MARKETING: Meaning(
        does="Offers and news of the shop are sent.",
        kept="Until withdrawn; then the address is suppressed by a keyed hash.",
        channel=Channel.EMAIL,
    ),
    Purpose.PROFILING: Meaning(
        does="Orders, reviews and visits are used to predict interests, and to choose messages.",
        kept="Scores and segments go within seconds of a withdrawal; models are trained anew without.",
    ),
    Purpose.CLICK_TRACKING: Meaning(
        does="Which links of a message are clicked is noted with the person.",
        kept="With the customer's history, until they are erased.",
    ),
    Purpose.RECOMMENDATIONS: Meaning(
        does="Products are chosen for the person by what they and others bought.",
        kept="Chosen anew every day; gone with the agreement.",
    ),
    Purpose.REVIEW_FOLLOWUP: Meaning(
        does="The shop asks for a review, or answers one.",
        kept="Until withdrawn.",
    ),
    Purpose.OPEN_TRACKING: Meaning(
        does="Whether a message was opened would be noted. Coterie does not do it: no message has a pixel.",
        kept="Nothing is stored.",
    ),
    Purpose.RESEARCH: Meaning(
        does="The person is invited to surveys, and answers are used to learn about groups.",
        kept="Until withdrawn.",
    ),
    Purpose.SHARING: Meaning(
        does="Data is given to advertising partners. Coterie itself gives none.",
        kept="Until withdrawn; a browser's Global Privacy Control withdraws it.",
    ),
}

CHANNEL_OF: dict[Purpose, Channel] = {purpose: one.channel for purpose, one in MEANINGS.items()}


def in_words(purpose: str) -> str:
    """What staff read; a newsletter by its short name, so that no list has to ask for its title."""
    if purpose.startswith(NEWSLETTER):
        return f"Newsletter: {purpose.removeprefix(NEWSLETTER)}"
    return Purpose(purpose).label if purpose in Purpose else purpose


def channel_of(purpose: str) -> Channel:
    """The usual channel of a purpose. Raises ValueError for one that does not exist."""
    return Channel.EMAIL if purpose.startswith(NEWSLETTER) else CHANNEL_OF[Purpose(purpose)]
