"""From Shopify's webhooks to a message that may be sent, and to nobody: through the real doors."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from consent import gate, ledger, tasks
from consent.enums import Refusal, RequestStatus
from consent.models import ConsentEvent, DataRequest
from core import clock
from customers.enums import SourceKind
from customers.intake import keys, reading
from customers.models import Customer, InboundRequest
from tests.customers.intake.requests import post, signature
from tests.factories.customers import NOW
from tests.stories.test_forget_me import CANARY, traces


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
EMAIL = f"{CANARY}@example.com"
_numbers = count(1)


@pytest.fixture
def shop() -> keys.Opened:
    clock.set_now(NOW)
    return keys.open_source(kind=SourceKind.SHOPIFY, name="Shopify", now=NOW)


def sends(shop: keys.Opened, topic: str, said: dict[str, Any], *, secret: str = "") -> int:
    body = json.dumps(said).encode()
    path = str(keys.address(shop.source)).partition("127.0.0.1:8000")[2]
    response = post(path, body, HTTP_X_SHOPIFY_TOPIC=topic, HTTP_X_SHOPIFY_HMAC_SHA256=signature(secret or shop.secret, body), HTTP_X_SHOPIFY_WEBHOOK_ID=f"w-{next(_numbers)}")  # fmt: skip
    return int(response.status_code)


def everything_is_read() -> None:
    while reading.read_due(now=clock.now()):
        pass
    ledger.absorb(now=clock.now())
    tasks.take_privacy_requests()


def subscribes(shop: keys.Opened, *, at: str) -> int:
    return sends(shop, "customers_email_marketing_consent/update", {
        "customer_id": 706405506930370084, "email_address": EMAIL,
        "email_marketing_consent": {
            "state": "subscribed", "opt_in_level": "confirmed_opt_in", "consent_updated_at": at,
        },
    })  # fmt: skip


def registers(shop: keys.Opened) -> int:
    return sends(shop, "customers/update", {
        "id": 706405506930370084, "email": EMAIL, "first_name": CANARY, "last_name": "Shopper",
        "created_at": "2026-05-01T10:00:00Z", "updated_at": "2026-05-01T10:00:00Z",
    })  # fmt: skip


def redacts(shop: keys.Opened, **more: Any) -> int:
    return sends(shop, "customers/redact", {
        "shop_id": 1, "shop_domain": "tea.example", "orders_to_redact": [],
        "customer": {"id": 706405506930370084, "email": EMAIL, "phone": None},
    }, **more)  # fmt: skip


def test_a_consent_that_comes_before_its_customer_makes_somebody_mailable(
    shop: keys.Opened,
) -> None:
    assert subscribes(shop, at="2026-05-01T10:00:00Z") == 200
    assert registers(shop) == 200
    everything_is_read()
    customer = Customer.objects.get()
    assert gate.refusal(customer) is None
    act = ConsentEvent.objects.get()
    assert (act.provenance, act.wording.version) == ("webhook", "shop-form")
    assert act.evidence["opt_in_level"] == "confirmed_opt_in"


def test_redact_leaves_no_trace_and_the_next_sync_makes_nobody_mailable(
    shop: keys.Opened, home: Any
) -> None:
    registers(shop)
    subscribes(shop, at="2026-05-01T10:00:00Z")
    everything_is_read()
    assert traces(home)
    assert redacts(shop, secret="x" * 32) == 401
    assert redacts(shop) == 200
    everything_is_read()
    assert traces(home) == []
    assert DataRequest.objects.get().status == RequestStatus.DONE

    clock.set_now(LATER)
    for resent in (registers(shop), subscribes(shop, at="2026-05-01T10:00:00Z")):
        assert resent == 200
    everything_is_read()
    assert [gate.refusal(customer) for customer in Customer.objects.all()] == [Refusal.ERASED]
    assert Customer.objects.get().email == ""


def test_redact_that_overtakes_the_customer_stops_them(shop: keys.Opened) -> None:
    redacts(shop)
    everything_is_read()
    registers(shop)
    subscribes(shop, at="2026-05-01T10:00:00Z")
    everything_is_read()
    assert [gate.refusal(customer) for customer in Customer.objects.all()] == [Refusal.ERASED]


def test_redact_waits_for_what_came_before_it_and_was_not_read(
    shop: keys.Opened, home: Any
) -> None:
    registers(shop)
    subscribes(shop, at="2026-05-01T10:00:00Z")
    redacts(shop)
    tasks.take_privacy_requests()
    assert DataRequest.objects.get().status == RequestStatus.IN_PROGRESS
    everything_is_read()
    assert DataRequest.objects.get().status == RequestStatus.DONE
    assert traces(home) == []
    assert not InboundRequest.objects.exclude(body=b"").exists()
