"""The doors of Shopify and WooCommerce: signatures, repeats, pings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from customers.enums import InboundStatus, Power, SourceKind
from customers.intake import keys
from customers.models import InboundRequest
from tests.customers.intake.requests import post, signature
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
ORDER = json.dumps({"id": 9_007_199_254_740_993, "total_price": "12.50", "note": "Grüße"}).encode()


@pytest.fixture
def shopify() -> keys.Opened:
    return keys.open_source(kind=SourceKind.SHOPIFY, name="Shopify", now=NOW)


@pytest.fixture
def woocommerce() -> keys.Opened:
    return keys.open_source(kind=SourceKind.WOOCOMMERCE, name="Woo", now=NOW)


def path(opened: keys.Opened) -> str:
    return str(keys.address(opened.source)).partition("127.0.0.1:8000")[2]


def from_shopify(opened: keys.Opened, body: bytes = ORDER, **headers: str) -> Any:
    return post(path(opened), body, **{
        "HTTP_X_SHOPIFY_TOPIC": "orders/create",
        "HTTP_X_SHOPIFY_HMAC_SHA256": signature(opened.secret, body),
        "HTTP_X_SHOPIFY_SHOP_DOMAIN": "tea.myshopify.example",
        "HTTP_X_SHOPIFY_API_VERSION": "2025-01",
        "HTTP_X_SHOPIFY_WEBHOOK_ID": "w-1",
        "HTTP_X_SHOPIFY_TRIGGERED_AT": "2026-06-01T12:00:00.1Z",
        "HTTP_USER_AGENT": "not kept",
        **headers,
    })  # fmt: skip


def from_woocommerce(opened: keys.Opened, body: bytes = ORDER, **headers: str) -> Any:
    return post(path(opened), body, **{
        "HTTP_X_WC_WEBHOOK_TOPIC": "order.updated",
        "HTTP_X_WC_WEBHOOK_SIGNATURE": signature(opened.secret, body),
        "HTTP_X_WC_WEBHOOK_DELIVERY_ID": "the same within a second",
        "HTTP_X_WC_WEBHOOK_ID": "3",
        **headers,
    })  # fmt: skip


def topics() -> list[str]:
    return list(InboundRequest.objects.order_by("pk").values_list("topic", flat=True))


def test_a_signed_shopify_webhook_is_stored_with_what_says_what_it_is(shopify: keys.Opened) -> None:
    answer = from_shopify(shopify, HTTP_X_SHOPIFY_TEST="true")
    assert (answer.status_code, json.loads(answer.content)) == (200, {"success": True})
    row = InboundRequest.objects.get()
    assert (row.source, row.topic, row.power) == (shopify.source, "orders/create", Power.SERVER)
    assert (bytes(row.body), row.status, row.dedupe_key) == (ORDER, InboundStatus.RECEIVED, "w-1")
    assert row.headers == {
        "x-shopify-shop-domain": "tea.myshopify.example",
        "x-shopify-api-version": "2025-01",
        "x-shopify-webhook-id": "w-1",
        "x-shopify-triggered-at": "2026-06-01T12:00:00.1Z",
        "x-shopify-test": "true",
    }


def test_a_repeated_shopify_delivery_is_answered_200_and_stored_once(shopify: keys.Opened) -> None:
    for webhook_id in ("w-1", "w-1", "w-2", "w-2"):
        answer = from_shopify(shopify, HTTP_X_SHOPIFY_WEBHOOK_ID=webhook_id)
        assert answer.status_code == 200
    assert topics() == ["orders/create"] * 2


def test_a_shopify_delivery_without_an_id_is_known_by_its_body(shopify: keys.Opened) -> None:
    for topic in ("orders/create", "orders/create", "orders/updated"):
        from_shopify(shopify, HTTP_X_SHOPIFY_WEBHOOK_ID="", HTTP_X_SHOPIFY_TOPIC=topic)
    assert topics() == ["orders/create", "orders/updated"]


def test_the_newer_names_of_shopifys_headers_are_read(shopify: keys.Opened) -> None:
    answer = post(
        path(shopify), ORDER, HTTP_SHOPIFY_TOPIC="orders/paid",
        HTTP_SHOPIFY_HMAC_SHA256=signature(shopify.secret, ORDER),
    )  # fmt: skip
    assert answer.status_code == 200
    assert topics() == ["orders/paid"]


@pytest.mark.parametrize(
    "topic", ["customers/redact", "shop/redact", "orders/create", "new/thing", ""]
)
@pytest.mark.parametrize("wrong", ["", "x", "ÿ", signature("another", ORDER), signature("", ORDER)])
def test_a_wrong_signature_is_401_whatever_the_topic(
    topic: str, wrong: str, shopify: keys.Opened
) -> None:
    answer = from_shopify(shopify, HTTP_X_SHOPIFY_HMAC_SHA256=wrong, HTTP_X_SHOPIFY_TOPIC=topic)
    assert answer.status_code == 401
    assert json.loads(answer.content)["code"] == "bad_signature"
    trace = InboundRequest.objects.get()
    assert (trace.status, trace.reason) == ("REJECTED", "bad_signature")
    assert (trace.topic, bytes(trace.body), trace.headers) == (topic, b"", {})


def test_the_signature_is_of_the_raw_body(shopify: keys.Opened) -> None:
    for place in range(0, len(ORDER), 7):
        changed = ORDER[:place] + bytes([ORDER[place] ^ 1]) + ORDER[place + 1 :]
        answer = from_shopify(
            shopify, changed, HTTP_X_SHOPIFY_HMAC_SHA256=signature(shopify.secret, ORDER)
        )
        assert answer.status_code == 401
    assert set(InboundRequest.objects.values_list("status", "reason")) == {
        ("REJECTED", "bad_signature")
    }
    assert InboundRequest.objects.count() <= 2, "a trace a minute, however many come"


@pytest.mark.parametrize("body", [b"", b"no JSON", b'{"a":NaN}', b"\0\xff", b"x" * 2_000_000])
def test_what_is_signed_is_kept_whatever_it_is(
    body: bytes, shopify: keys.Opened, woocommerce: keys.Opened
) -> None:
    assert from_shopify(shopify, body, HTTP_X_SHOPIFY_TOPIC="new/thing").status_code == 200
    assert from_woocommerce(woocommerce, body, HTTP_X_WC_WEBHOOK_TOPIC="x").status_code == 200
    assert [bytes(row.body) for row in InboundRequest.objects.all()] == [body, body]
    assert topics() == ["new/thing", "x"]


def test_a_webhook_of_many_megabytes_is_refused(shopify: keys.Opened) -> None:
    assert from_shopify(shopify, b"x" * 10_000_000).status_code == 200, (
        "kept, to be refused by name"
    )
    answer = from_shopify(shopify, b"x" * 12_000_001)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (413, "too_large")


def test_the_address_of_one_shop_is_not_that_of_another(
    shopify: keys.Opened, woocommerce: keys.Opened
) -> None:
    crossed = f"/in/woocommerce/{shopify.source.public_id}"
    answer = post(crossed, b"webhook_id=1", CONTENT_TYPE="application/x-www-form-urlencoded")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (404, "unknown_address")
    other = keys.open_source(kind=SourceKind.SHOPIFY, name="Another", now=NOW)
    answer = post(path(other), ORDER, HTTP_X_SHOPIFY_HMAC_SHA256=signature(shopify.secret, ORDER))
    assert answer.status_code == 401


def test_a_secret_that_cannot_be_opened_asks_to_come_again(
    shopify: keys.Opened, settings: Any
) -> None:
    settings.SOURCE_KEY = b"another"
    answer = from_shopify(shopify)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (503, "secret_unreadable")
    assert answer["Retry-After"]


def test_woocommerces_ping_is_answered_200_and_is_no_data(woocommerce: keys.Opened) -> None:
    for slash in ("", "/"):
        answer = post(
            path(woocommerce) + slash, b"webhook_id=42",
            CONTENT_TYPE="application/x-www-form-urlencoded",
        )  # fmt: skip
        assert answer.status_code == 200
    assert not InboundRequest.objects.exists()


@pytest.mark.parametrize("body", [b"webhook_id=", b"webhook_id=1&x=2", b"id=1", ORDER, b""])
def test_only_the_ping_needs_no_signature(body: bytes, woocommerce: keys.Opened) -> None:
    answer = from_woocommerce(woocommerce, body, HTTP_X_WC_WEBHOOK_SIGNATURE="")
    assert answer.status_code == 401


def test_deliveries_of_one_second_are_both_kept_and_a_repeated_body_is_not(
    woocommerce: keys.Opened,
) -> None:
    for body in (b'{"id":1,"status":"a"}', b'{"id":1,"status":"b"}', b'{"id":1,"status":"b"}'):
        assert from_woocommerce(woocommerce, body).status_code == 200
    from_woocommerce(woocommerce, b'{"id":1,"status":"b"}', HTTP_X_WC_WEBHOOK_TOPIC="order.created")
    assert topics() == ["order.updated", "order.updated", "order.created"]
    assert InboundRequest.objects.first().headers["x-wc-webhook-id"] == "3"  # type: ignore[union-attr]


@pytest.mark.parametrize("topic", ["product.deleted", "action.woocommerce_add_to_cart"])
def test_what_can_happen_twice_is_kept_twice(topic: str, woocommerce: keys.Opened) -> None:
    for _ in range(2):
        from_woocommerce(woocommerce, b'{"id":1}', HTTP_X_WC_WEBHOOK_TOPIC=topic)
    assert topics() == [topic] * 2
