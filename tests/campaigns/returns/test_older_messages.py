"""What comes back of messages that left before the suppression list got a new key, or before addresses were noted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from campaigns.enums import ReportKind
from campaigns.models import Delivery, DeliveryReport
from campaigns.returns import recording
from campaigns.returns.recording import Incoming
from consent import gate, peppers
from consent.enums import Refusal, SuppressionReason
from consent.models import Suppression
from core import ids
from customers import identity
from customers.enums import MergeReason
from customers.models import Customer
from tests.campaigns.returns.test_recording import LATER, sent
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
ADDRESS = "angry@example.com"


@pytest.fixture
def delivery(monkeypatch: pytest.MonkeyPatch) -> Delivery:
    """Sent under the former key; the list has carried over to the new one."""
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")
    peppers.keep_up(now=NOW)
    (delivery,) = sent("angry")
    former = settings.SUPPRESSION_PEPPER
    assert delivery.address_hmac == ids.address_hmac(ADDRESS, pepper=former)
    monkeypatch.setattr(settings, "SUPPRESSION_PEPPER", b"the next pepper")
    monkeypatch.setattr(settings, "SUPPRESSION_PEPPERS_RETIRED", (former,))
    peppers.keep_up(now=LATER)
    delivery.customer.refresh_from_db()
    assert delivery.customer.email_hmac != delivery.address_hmac
    return delivery


def complaint(**told: object) -> Incoming:
    return Incoming(
        source="postmark", identity="e1", kind=ReportKind.COMPLAINED, happened_at=LATER,
        **told,  # type: ignore[arg-type] # as Incoming has them
    )  # fmt: skip


def test_a_complaint_holds_under_both_keys_at_once_and_no_consent_lifts_it(
    delivery: Delivery,
) -> None:
    recording.record(complaint(delivery_id=delivery.pk), now=LATER)
    assert dict(Suppression.objects.values_list("address_hmac", "reason")) == dict.fromkeys(
        peppers.hmacs(ADDRESS), SuppressionReason.COMPLAINT
    )
    agree(delivery.customer, now=LATER + timedelta(minutes=1))
    assert gate.refusal(delivery.customer) == Refusal.SUPPRESSED


@pytest.mark.parametrize("is_early", [False, True], ids=["marked", "before it is marked"])
def test_a_provider_that_names_number_and_address_is_understood(
    delivery: Delivery, *, is_early: bool
) -> None:
    marked = Delivery.objects.filter(pk=delivery.pk)
    if not is_early:
        marked.update(reply="accepted as abc")
    recording.record(complaint(provider_number="abc", address=ADDRESS), now=LATER)
    if is_early:
        assert DeliveryReport.objects.get().delivery_id is None
        marked.update(reply="accepted as abc")
        assert recording.match_waiting(now=LATER) == 1
    assert DeliveryReport.objects.get().delivery_id == delivery.pk
    assert gate.refusal(delivery.customer) is not None
    assert Suppression.objects.filter(reason=SuppressionReason.COMPLAINT).count() == 2


def test_the_number_of_a_message_to_somebody_else_is_not_believed(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(reply="accepted as abc")
    told = complaint(provider_number="abc", address="other@example.com")
    recording.record(told, now=LATER)
    assert DeliveryReport.objects.get().delivery_id is None
    assert recording.match_waiting(now=LATER) == 0


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_complaint_about_a_message_without_a_noted_address_suppresses_the_persons(
    monkeypatch: pytest.MonkeyPatch, *, is_merged: bool
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")
    (before,) = sent("old")
    Delivery.objects.update(address_hmac="")
    person: Customer = before.customer
    if is_merged:
        person = MailableFactory()
        identity.merge(
            survivor=person, absorbed=before.customer, reason=MergeReason.STAFF, source=None, now=LATER
        )  # fmt: skip
    recording.record(complaint(delivery_id=before.pk), now=LATER)
    person.refresh_from_db()
    assert dict(Suppression.objects.values_list("address_hmac", "reason")) == {
        person.email_hmac: SuppressionReason.COMPLAINT
    }
