"""Consents that sources report: their way, their proof, and what an import may not do."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from consent import gate, ledger, queries
from consent.enums import Channel, Purpose, Refusal, SuppressionReason
from consent.models import ConsentEvent, ConsentState, Suppression
from core import ids
from customers.enums import EventKind
from customers.models import Cursor, Customer
from tests.factories.consent import MARKETING, MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory, EventFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
EVIDENCE = {"method": "shopify", "state": "subscribed", "opt_in_level": "confirmed_opt_in"}


def told(customer: Customer, kind: str, *, at: Any = NOW, **properties: str) -> None:
    EventFactory(
        customer=customer, kind=kind, happened_at=at, arrived_at=LATER,
        properties={"purpose": "MARKETING", "channel": "EMAIL", **properties},
    )  # fmt: skip


def imported(customer: Customer, **more: Any) -> None:
    told(customer, EventKind.CONSENT_GIVEN, provenance="import", **more)


def state(customer: Customer, channel: str = Channel.EMAIL) -> bool | None:
    found = ConsentState.objects.filter(customer=customer, channel=channel)
    return found.values_list("is_granted", flat=True).first()


@pytest.mark.parametrize("provenance", ["webhook", "trait", "api", "form", "import"])
def test_a_grant_of_the_shops_own_form_counts_with_its_evidence(provenance: str) -> None:
    customer = CustomerFactory()
    told(customer, EventKind.CONSENT_GIVEN, provenance=provenance, **EVIDENCE)
    assert ledger.absorb(now=LATER) == 1
    assert gate.refusal(customer) is None
    act = ConsentEvent.objects.get()
    assert (act.provenance, act.wording.version, act.method) == (provenance, "shop-form", "shopify")
    assert act.evidence["opt_in_level"] == "confirmed_opt_in"


def test_a_grant_that_says_no_way_needs_a_wording() -> None:
    customer = CustomerFactory()
    told(customer, EventKind.CONSENT_GIVEN)
    told(customer, EventKind.CONSENT_GIVEN, provenance="rumour")
    assert ledger.absorb(now=LATER) == 0
    assert queries.refused_grants() == {"UNKNOWN_WORDING": 2}


def test_a_claim_is_kept_and_makes_nobody_mailable() -> None:
    customer, other = CustomerFactory(), CustomerFactory()
    for one in (customer, other):
        told(one, EventKind.CONSENT_CLAIMED, provenance="trait", method="trait")
    assert ledger.absorb(now=LATER) == 2
    assert (gate.refusal(customer), state(customer)) == (Refusal.NO_CONSENT, None)
    assert queries.claims() == {"MARKETING": 2}
    agree(other)
    assert queries.claims() == {"MARKETING": 1}


def test_a_claim_lifts_no_unsubscription() -> None:
    customer = MailableFactory()
    ledger.unsubscribe(customer_id=customer.pk, method="one-click", now=NOW)
    told(customer, EventKind.CONSENT_CLAIMED, at=LATER, provenance="trait")
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) == Refusal.SUPPRESSED


# ------------------------------------------------------------------ channels
def test_text_messages_are_a_consent_of_their_own() -> None:
    customer = CustomerFactory()
    told(customer, EventKind.CONSENT_GIVEN, provenance="webhook", channel="SMS")
    ledger.absorb(now=LATER)
    assert state(customer, Channel.SMS) is True
    assert gate.refusal(customer) == Refusal.NO_CONSENT


@pytest.mark.parametrize(
    ("channel", "email", "sms"),
    [
        ("EMAIL", False, True),
        ("SMS", True, False),
        ("ANY", False, False),
        ("PIGEON", False, False),
        (None, False, True),
    ],
)
def test_a_withdrawal_is_of_the_channel_it_names(
    channel: str | None, *, email: bool, sms: bool
) -> None:
    customer = CustomerFactory()
    for each in ("EMAIL", "SMS"):
        told(customer, EventKind.CONSENT_GIVEN, provenance="webhook", channel=each)
    EventFactory(
        customer=customer, kind=EventKind.CONSENT_WITHDRAWN, happened_at=LATER, arrived_at=LATER,
        properties={"purpose": "MARKETING"} | ({"channel": channel} if channel else {}),
    )  # fmt: skip
    ledger.absorb(now=LATER)
    assert (state(customer), state(customer, Channel.SMS)) == (email, sms)


def test_a_withdrawal_recorded_by_hand_may_be_of_text_messages_only() -> None:
    customer = MailableFactory()
    told(customer, EventKind.CONSENT_GIVEN, provenance="webhook", channel="SMS")
    ledger.absorb(now=LATER)
    ledger.withdraw(
        customer=customer, purpose=Purpose.MARKETING, channel=Channel.SMS, method="call", now=LATER
    )
    assert (state(customer), state(customer, Channel.SMS)) == (True, False)


# ------------------------------------------------------------------ what an import may do
@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("at_once", [True, False])
def test_an_import_never_restores_in_whatever_order_it_comes(
    order: tuple[int, ...], *, at_once: bool
) -> None:
    customer = CustomerFactory()
    acts = [
        lambda: told(customer, EventKind.CONSENT_GIVEN, provenance="webhook", at=NOW),
        lambda: told(customer, EventKind.CONSENT_WITHDRAWN, at=NOW + timedelta(minutes=1)),
        lambda: imported(customer, at=NOW + timedelta(minutes=9)),
    ]
    for number in order:
        acts[number]()
        if not at_once:
            ledger.absorb(now=LATER)
    ledger.absorb(now=LATER)
    assert state(customer) is False


def test_an_import_may_withdraw() -> None:
    customer = MailableFactory()
    told(customer, EventKind.CONSENT_WITHDRAWN, at=LATER, provenance="import")
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) == Refusal.NO_CONSENT


def test_a_live_consent_counts_after_an_import_was_refused() -> None:
    customer = MailableFactory()
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=NOW)
    imported(customer, at=LATER)
    ledger.absorb(now=LATER)
    assert (state(customer), queries.refused_grants()) == (False, {"WITHDREW": 1})
    told(customer, EventKind.CONSENT_GIVEN, at=LATER, provenance="webhook")
    ledger.absorb(now=LATER)
    assert state(customer) is True


@pytest.mark.parametrize("suppressed", list(SuppressionReason))
def test_an_import_grants_nothing_for_a_suppressed_address(suppressed: SuppressionReason) -> None:
    customer = CustomerFactory()
    ledger.suppress(
        address_hmac=customer.email_hmac, reason=suppressed, now=NOW - timedelta(days=9)
    )
    imported(customer)
    assert ledger.absorb(now=LATER) == 0
    assert queries.refused_grants() == {"SUPPRESSED": 1}
    assert Suppression.objects.get().lifted_at is None


def test_an_imported_consent_lifts_no_unsubscription_that_comes_later_by_another_number() -> None:
    customer, namesake = (CustomerFactory(email=text) for text in ("a@b.example", "A@b.example"))
    imported(customer, at=NOW)
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) is None
    told(namesake, EventKind.UNSUBSCRIBED, at=NOW - timedelta(hours=1))
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) == Refusal.SUPPRESSED


@pytest.mark.parametrize("at_once", [True, False])
def test_an_import_grants_nothing_where_the_address_withdrew_under_another_number(
    *, at_once: bool
) -> None:
    first, second = (CustomerFactory(email="same@example.com") for _ in range(2))
    told(first, EventKind.CONSENT_WITHDRAWN, at=NOW, provenance="import")
    if not at_once:
        ledger.absorb(now=LATER)
    imported(second, at=LATER)
    ledger.absorb(now=LATER)
    assert state(second) is None
    assert queries.refused_grants() == {"ADDRESS_WITHDREW": 1}


def test_people_without_an_address_do_not_stand_in_for_one_another() -> None:
    first, second = CustomerFactory(email=""), CustomerFactory(email="")
    told(first, EventKind.CONSENT_WITHDRAWN, provenance="import")
    imported(second, at=LATER)
    ledger.absorb(now=LATER)
    assert state(second) is True


def test_reading_an_import_again_changes_nothing() -> None:
    customer = CustomerFactory()
    imported(customer)
    told(CustomerFactory(), EventKind.CONSENT_CLAIMED)
    ledger.absorb(now=LATER)
    before = list(ConsentEvent.objects.order_by("pk").values_list("pk", "act"))
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=LATER)
    Cursor.objects.update(position=0)
    assert ledger.absorb(now=LATER) == 0
    assert list(ConsentEvent.objects.order_by("pk").values_list("pk", "act"))[:2] == before
    assert state(customer) is False


def test_a_grant_with_a_wording_of_ours_keeps_it() -> None:
    customer = CustomerFactory()
    told(customer, EventKind.CONSENT_GIVEN, provenance="form", wording=MARKETING["wording"])
    ledger.absorb(now=LATER)
    assert ConsentEvent.objects.get().wording.version == "default-1"


def test_a_fresh_consent_and_no_import_lifts_the_suppression_of_an_erased_address(
    settings: Any,
) -> None:
    hmac = ids.address_hmac("back@example.com", pepper=settings.SUPPRESSION_PEPPER)
    ledger.suppress(address_hmac=hmac, reason=SuppressionReason.ERASED, now=NOW)
    customer = CustomerFactory(email="back@example.com")
    imported(customer, at=NOW + timedelta(minutes=1))
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    told(customer, EventKind.CONSENT_GIVEN, at=NOW + timedelta(minutes=2), provenance="form")
    ledger.absorb(now=LATER)
    assert gate.refusal(customer) is None
