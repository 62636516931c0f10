from __future__ import annotations

import json
from typing import Any

import pytest

from customers.intake.translation import Person, SamePerson
from customers.sources.shopify import PRIVACY_TOPICS, translate
from customers.sources.webhooks import UNCOUNTED
from tests.customers.sources.shopify import payloads
from tests.customers.sources.shopify.payloads import GRACE, consent, customer
from tests.customers.sources.told import RECEIVED, Told, epoch


GRACE_WHO = Person(user_id=str(GRACE), email="grace@example.com")
NOW = int(RECEIVED.timestamp())


def told(body: Any, *, topic: str = "customers/update", **changes: Any) -> Told:
    return Told(translate, topic, body, **changes)


@pytest.mark.parametrize("topic", ["create", "update", "enable", "disable"])
def test_a_customer_says_who_they_are(topic: str) -> None:
    row = told(customer(), topic=f"customers/{topic}").row("customers")
    assert row.person == GRACE_WHO
    assert {**row.values, "traits": json.loads(row.values["traits"])} == {
        "email": "grace@example.com",
        "first_name": "Grace",
        "last_name": "Hopper",
        "country": "DE",
        "language": "",
        "phone": "+4930123456",
        "traits": {"account_state": "enabled", "verified_email": True},
        "joined_at": epoch("2026-01-10T08:00:00+00:00"),
        "changed_at": epoch("2026-05-20T08:00:00+00:00"),
    }


def test_a_customer_since_2025_says_nothing_of_consent() -> None:
    assert told(customer()).events() == []
    assert told(customer(email_marketing_consent=None, sms_marketing_consent=None)).events() == []
    assert "tags" not in told(customer()).values("customers")["traits"]


def test_a_customer_of_before_brings_tags_sums_and_consent() -> None:
    found = told(
        customer(
            tags="vip, wholesale , ", orders_count=3, total_spent="68.70",
            email_marketing_consent=consent("subscribed"),
            sms_marketing_consent=consent("unsubscribed", "2026-05-02T08:00:00Z"),
        )
    )  # fmt: skip
    traits = json.loads(found.values("customers")["traits"])
    assert traits["tags"] == ["vip", "wholesale"]
    assert (traits["orders_count"], traits["total_spent"]) == (3, "68.70")
    acts = [(kind, said["channel"]) for kind, _, said in found.events()]
    assert acts == [("CONSENT_GIVEN", "EMAIL"), ("CONSENT_WITHDRAWN", "SMS")]


# ---------------------------------------------------------------- consent
AT = epoch("2026-05-01T08:00:00+00:00")


def of_email(**said: Any) -> Told:
    body = {"customer_id": GRACE, "email_address": "grace@example.com", **said}
    return told(body, topic="customers_email_marketing_consent/update")


@pytest.mark.parametrize(
    ("state", "at", "kind", "happened_at"),
    [
        ("subscribed", "2026-05-01T08:00:00Z", "CONSENT_GIVEN", AT),
        ("subscribed", "2026-05-01T10:00:00+02:00", "CONSENT_GIVEN", AT),
        ("SUBSCRIBED", "2026-05-01T08:00:00Z", "CONSENT_GIVEN", AT),
        ("subscribed", None, "CONSENT_CLAIMED", NOW),
        ("subscribed", "", "CONSENT_CLAIMED", NOW),
        ("subscribed", "2099-01-01T00:00:00Z", "CONSENT_GIVEN", NOW),
        ("unsubscribed", "2026-05-01T08:00:00Z", "CONSENT_WITHDRAWN", AT),
        ("unsubscribed", None, "CONSENT_WITHDRAWN", NOW),
        ("redacted", None, "CONSENT_WITHDRAWN", NOW),
        ("invalid", "2026-05-01T08:00:00Z", "CONSENT_WITHDRAWN", AT),
        ("pending", "2026-05-01T08:00:00Z", "CONSENT_WITHDRAWN", AT - 1),
        ("not_subscribed", "2026-05-01T08:00:00Z", "CONSENT_WITHDRAWN", AT - 1),
    ],
)
def test_only_subscribed_with_a_time_is_a_grant(
    state: str, at: str | None, kind: str, happened_at: int
) -> None:
    found = of_email(email_marketing_consent=consent(state, at))
    assert found.event()[:2] == (kind, happened_at)
    said = found.event()[2]
    assert said["state"] == state.lower()
    assert (said["purpose"], said["channel"], said["provenance"]) == (
        "MARKETING",
        "EMAIL",
        "webhook",
    )
    assert said["opt_in_level"] == "single_opt_in"


@pytest.mark.parametrize(
    "said",
    [{}, {"email_marketing_consent": None}, {"email_marketing_consent": {}},
     {"email_marketing_consent": "subscribed"}, {"email_marketing_consent": True},
     {"email_marketing_consent": consent("not_subscribed", None)},
     {"email_marketing_consent": consent("pending", None)},
     {"email_marketing_consent": consent("a new state")}],
)  # fmt: skip
def test_what_is_not_said_is_unknown(said: dict[str, Any]) -> None:
    found = of_email(**said)
    assert found.events() == []
    assert found.row("customers").person == GRACE_WHO


def test_consent_makes_the_customer_that_has_not_come_yet() -> None:
    row = of_email(email_marketing_consent=consent("subscribed")).row("customers")
    assert row.person == GRACE_WHO
    assert (row.values["email"], row.values["changed_at"]) == ("grace@example.com", AT)


def test_the_same_consent_is_one_act_however_often_and_wherever_it_is_told() -> None:
    def key(found: Told) -> str:
        return str(found.row("events").values["external_id"])

    first = key(of_email(email_marketing_consent=consent("subscribed")))
    again = customer(
        email_marketing_consent=consent("subscribed"), updated_at="2026-05-30T00:00:00Z"
    )
    assert key(told(again)) == first
    later = consent("subscribed", "2026-05-02T08:00:00Z")
    assert key(of_email(email_marketing_consent=later)) != first


def test_sms_consent_is_of_sms() -> None:
    body = {"id": GRACE, "phone": "+491701234", "sms_marketing_consent": consent("subscribed")}
    found = told(body, topic="customers_marketing_consent/update")
    kind, _, said = found.event()
    assert (kind, said["channel"]) == ("CONSENT_GIVEN", "SMS")
    assert found.values("customers")["phone"] == "+491701234"


def test_consent_of_nobody_is_refused() -> None:
    body = {"customer_id": None, "email_marketing_consent": consent("subscribed")}
    assert told(body, topic="customers_email_marketing_consent/update").reason == "no_person"


def test_a_deleted_customer_is_mailed_no_more() -> None:
    headers = {"X-Shopify-Triggered-At": "2026-05-30T10:00:00.123456Z"}
    found = told({"id": GRACE}, topic="customers/delete", headers=headers)
    acts = [(kind, at, said["channel"]) for kind, at, said in found.events()]
    at = epoch("2026-05-30T10:00:00+00:00")
    assert acts == [("CONSENT_WITHDRAWN", at, "EMAIL"), ("CONSENT_WITHDRAWN", at, "SMS")]
    assert found.rows("customers") == []


# ---------------------------------------------------------------- tags, sums, merges
def test_tags_added_and_removed_are_traits_of_their_own() -> None:
    body = {
        "customerId": f"gid://shopify/Customer/{GRACE}", "tags": ["vip", "berlin"],
        "occurredAt": "2026-05-30T10:00:00Z",
    }  # fmt: skip
    added = told(body, topic="customer.tags_added")
    assert added.row("customers").person == Person(user_id=str(GRACE))
    assert json.loads(added.values("customers")["traits"]) == {"tag:vip": True, "tag:berlin": True}
    assert added.event() == (
        "OTHER",
        epoch("2026-05-30T10:00:00+00:00"),
        {"tags": ["vip", "berlin"]},
    )
    removed = told({**body, "tags": ["vip"]}, topic="customer.tags_removed")
    assert json.loads(removed.values("customers")["traits"]) == {"tag:vip": False}
    assert removed.values("events")["name"] == "Customer Tags Removed"
    assert added.values("customers")["changed_at"] is None


def test_the_summary_of_purchases_is_kept_as_traits() -> None:
    body = {
        "customerId": f"gid://shopify/Customer/{GRACE}", "numberOfOrders": 4,
        "amountSpent": {"amount": "91.60", "currencyCode": "EUR"},
    }  # fmt: skip
    found = told(body, topic="customers/purchasing_summary")
    assert json.loads(found.values("customers")["traits"]) == {
        "orders_count": 4,
        "total_spent": "91.60",
    }


def test_a_merge_says_that_two_numbers_are_one_person() -> None:
    body = {
        "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
        "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
        "status": "completed", "errors": [],
    }  # fmt: skip
    same = [SamePerson(item=0, absorbed=Person(user_id="2"), survivor=Person(user_id="1"))]
    assert told(body, topic="customers/merge").out.same == same
    assert told({**body, "status": "failed"}, topic="customers/merge").ignored
    assert told({**body, "status": "in_progress"}, topic="customers/merge").ignored
    assert told({}, topic="customers/merge").reason == "missing_id"


# ---------------------------------------------------------------- the rest
def test_a_product_is_told_with_its_lowest_price() -> None:
    headers = {"Shopify-Shop-Domain": "leaf.myshopify.com"}
    found = told(payloads.product(), topic="products/update", headers=headers)
    assert found.values("products") == {
        "external_id": "801",
        "name": "Tea 1",
        "category": "Drinks",
        "price_cents": 990,
        "brand": "Leaf & Co",
        "url": "https://leaf.myshopify.com/products/tea-1",
        "image_url": "https://cdn.example/tea.jpg",
        "stock": None,
    }


@pytest.mark.parametrize(
    ("variants", "stock"),
    [
        ([{"inventory_quantity": 3}, {"inventory_quantity": "4"}, {"inventory_quantity": -2}], 7),
        ([{"inventory_quantity": 0, "inventory_management": "shopify", "inventory_policy": "deny"}], 0),
        ([{"inventory_quantity": 0, "inventory_policy": "continue"}], UNCOUNTED),
        ([{"inventory_quantity": 0, "inventory_management": None}, {"inventory_quantity": 1}], UNCOUNTED),
        ([{"inventory_quantity": "many"}, {"inventory_quantity": 2.5}], None),
        ([], None),
    ],
)  # fmt: skip
def test_stock_is_of_all_variants(variants: list[dict[str, Any]], stock: int | None) -> None:
    found = told(payloads.product(variants=variants), topic="products/update")
    assert found.values("products")["stock"] == stock


def test_a_product_without_much_says_little() -> None:
    found = told(
        {"id": 801, "title": "Tea"},
        topic="products/create",
        headers={"x-shopify-shop-domain": "ev il"},
    )
    told_of = {name: value for name, value in found.values("products").items() if value is not None}
    assert told_of == {"external_id": "801", "name": "Tea"}


def test_a_checkout_is_an_event_once_it_is_known_whose_it_is() -> None:
    found = told(payloads.checkout(), topic="checkouts/create")
    kind, at, said = found.event()
    assert (kind, at) == ("CHECKOUT", epoch("2026-05-20T07:50:00+00:00"))
    assert said == {
        "checkout_id": "c0ffee", "total": "22.90", "currency": "EUR", "product_ids": ["801", "802"]
    }  # fmt: skip
    assert found.row("events").person == Person(
        user_id=str(GRACE), email="grace@example.com", anonymous_id="cart:hWN2H"
    )
    assert found.values("events")["historical"] is True, "received twelve days later"
    nobody = payloads.checkout(customer=None, email=None)
    assert told(nobody, topic="checkouts/update").ignored
    by_address = told(payloads.checkout(customer=None), topic="checkouts/update")
    assert by_address.row("customers").person == Person(email="grace@example.com")


def test_a_cart_is_a_visitors_until_its_checkout_says_whose() -> None:
    found = told(payloads.cart(), topic="carts/update")
    rows = found.rows("events")
    assert {row.person for row in rows} == {Person(anonymous_id="cart:hWN2H")}
    assert [row.values["external_id"] for row in rows] == ["cart:hWN2H:801", "cart:hWN2H:802"]
    assert found.events()[0] == (
        "CART", epoch("2026-05-20T07:45:00+00:00"),
        {"product_id": "801", "name": "Tea 1", "quantity": 2, "price": "10.00"},
    )  # fmt: skip
    assert told(payloads.cart(line_items=[]), topic="carts/create").ignored


@pytest.mark.parametrize(
    "topic",
    ["app/uninstalled", "shop/update", "products/delete", "inventory_levels/update", "", "orders",
     "a/new/topic", *sorted(PRIVACY_TOPICS)],
)  # fmt: skip
def test_what_does_not_concern_us_is_ignored(topic: str) -> None:
    assert told({"id": 1}, topic=topic).ignored
