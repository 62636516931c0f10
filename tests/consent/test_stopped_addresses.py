"""Who moves to an address that was stopped brings no consent along that was given for another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from consent import gate, ledger
from consent.enums import Provenance, Purpose, Refusal, SuppressionReason
from customers.enums import EventKind
from customers.models import Customer
from tests.factories.consent import MARKETING, MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory, EventFactory


pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def moved() -> Customer:
    """The address was stopped, then they agreed elsewhere, then the shop gave them that address."""
    stopped = CustomerFactory(email="old@example.com")
    ledger.suppress(address_hmac=stopped.email_hmac, reason=SuppressionReason.ERASED, now=NOW)
    customer: Customer = CustomerFactory(email="new@example.com")
    agree(customer, now=NOW + HOUR)
    customer.email, customer.email_hmac = stopped.email, stopped.email_hmac
    customer.save()
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    return customer


def test_a_file_does_not_lift_it(moved: Customer) -> None:
    EventFactory(
        customer=moved, kind=EventKind.CONSENT_GIVEN, happened_at=NOW + 2 * HOUR,
        arrived_at=NOW + 2 * HOUR, properties={**MARKETING, "provenance": Provenance.IMPORT},
    )  # fmt: skip
    ledger.absorb(now=NOW + 2 * HOUR)
    assert gate.refusal(moved) == Refusal.SUPPRESSED


def test_saying_no_to_something_else_does_not_lift_it(moved: Customer) -> None:
    ledger.withdraw(customer=moved, purpose=Purpose.PROFILING, method="form", now=NOW + 2 * HOUR)
    assert gate.refusal(moved) == Refusal.SUPPRESSED


def test_what_a_housemate_agrees_to_lifts_it_for_the_address(moved: Customer) -> None:
    housemate = MailableFactory(email=moved.email, email_hmac=moved.email_hmac)
    assert gate.refusal(moved) == Refusal.SUPPRESSED  # that was before
    agree(housemate, now=NOW + 2 * HOUR)
    assert gate.refusal(moved) is None


def test_a_consent_of_their_own_lifts_it(moved: Customer) -> None:
    EventFactory(
        customer=moved, kind=EventKind.CONSENT_GIVEN, happened_at=NOW + 2 * HOUR,
        arrived_at=NOW + 2 * HOUR, properties=MARKETING,
    )  # fmt: skip
    ledger.absorb(now=NOW + 2 * HOUR)
    assert gate.refusal(moved) is None
