"""A new key of the suppression list, while the former one stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings

from consent import gate, ledger, peppers
from consent.desk import requests
from consent.enums import Refusal, RequestKind, SuppressionReason
from consent.interlock import hindrances
from consent.models import AddressKey, Suppression
from core import ids
from customers.identity import resolve
from customers.identity.names import guest_name
from customers.intake.translation import Person
from customers.models import Customer
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
OLD = settings.SUPPRESSION_PEPPER
NEW = b"the next pepper"


@pytest.fixture
def rotate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def turn(*, keeping: bool = True) -> None:
        monkeypatch.setattr(settings, "SUPPRESSION_PEPPER", NEW)
        monkeypatch.setattr(settings, "SUPPRESSION_PEPPERS_RETIRED", (OLD,) if keeping else ())

    peppers.keep_up(now=NOW)
    return turn


def mailable(address: str) -> Customer:
    customer: Customer = MailableFactory(
        email=address, email_hmac=ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER)
    )
    return customer


def test_an_address_suppressed_under_the_former_key_stays_suppressed(
    rotate: Callable[..., None],
) -> None:
    before = mailable("ada@example.com")
    ledger.unsubscribe(customer_id=before.pk, method="one-click", now=LATER)
    free = mailable("free@example.com")
    rotate()
    assert peppers.keep_up(now=LATER) == 2
    before.refresh_from_db()
    assert before.email_hmac == ids.address_hmac("ada@example.com", pepper=NEW)
    assert gate.refusal(before) == Refusal.SUPPRESSED
    free.refresh_from_db()
    assert gate.refusal(free) is None


def test_an_erased_address_that_comes_back_is_not_mailable_before_a_fresh_consent(
    rotate: Callable[..., None],
) -> None:
    gone = mailable("ada@example.com")
    row = requests.ask(kind=RequestKind.ERASURE, customer=gone, requested_by="t", now=NOW)
    requests.carry_out(row, now=NOW)
    rotate()
    peppers.keep_up(now=NOW)
    back = mailable("ADA@example.com")
    assert gate.refusal(back) == Refusal.NOT_COMPARED
    peppers.keep_up(now=LATER)
    assert gate.refusal(back) == Refusal.SUPPRESSED
    agree(back, now=LATER + timedelta(minutes=1))
    assert gate.refusal(back) is None


def test_what_is_written_is_of_the_new_key_and_late_bounces_of_the_former_count(
    rotate: Callable[..., None],
) -> None:
    customer = mailable("ada@example.com")
    former = customer.email_hmac
    rotate()
    peppers.keep_up(now=NOW)
    ledger.suppress(address_hmac=former, reason=SuppressionReason.HARD_BOUNCE, now=LATER)
    peppers.keep_up(now=LATER)
    newest = ids.address_hmac("ada@example.com", pepper=NEW)
    kept = Suppression.objects.filter(lifted_at=None)
    assert set(kept.values_list("address_hmac", "reason")) == {
        (former, "HARD_BOUNCE"), (newest, "HARD_BOUNCE"),
    }  # fmt: skip


def test_guests_are_still_found_by_their_address(rotate: Callable[..., None]) -> None:
    old = ids.address_hmac("guest@example.com", pepper=OLD)
    guest = CustomerFactory(email="guest@example.com", email_hmac=old, external_id=guest_name(old))
    rotate()
    peppers.keep_up(now=NOW)
    resolve([Person(email="Guest@example.com")], source=guest.source, now=LATER)
    assert Customer.objects.get().pk == guest.pk


def test_an_erasure_after_the_change_leaves_no_pair_of_hashes(rotate: Callable[..., None]) -> None:
    customer = mailable("ada@example.com")
    rotate()
    peppers.keep_up(now=NOW)
    assert AddressKey.objects.count() == 1
    customer.refresh_from_db()
    row = requests.ask(kind=RequestKind.ERASURE, customer=customer, requested_by="t", now=NOW)
    requests.carry_out(row, now=LATER)
    assert not AddressKey.objects.exists()
    assert Suppression.objects.filter(reason=SuppressionReason.ERASED).count() == 2


def test_a_forgotten_former_key_stops_everything_and_is_named(rotate: Callable[..., None]) -> None:
    rotate(keeping=False)
    assert hindrances.of_sending() == peppers.NOT_GIVEN
    rotate()
    assert hindrances.of_sending() == peppers.NOT_NOTED
    peppers.keep_up(now=NOW)
    assert hindrances.of_sending() == ""
