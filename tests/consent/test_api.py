"""Consents with their proof, suppressed addresses and data requests over REST."""

from __future__ import annotations

from datetime import timedelta

import pytest

from consent import gate, topics
from consent.enums import Refusal, SuppressionReason
from consent.models import ConsentEvent, DataRequest, Suppression
from core import clock
from customers.models import Customer
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory, SourceFactory
from tests.gateway.clients import Api, fields


pytestmark = pytest.mark.django_db
GRANT = {
    "purpose": "MARKETING", "wording": "default-1", "happened_at": "2026-06-01T12:00:00Z",
    "method": "checkout", "evidence": {"form": "checkout-3"},
}  # fmt: skip


@pytest.fixture
def api() -> Api:
    return Api()


def test_grant_with_proof_makes_a_customer_mailable(api: Api) -> None:
    customer = CustomerFactory()
    assert gate.refusal(customer) == Refusal.NO_CONSENT
    granted = api.post(f"customers/{customer.pk}/consent/grants", GRANT)
    assert granted.status_code == 201
    said = granted.json()
    assert said["evidence"] == {"form": "checkout-3", "api_key": api.key.prefix}
    assert said["provenance"] == "api"
    assert said["wording"]["version"] == "default-1"
    assert said["happened_at"] == "2026-06-01T12:00:00Z"
    assert gate.refusal(customer) is None
    now = api.get(f"customers/{customer.pk}/consent").json()
    assert now["customer_id"] == customer.pk
    (state,) = now["consents"]
    assert (state["purpose"], state["is_granted"], state["act"]) == ("MARKETING", True, said)


def test_withdrawal_stops_mail_at_once_and_both_acts_are_listed(api: Api) -> None:
    customer = MailableFactory()
    withdrawn = api.post(f"customers/{customer.pk}/consent/withdrawals", {"purpose": "MARKETING"})
    assert (withdrawn.status_code, withdrawn.json()["act"]) == (201, "WITHDRAWN")
    assert gate.refusal(customer) == Refusal.NO_CONSENT
    acts = api.get(f"customers/{customer.pk}/consent/acts").json()["results"]
    assert [act["act"] for act in acts] == ["GRANTED", "WITHDRAWN"]


def test_grant_from_before_a_withdrawal_grants_nothing(api: Api) -> None:
    customer = CustomerFactory()
    api.post(f"customers/{customer.pk}/consent/withdrawals", {"purpose": "MARKETING"})
    api.post(f"customers/{customer.pk}/consent/grants", GRANT)
    assert gate.refusal(customer) == Refusal.NO_CONSENT


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"evidence": {}}, {"evidence": "required"}),
        ({"evidence": None}, {"evidence": "null"}),
        ({"wording": "no-such"}, {"wording": "unknown_wording"}),
        ({"language": "fr"}, {"wording": "unknown_wording"}),
        ({"purpose": "COOKIES"}, {"purpose": "invalid_choice"}),
        ({"happened_at": None}, {"happened_at": "null"}),
    ],
)
def test_grant_without_words_time_or_proof_is_refused(api: Api, change: dict, named: dict) -> None:
    customer = CustomerFactory()
    assert fields(api.post(f"customers/{customer.pk}/consent/grants", {**GRANT, **change})) == named
    assert not ConsentEvent.objects.exists()


def test_consent_of_tomorrow_was_given_now(api: Api) -> None:
    customer = CustomerFactory()
    later = (clock.now() + timedelta(days=9)).isoformat()
    api.post(f"customers/{customer.pk}/consent/grants", {**GRANT, "happened_at": later})
    assert ConsentEvent.objects.get().happened_at <= clock.now()


def test_wordings_are_listed_with_their_text(api: Api) -> None:
    rows = api.get("consent/wordings", purpose="MARKETING", version="default-1").json()["results"]
    assert {row["language"] for row in rows} == {"en", "de", "es"}
    assert "unsubscribe link" in rows[0]["text"]


def test_a_newsletter_is_granted_and_withdrawn_like_any_purpose(api: Api) -> None:
    topics.add(slug="garden", title="Garden", now=NOW)
    customer = CustomerFactory()
    said = {**GRANT, "purpose": "NEWSLETTER:garden"}
    granted = api.post(f"customers/{customer.pk}/consent/grants", said)
    assert (granted.status_code, granted.json()["channel"]) == (201, "EMAIL")
    assert gate.refusal(customer, purpose="NEWSLETTER:garden") is None
    (state,) = api.get(f"customers/{customer.pk}/consent").json()["consents"]
    assert state["purpose"] == "NEWSLETTER:garden"
    api.post(f"customers/{customer.pk}/consent/withdrawals", {"purpose": "NEWSLETTER:garden"})
    assert gate.refusal(customer, purpose="NEWSLETTER:garden") == Refusal.NO_CONSENT
    for wrong in ("NEWSLETTER:none", "NEWSLETTER:", "NEWSLETTER:gar\0den"):
        refused = api.post(f"customers/{customer.pk}/consent/withdrawals", {"purpose": wrong})
        assert fields(refused) == {"purpose": "invalid_choice"}


# ---------------------------------------------------------------- suppressions
def test_suppressed_address_is_kept_as_a_hash_and_not_mailed(api: Api) -> None:
    customer = MailableFactory()
    said = api.post("suppressions", {"email": customer.email.upper(), "detail": "by telephone"})
    assert said.status_code == 201
    assert customer.email not in said.content.decode()
    assert gate.refusal(customer) == Refusal.SUPPRESSED
    (row,) = api.get("suppressions").json()["results"]
    assert (row["address_hmac"], row["reason"]) == (customer.email_hmac, "MANUAL")


def test_restricted_key_learns_nothing_of_other_addresses() -> None:
    ours, theirs = CustomerFactory(), CustomerFactory()
    for customer in (ours, theirs):
        Suppression.objects.create(
            address_hmac=customer.email_hmac,
            reason=SuppressionReason.COMPLAINT,
            created_at=clock.now(),
        )
    api = Api(source_ids=[ours.source_id])
    rows = api.get("suppressions").json()["results"]
    assert [row["address_hmac"] for row in rows] == [ours.email_hmac]
    # the same answer for an address that is suppressed already and one that nobody knows
    first = api.post("suppressions", {"email": theirs.email}).json()
    second = api.post("suppressions", {"email": "nobody@example.com"}).json()
    assert set(first) == set(second) == {"address_hmac", "channel"}


# ---------------------------------------------------------------- data requests
def test_data_request_is_recorded_once_by_its_reference(api: Api) -> None:
    customer = CustomerFactory()
    body = {"kind": "ERASURE", "customer_id": customer.pk, "reference": "ticket-1"}
    made = api.post("data-requests", body)
    assert made.status_code == 201
    again = api.post("data-requests", body)
    assert again.json() == made.json()
    assert made.json()["status"] == "RECEIVED"
    assert DataRequest.objects.get().requested_by == f"API key {api.key.name}"
    assert api.get(f"data-requests/{made.json()['id']}").json() == made.json()
    # nothing is erased before staff have confirmed it
    assert Customer.objects.get().erased_at is None


def test_data_request_by_address_keeps_the_hash_only(api: Api) -> None:
    assert (
        api.post("data-requests", {"kind": "ACCESS", "email": "a@example.com"}).status_code == 201
    )
    row = DataRequest.objects.get()
    assert len(row.address_hmac) == 64
    assert "a@example.com" not in str(DataRequest.objects.values().get())


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kind": "ERASURE"}, {"customer_id": "required"}),
        ({"kind": "SHOP_ERASURE", "customer_id": 1}, {"kind": "invalid_choice"}),
        ({"kind": "ACCESS", "customer_id": 1, "email": "a@b.co"}, {"customer_id": "required"}),
    ],
)
def test_wrong_data_request_is_refused(api: Api, body: dict, named: dict) -> None:
    assert fields(api.post("data-requests", body)) == named


def test_restricted_key_asks_for_its_own_customers_only() -> None:
    ours, theirs = SourceFactory(), CustomerFactory()
    other = Api()
    asked = other.post("data-requests", {"kind": "ACCESS", "customer_id": theirs.pk}).json()
    api = Api(source_ids=[ours.pk])
    body = {"kind": "ERASURE", "customer_id": theirs.pk}
    assert api.post("data-requests", body).status_code == 404
    assert api.get(f"data-requests/{asked['id']}").status_code == 404
    assert api.get("data-requests").json()["results"] == []
    by_address = api.post("data-requests", {"kind": "ACCESS", "email": theirs.email})
    assert (by_address.status_code, by_address.json()["code"]) == (403, "restricted_key")


def test_consents_of_a_customer_who_agreed_to_more(api: Api) -> None:
    customer = MailableFactory()
    agree(customer, "PROFILING")
    states = api.get(f"customers/{customer.pk}/consent").json()["consents"]
    assert {state["purpose"]: state["channel"] for state in states} == {
        "MARKETING": "EMAIL", "PROFILING": "ANY",
    }  # fmt: skip


def test_withdrawal_may_be_of_text_messages_only(api: Api) -> None:
    customer = MailableFactory()
    said = {"purpose": "MARKETING", "channel": "SMS"}
    withdrawn = api.post(f"customers/{customer.pk}/consent/withdrawals", said)
    assert (withdrawn.status_code, withdrawn.json()["channel"]) == (201, "SMS")
    assert gate.refusal(customer) is None
