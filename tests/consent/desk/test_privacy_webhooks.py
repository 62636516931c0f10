"""Shopify's three topics about people's data, from the stored webhook to the proof."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from consent import gate, tasks
from consent.desk import privacy_webhooks, requests, shop_erasure
from consent.enums import Refusal, RequestKind, RequestStatus, SuppressionReason
from consent.models import DataRequest, Suppression
from core import clock, ids
from customers.enums import InboundStatus, SourceKind
from customers.ingest import load
from customers.models import Customer, InboundRequest, RejectedRow, Source
from customers.sources.shopify import PRIVACY_TOPICS
from tests.consent.desk.test_requests import people
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    OrderFactory,
    ReviewFactory,
    SourceFactory,
)


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
SHOP = {"shop_id": 12, "shop_domain": "tea.example"}


@pytest.fixture
def shop() -> Source:
    return SourceFactory(kind=SourceKind.SHOPIFY)


def arrives(source: Source, topic: str, **said: Any) -> InboundRequest:
    body = json.dumps(SHOP | said).encode()
    return InboundRequest.objects.create(source=source, topic=topic, received_at=NOW, body=body)


def redact(source: Source, number: int, email: str | None) -> InboundRequest:
    who = {"id": number, "email": email, "phone": None}
    return arrives(source, "customers/redact", customer=who, orders_to_redact=[])


def test_every_privacy_topic_has_its_kind_of_request() -> None:
    assert set(privacy_webhooks.KIND_OF) == PRIVACY_TOPICS


def test_redact_forgets_the_customer_and_empties_the_webhook(shop: Source) -> None:
    customer = MailableFactory(source=shop, external_id="191167", email="ada@example.com")
    webhook = redact(shop, 191167, "ada@example.com")
    assert privacy_webhooks.take(now=LATER) == 1
    customer.refresh_from_db()
    assert (customer.erased_at, customer.email) == (LATER, "")
    webhook.refresh_from_db()
    assert (webhook.status, bytes(webhook.body), webhook.accepted) == (InboundStatus.DONE, b"", 1)
    request = DataRequest.objects.get()
    assert (request.kind, request.status) == (RequestKind.ERASURE, RequestStatus.DONE)
    assert (request.inbound_id, request.received_at) == (webhook.pk, NOW)
    assert request.result["rows"]["Customer"] == 1


def test_redact_of_somebody_unknown_stops_a_later_sync(shop: Source) -> None:
    redact(shop, 191167, "Ada@Example.com")
    privacy_webhooks.take(now=LATER)
    assert DataRequest.objects.get().status == RequestStatus.DONE
    hmac = ids.address_hmac("ada@example.com", pepper=settings.SUPPRESSION_PEPPER)
    assert Suppression.objects.get().address_hmac == hmac
    assert Suppression.objects.get().reason == SuppressionReason.ERASED
    load(people(("191167", "ada@example.com")), source=shop, now=LATER)
    load(people(("c5", "ada@example.com")), source=SourceFactory(), now=LATER)
    assert [gate.refusal(one) for one in Customer.objects.order_by("pk")] == [
        Refusal.ERASED, Refusal.SUPPRESSED,
    ]  # fmt: skip
    assert Customer.objects.get(source=shop).email == ""


@pytest.mark.parametrize("email", ["ada@example.com", "", None])
def test_redact_again_changes_nothing(shop: Source, email: str | None) -> None:
    MailableFactory(source=shop, external_id="191167", email="ada@example.com")
    for _ in range(2):
        redact(shop, 191167, email)
    assert privacy_webhooks.take(now=LATER) == 2
    first, second = DataRequest.objects.order_by("pk")
    assert (first.status, second.status) == (RequestStatus.DONE, RequestStatus.DONE)
    assert second.result["rows"] == {}
    assert Suppression.objects.count() == 1


def test_a_request_for_data_prepares_one_copy_however_often_it_comes(shop: Source) -> None:
    MailableFactory(source=shop, external_id="191167", email="ada@example.com")
    for _ in range(2):
        arrives(
            shop, "customers/data_request", customer={"id": 191167, "email": "ada@example.com"},
            orders_requested=[], data_request={"id": 9999},
        )  # fmt: skip
    clock.set_now(LATER)
    tasks.take_privacy_requests()
    request = DataRequest.objects.get()
    assert (request.kind, request.reference) == (RequestKind.ACCESS, "9999")
    copy = (settings.HOME / "exports" / request.export).read_text()
    assert "ada@example.com" in copy
    assert not InboundRequest.objects.exclude(body=b"").exists()


def test_shop_redact_forgets_every_customer_of_the_source_in_portions(
    shop: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop_erasure, "PORTION", 2)
    customers = [MailableFactory(source=shop) for _ in range(5)]
    elsewhere = MailableFactory(email=customers[0].email)
    order = OrderFactory(customer=customers[0])
    ReviewFactory(customer=None, source=shop, text="Of a guest")
    batch = arrives(shop, "orders/create", email=customers[1].email)
    RejectedRow.objects.create(inbound=batch, entity="line", reason="x", raw=customers[1].email)
    arrives(shop, "shop/redact")
    privacy_webhooks.take(now=LATER)
    request = DataRequest.objects.get()
    assert request.kind == RequestKind.SHOP_ERASURE
    rounds = 0
    while request.status != RequestStatus.DONE:
        requests.carry_on(now=LATER)
        request.refresh_from_db()
        rounds += 1
    assert rounds == 3
    assert request.result["rows"]["Customer"] == 5
    living = Customer.objects.filter(erased_at=None)
    assert list(living) == [elsewhere], "the same address in another source was not asked about"
    assert gate.refusal(elsewhere) is None
    batch.refresh_from_db()
    assert (batch.status, bytes(batch.body)) == (InboundStatus.IGNORED, b"")
    assert RejectedRow.objects.get().raw == ""
    assert shop.reviews.get().text == ""
    order.refresh_from_db()
    assert order.total_cents == 2000


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"customer": {"id": true}}', b"[" * 9000])
def test_what_cannot_be_understood_is_left_to_staff_with_its_due_date(
    shop: Source, body: bytes
) -> None:
    row = InboundRequest.objects.create(
        source=shop, topic="customers/redact", received_at=NOW, body=body
    )
    assert privacy_webhooks.take(now=LATER) == 1
    row.refresh_from_db()
    assert (row.status, row.reason, bytes(row.body)) == ("REJECTED", "not_understood", body)
    request = DataRequest.objects.get()
    assert (request.status, request.inbound_id) == (RequestStatus.RECEIVED, row.pk)
    assert request.result["problem"]
    assert requests.carry_on(now=LATER) == 0


def test_topics_of_other_kinds_of_source_and_other_topics_are_left_alone(shop: Source) -> None:
    arrives(SourceFactory(kind=SourceKind.WOOCOMMERCE), "customers/redact", customer={"id": 1})
    arrives(shop, "orders/create", customer={"id": 1})
    assert privacy_webhooks.take(now=LATER) == 0
    assert not DataRequest.objects.exists()


def test_a_customer_known_by_another_number_is_found(shop: Source) -> None:
    customer = CustomerFactory(source=shop, external_id="1")
    customer.aliases.create(source=shop, kind="USER", value="191167", created_at=NOW)
    redact(shop, 191167, None)
    privacy_webhooks.take(now=LATER)
    customer.refresh_from_db()
    assert customer.erased_at == LATER
