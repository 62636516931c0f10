"""Two customers become one person, and two again: the stricter word wins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent import gate, ledger, queries
from consent.enums import Act, Purpose, Refusal
from consent.models import ConsentEvent, ConsentState, Preference, Suppression
from consent.public import choosing
from customers import identity
from customers.enums import EventKind, MergeReason
from customers.models import Cursor, Customer, Event
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory, EventFactory


pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MERGED_AT = NOW + HOUR


def merged(survivor: Customer, absorbed: Customer, *, at: Any = MERGED_AT) -> Event:
    Customer.objects.filter(pk=absorbed.pk).update(merged_into=survivor)
    return _said(EventKind.MERGED, survivor, absorbed, at)


def unmerged(survivor: Customer, absorbed: Customer, *, at: Any) -> Event:
    Customer.objects.filter(pk=absorbed.pk).update(merged_into=None)
    return _said(EventKind.UNMERGED, survivor, absorbed, at)


def _said(kind: str, survivor: Customer, absorbed: Customer, at: Any) -> Event:
    event = EventFactory(
        customer=survivor, kind=kind, happened_at=at, arrived_at=at,
        properties={"absorbed_customer_id": absorbed.pk},
    )  # fmt: skip
    ledger.absorb(now=at)
    return event


def withdraw(customer: Customer, at: Any) -> None:
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=at)


def allows(customer: Customer, purpose: str = Purpose.MARKETING) -> bool | None:
    found = ConsentState.objects.filter(customer=customer, purpose=purpose)
    return found.values_list("is_granted", flat=True).first()


def test_a_grant_comes_along_with_its_wording_where_the_survivor_said_nothing() -> None:
    survivor, absorbed = CustomerFactory(), MailableFactory()
    agree(absorbed, Purpose.PROFILING)
    event = merged(survivor, absorbed)
    assert gate.refusal(survivor) is None
    act = ConsentEvent.objects.get(customer=survivor, purpose=Purpose.MARKETING)
    theirs = ConsentEvent.objects.get(customer=absorbed, purpose=Purpose.MARKETING)
    assert (act.basis, act.wording, act.happened_at) == (theirs.basis, theirs.wording, NOW)
    assert act.evidence == {"merged_from": absorbed.pk, "act": theirs.pk}
    assert act.ledger_event_id == event.pk
    assert allows(survivor, Purpose.PROFILING) is True


@pytest.mark.parametrize("act", [Act.WITHDRAWN, Act.OBJECTED])
def test_the_absorbed_one_who_withdrew_has_withdrawn_for_both(act: Act) -> None:
    survivor, absorbed = CustomerFactory(), MailableFactory()
    if act == Act.WITHDRAWN:
        withdraw(absorbed, NOW)
    else:
        ledger.object_to(customer=absorbed, purpose=Purpose.MARKETING, method="letter", now=NOW)
    agree(survivor, now=NOW + HOUR / 2)  # even where the survivor agreed later
    merged(survivor, absorbed)
    assert gate.refusal(survivor) == Refusal.NO_CONSENT
    assert ConsentEvent.objects.filter(customer=survivor).latest("pk").act == act


def test_the_survivor_who_withdrew_stays_so() -> None:
    survivor, absorbed = MailableFactory(), CustomerFactory()
    withdraw(survivor, NOW)
    agree(absorbed, now=NOW + HOUR / 2)
    merged(survivor, absorbed)
    assert allows(survivor) is False
    assert ConsentEvent.objects.filter(customer=survivor, method="merge").count() == 0


def test_both_who_agreed_go_on_agreeing() -> None:
    survivor, absorbed = MailableFactory(), MailableFactory()
    merged(survivor, absorbed)
    assert allows(survivor) is True
    assert ConsentEvent.objects.count() == 2


def test_a_consent_after_the_merge_counts() -> None:
    survivor, absorbed = CustomerFactory(), MailableFactory()
    withdraw(absorbed, NOW)
    merged(survivor, absorbed)
    agree(survivor, now=MERGED_AT + HOUR)
    assert allows(survivor) is True


def test_undoing_a_merge_takes_the_grants_back_that_only_it_gave() -> None:
    survivor, absorbed = CustomerFactory(), MailableFactory()
    agree(survivor, Purpose.PROFILING)
    agree(absorbed, Purpose.PROFILING)
    merged(survivor, absorbed)
    unmerged(survivor, absorbed, at=MERGED_AT + HOUR)
    assert (allows(survivor), allows(absorbed)) == (False, True)
    assert allows(survivor, Purpose.PROFILING) is True


def test_undoing_a_merge_keeps_what_the_survivor_said_in_between() -> None:
    survivor, absorbed = CustomerFactory(), MailableFactory()
    merged(survivor, absorbed)
    agree(survivor, now=MERGED_AT + HOUR)
    unmerged(survivor, absorbed, at=MERGED_AT + 2 * HOUR)
    assert allows(survivor) is True


def test_a_withdrawal_while_both_were_one_holds_for_both() -> None:
    survivor, absorbed = MailableFactory(), MailableFactory()
    merged(survivor, absorbed)
    withdraw(survivor, MERGED_AT + HOUR)
    unmerged(survivor, absorbed, at=MERGED_AT + 2 * HOUR)
    assert (allows(survivor), allows(absorbed)) == (False, False)


def test_a_withdrawal_from_before_the_merge_stays_the_survivors_own() -> None:
    survivor, absorbed = MailableFactory(), MailableFactory()
    withdraw(survivor, NOW + HOUR / 2)
    merged(survivor, absorbed)
    unmerged(survivor, absorbed, at=MERGED_AT + HOUR)
    assert (allows(survivor), allows(absorbed)) == (False, True)


def test_reading_merges_again_changes_nothing() -> None:
    survivor, absorbed = CustomerFactory(), MailableFactory()
    merged(survivor, absorbed)
    unmerged(survivor, absorbed, at=MERGED_AT + HOUR)
    withdraw(absorbed, MERGED_AT + 2 * HOUR)
    agree(survivor, now=MERGED_AT + 3 * HOUR)
    before = list(ConsentEvent.objects.order_by("pk").values())
    Cursor.objects.update(position=0)
    assert ledger.absorb(now=MERGED_AT + 4 * HOUR) == 0
    assert list(ConsentEvent.objects.order_by("pk").values()) == before
    assert (allows(survivor), allows(absorbed)) == (True, False)


def test_a_chain_of_merges_in_one_reading_carries_consent_to_its_end() -> None:
    first, second, third = MailableFactory(), CustomerFactory(), CustomerFactory()
    for survivor, absorbed in ((second, first), (third, second)):
        EventFactory(
            customer=survivor, kind=EventKind.MERGED, happened_at=MERGED_AT, arrived_at=MERGED_AT,
            properties={"absorbed_customer_id": absorbed.pk},
        )  # fmt: skip
    ledger.absorb(now=MERGED_AT)
    assert allows(third) is True


def test_a_merge_that_names_nobody_is_harmless() -> None:
    survivor = MailableFactory()
    for properties in ({}, {"absorbed_customer_id": "x"}, {"absorbed_customer_id": 10**17}):
        EventFactory(customer=survivor, kind=EventKind.MERGED, properties=properties)
    ledger.absorb(now=MERGED_AT)
    assert allows(survivor) is True


def test_an_old_unsubscribe_link_of_the_absorbed_speaks_for_the_survivor() -> None:
    first, second, survivor = CustomerFactory(), CustomerFactory(), MailableFactory()
    Customer.objects.filter(pk=first.pk).update(merged_into=second, email="", email_hmac="")
    Customer.objects.filter(pk=second.pk).update(merged_into=survivor, email="", email_hmac="")
    assert ledger.unsubscribe(customer_id=first.pk, method="one-click", now=MERGED_AT)
    assert gate.refusal(survivor) == Refusal.SUPPRESSED


@pytest.mark.parametrize("says", ["unsubscribes", "complains"])
@pytest.mark.parametrize("becomes", ["a part of another", "somebody at another address"])
def test_what_stopped_one_address_at_once_does_not_stop_another_when_the_ledger_is_read(
    says: str, becomes: str
) -> None:
    person, other = MailableFactory(), MailableFactory()
    stopped, elsewhere = person.email_hmac, other.email_hmac
    if says == "unsubscribes":
        ledger.unsubscribe(customer_id=person.pk, method="one-click", now=NOW)
    else:
        ledger.complain(
            customer_id=person.pk, address_hmac=stopped, happened_at=NOW, now=NOW, campaign_id=1,
            delivery_id=1,
        )  # fmt: skip
    if becomes == "a part of another":
        identity.merge(
            survivor=other, absorbed=person, reason=MergeReason.STAFF, source=None, now=MERGED_AT
        )
    else:
        Customer.objects.filter(pk=person.pk).update(email="new@example.com", email_hmac=elsewhere)
    ledger.absorb(now=MERGED_AT)
    assert list(Suppression.objects.values_list("address_hmac", flat=True)) == [stopped]
    # and the person's own word holds for both all the same
    survivor = other if becomes == "a part of another" else person
    assert gate.refusal(Customer.objects.get(pk=survivor.pk)) == Refusal.NO_CONSENT
    agree(survivor, now=MERGED_AT + HOUR)
    assert gate.refusal(Customer.objects.get(pk=survivor.pk)) is None


@pytest.mark.parametrize("kind", [EventKind.MERGED, EventKind.UNMERGED])
def test_until_the_ledger_is_read_neither_of_a_merge_is_mailed(kind: EventKind) -> None:
    survivor, absorbed, other = MailableFactory(), MailableFactory(), MailableFactory()
    EventFactory(
        customer=survivor, kind=kind, happened_at=MERGED_AT, arrived_at=MERGED_AT,
        properties={"absorbed_customer_id": absorbed.pk},
    )  # fmt: skip
    everybody = (survivor, absorbed, other)
    assert [gate.refusal(one) for one in everybody] == [Refusal.JUST_MERGED] * 2 + [None]
    assert queries.refusal_counts() == {"JUST_MERGED": 2, "": 1}
    ledger.absorb(now=MERGED_AT)
    assert [gate.refusal(one) for one in everybody] == [None] * 3


def wish(customer: Customer, limit: int | None, pause: int | None, *, at: Any = NOW) -> None:
    until = None if pause is None else NOW + timedelta(days=pause)
    choosing.wish(customer, at_most_a_month=limit, paused_until=until, now=at)


def wishes(customer: Customer) -> tuple[int | None, int | None] | None:
    """(messages a month, days of the pause), or None for no wish."""
    known = Preference.objects.filter(customer=customer).first()
    if known is None:
        return None
    return known.at_most_a_month, known.paused_until and (known.paused_until - NOW).days


@pytest.mark.parametrize(
    ("ours", "theirs", "after"),
    [
        (None, None, None),
        (None, (None, 30), (None, 30)),
        (None, (2, None), (2, None)),
        ((1, None), (4, 30), (1, 30)),
        ((4, 30), (1, 7), (1, 30)),
        ((4, 30), None, (4, 30)),
    ],
)
def test_of_two_wishes_the_stricter_is_the_survivors(ours: Any, theirs: Any, after: Any) -> None:
    survivor, absorbed = MailableFactory(), MailableFactory()
    for customer, told in ((survivor, ours), (absorbed, theirs)):
        if told:
            wish(customer, *told)
    merged(survivor, absorbed)
    assert wishes(survivor) == after
    paused = after is not None and after[1] is not None
    assert gate.refusal(survivor) == (Refusal.PAUSED if paused else None)
    Cursor.objects.update(position=0)
    ledger.absorb(now=MERGED_AT + HOUR)
    assert wishes(survivor) == after


def test_undoing_a_merge_loosens_no_wish_and_shares_those_from_before_with_nobody() -> None:
    survivor, absorbed = MailableFactory(), MailableFactory()
    wish(survivor, 1, None)
    wish(absorbed, 4, 30)
    merged(survivor, absorbed)
    unmerged(survivor, absorbed, at=MERGED_AT + HOUR)
    assert (wishes(survivor), wishes(absorbed)) == ((1, 30), (4, 30))
    wish(absorbed, 2, 60, at=MERGED_AT + 2 * HOUR)
    Cursor.objects.update(position=0)
    ledger.absorb(now=MERGED_AT + 3 * HOUR)
    assert (wishes(survivor), wishes(absorbed)) == ((1, 30), (2, 60))


def test_a_wish_while_both_were_one_holds_for_both() -> None:
    survivor, absorbed = MailableFactory(), MailableFactory()
    wish(absorbed, 4, None)
    merged(survivor, absorbed)
    wish(survivor, 2, 30, at=MERGED_AT + HOUR)
    unmerged(survivor, absorbed, at=MERGED_AT + 2 * HOUR)
    assert wishes(survivor) == wishes(absorbed) == (2, 30)
    wish(survivor, 1, 90, at=MERGED_AT + 3 * HOUR)
    Cursor.objects.update(position=0)
    ledger.absorb(now=MERGED_AT + 4 * HOUR)
    assert wishes(absorbed) == (2, 30)
