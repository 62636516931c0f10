"""What somebody chooses on the preference centre, and how it becomes acts of the ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from consent import ledger, topics, wordings
from consent.enums import NEWSLETTER, Act, Channel, Purpose
from consent.models import ConsentState, Preference, Wording
from customers.models import Customer


METHOD = "preference centre"
LONGEST_PAUSE = timedelta(days=731)
ONE_DAY = timedelta(days=1)
LIMITS = (1, 2, 4, 8)
"""Messages a month that are offered."""

_OFFERED = (
    Purpose.MARKETING, Purpose.PROFILING, Purpose.RECOMMENDATIONS, Purpose.CLICK_TRACKING,
    Purpose.REVIEW_FOLLOWUP, Purpose.RESEARCH,
)  # fmt: skip
_OF_MESSAGES = (Purpose.MARKETING, Purpose.REVIEW_FOLLOWUP, Purpose.RESEARCH)


@dataclass(frozen=True, kw_only=True)
class Option:
    """A box to tick: the text is what is agreed to. Ticked only where they agreed before."""

    wording: Wording
    is_granted: bool
    title: str = ""

    @property
    def is_message(self) -> bool:
        purpose = self.wording.purpose
        return purpose in _OF_MESSAGES or purpose.startswith(NEWSLETTER)


def options(customer: Customer, *, language: str) -> list[Option]:
    """
    Every box of a customer's page.

    What Coterie does not do (noting opens, sharing) and text messages can be ended there and not begun:
    nobody is asked for a consent that is of no use.
    """
    granted = {
        (state.purpose, state.channel): state
        for state in ConsentState.objects.filter(
            customer=customer, event__act=Act.GRANTED
        ).select_related("event__wording")
    }
    offered = {topic.purpose: topic.title_in(language) for topic in topics.offered()}
    found = {}
    for purpose in (*_OFFERED[:1], *offered, *_OFFERED[1:]):
        if wording := wordings.shown(purpose, language=language):
            key = (wording.purpose, wording.channel)
            found[key] = Option(
                wording=wording, is_granted=key in granted, title=offered.get(purpose, "")
            )
    for key, state in granted.items():
        if key not in found and state.event.wording:
            wording = wordings.shown(key[0], language=language)
            if wording is None or wording.channel != key[1]:
                wording = state.event.wording
            found[key] = Option(wording=wording, is_granted=True)
    return list(found.values())


@transaction.atomic
def save(
    customer: Customer,
    *,
    agreed: Collection[int],
    at_most_a_month: int | None,
    paused_until: datetime | None,
    language: str,
    now: datetime,
) -> None:
    """
    Make the ledger say what the boxes say: `agreed` are the numbers of the wordings that were ticked.

    Only what differs becomes an act. Boxes that the page does not have stay as they are.
    """
    _lock(customer)
    boxes = options(customer, language=language)
    ticked = {
        (wording.purpose, wording.channel): wording
        for wording in Wording.objects.filter(pk__in=agreed).exclude(version=wordings.SHOP_FORM)
    }
    kept = set(Wording.objects.filter(pk__in=agreed).values_list("purpose", "channel"))
    evidence = {"page": METHOD, "language": language}
    for box in boxes:
        key = (box.wording.purpose, box.wording.channel)
        if box.is_granted and key not in kept:
            _end(customer, key=key, keeps=kept, now=now)
        elif not box.is_granted and key in ticked:
            ledger.grant(
                customer=customer, wording=ticked[key], method=METHOD, now=now, evidence=evidence
            )
    wish(customer, at_most_a_month=at_most_a_month, paused_until=paused_until, now=now)


def _end(
    customer: Customer, *, key: tuple[str, str], keeps: Collection[tuple[str, str]], now: datetime
) -> None:
    purpose, channel = key
    has_newsletter = any(name.startswith(NEWSLETTER) for name, _ in keeps)
    if key == (Purpose.MARKETING, Channel.EMAIL) and not has_newsletter:
        # of the address, like the link in a message; with a newsletter kept it must still be mailed
        ledger.unsubscribe(customer_id=customer.pk, method=METHOD, now=now)
    else:
        ledger.withdraw(customer=customer, purpose=purpose, channel=channel, method=METHOD, now=now)


@transaction.atomic
def agree_to_nothing(customer: Customer, *, now: datetime) -> None:
    """One press: whatever they agreed to ends, and the address is not mailed again."""
    _lock(customer)
    ledger.unsubscribe(customer_id=customer.pk, method=METHOD, now=now)
    ledger.withdraw_everything(customer_ids=[customer.pk], method=METHOD, now=now)


@transaction.atomic
def wish(
    customer: Customer, *, at_most_a_month: int | None, paused_until: datetime | None, now: datetime
) -> None:
    """Replace what `customer` wishes; every message that is not on its way by then obeys."""
    _lock(customer)
    if at_most_a_month is None and paused_until is None:
        Preference.objects.filter(customer=customer).delete()
        return
    Preference.objects.update_or_create(
        customer=customer,
        defaults={
            "at_most_a_month": at_most_a_month, "paused_until": paused_until, "changed_at": now,
        },
    )  # fmt: skip


def _lock(customer: Customer) -> None:
    """
    Wait for whoever is about to hand a message over, and make them wait: see gate.lock_states.

    Before the first act, and in their order: two that take these rows the other way round would stop
    each other.
    """
    states = ConsentState.objects.filter(customer=customer, channel=Channel.EMAIL)
    list(states.select_for_update(no_key=True).order_by("purpose"))


def end_pauses(*, now: datetime) -> int:
    """Let those hear from us again whose pause has run out; returns how many."""
    over = Preference.objects.filter(paused_until__lte=now)
    return over.update(paused_until=None, changed_at=now)


def honour_signal(customer: Customer, *, now: datetime) -> None:
    """A browser's Global Privacy Control is an objection to sharing, with no form to fill in."""
    shared = ConsentState.objects.filter(
        customer=customer, purpose=Purpose.SHARING, event__act=Act.GRANTED
    )
    if shared.exists():
        ledger.object_to(
            customer=customer, purpose=Purpose.SHARING, method="Global Privacy Control", now=now
        )
