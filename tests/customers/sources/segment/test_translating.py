"""Segment's calls become rows; a table a theme."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from customers.enums import EventKind
from customers.intake.translation import Person, SamePerson, Seen
from customers.sources.segment import translate, vocabulary
from tests.customers.sources.segment.calls import (
    EARLIER,
    SETTINGS,
    call,
    item,
    reason,
    row,
    rows,
    translated,
)
from tests.factories.customers import NOW


# ---------------------------------------------------------------- calls and names of events


@pytest.mark.parametrize("topic", ["t", "track"])
def test_translate_takes_the_call_from_the_path_when_the_body_names_none(topic: str) -> None:
    body = call(event="x")
    del body["type"]
    found = translate([item(body, topic=topic)], settings=SETTINGS, now=NOW)
    assert row(found, "events").values["name"] == "x"


NAMES = {
    "Products Searched": EventKind.SEARCH, "Product List Viewed": EventKind.SITE_VISIT,
    "Product Clicked": EventKind.PRODUCT_VIEW, "Product Viewed": EventKind.PRODUCT_VIEW,
    "Viewed Product": EventKind.PRODUCT_VIEW, "product_viewed": EventKind.PRODUCT_VIEW,
    "productViewed": EventKind.PRODUCT_VIEW, "Product Added": EventKind.CART,
    "Added Product": EventKind.CART, "PRODUCT REMOVED": EventKind.CART_REMOVED,
    "Checkout Started": EventKind.CHECKOUT, "Payment Info Entered": EventKind.CHECKOUT,
    "Coupon Applied": EventKind.COUPON, "coupon-denied": EventKind.COUPON,
    "Product Added to Wishlist": EventKind.WISHLIST, "Email Delivered": EventKind.DELIVERED,
    "Email Opened": EventKind.OPENED, "Email Link Clicked": EventKind.CLICKED,
    "Email Bounced": EventKind.BOUNCED, "Email Marked as Spam": EventKind.COMPLAINED,
    "Unsubscribed": EventKind.UNSUBSCRIBED, "Product Completed": EventKind.OTHER,
    "Loyalty Card Shown": EventKind.OTHER,
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
def test_translate_knows_the_vocabulary(name: str, kind: EventKind) -> None:
    assert row(translated(call(event=name)), "events").values["kind"] == kind


def test_vocabulary_has_no_name_twice() -> None:
    names = [name for entry in vocabulary.ENTRIES for name in (entry.name, *entry.also)]
    assert len({vocabulary._key(name) for name in names}) == len(names)


def test_translate_keeps_of_a_known_event_what_is_safe() -> None:
    said = {"product_id": 7, "price": "9.90", "email": "ada@example.com", "note": {"a": 1}}
    context = {"campaign": {"name": "may", "source": "news"}, "ip": "192.0.2.1"}
    found = row(
        translated(call(event="Product Viewed", properties=said, context=context)), "events"
    )
    assert json.loads(found.values["properties"]) == {
        "product_id": 7, "price": "9.90", "utm_campaign": "may", "utm_source": "news",
    }  # fmt: skip


def test_translate_keeps_an_unknown_event_whole_but_not_our_names() -> None:
    said = {"level": 3, "deep": {"a": [1, 2]}, "campaign_id": "7", "delivery_id": 9}
    found = row(translated(call(event="Level Reached", properties=said)), "events").values
    assert json.loads(found["properties"]) == {
        "level": 3, "deep": {"a": [1, 2]}, "shop_campaign_id": "7", "shop_delivery_id": 9,
    }  # fmt: skip


def test_translate_leaves_out_what_makes_an_unknown_event_too_large_and_says_so() -> None:
    said = {"small": 1, "large": "x" * 20_000, "last": 2}
    found = row(translated(call(event="Export", properties=said)), "events").values["properties"]
    assert json.loads(found) == {"small": 1, "last": 2, "_left_out": ["large"]}


def test_translate_keeps_no_query_of_a_page() -> None:
    said = {"url": "https://u:p@shop.example/tea?token=s#x", "path": "/tea", "search": "?token=s"}
    found = row(translated(call("page", name="Tea", properties=said)), "events").values
    assert json.loads(found["properties"]) == {"url": "https://shop.example/tea", "path": "/tea"}
    assert (found["kind"], found["name"]) == (EventKind.SITE_VISIT, "Tea")


@pytest.mark.parametrize(("said", "kind"), [({}, "hard"), ({"bounce_type": "Soft"}, "soft")])
def test_translate_tells_a_soft_bounce(said: dict[str, Any], kind: str) -> None:
    found = row(translated(call(event="Email Bounced", properties=said)), "events").values
    assert json.loads(found["properties"])["class"] == kind


# ---------------------------------------------------------------- who


PEOPLE = {
    "a number": ({"userId": 12}, Person(user_id="12")),
    "a number with a point": ({"userId": 12.0}, Person(user_id="12")),
    "snake case": ({"userId": None, "user_id": "u", "anonymous_id": "a"}, Person(user_id="u", anonymous_id="a")),
    "null": ({"anonymousId": None}, Person(user_id="u1")),
    "what a faulty script sends": ({"userId": "undefined", "anonymousId": "a"}, Person(anonymous_id="a")),
    "an address in the context": ({"context": {"traits": {"email": "a@b.example"}}}, Person(user_id="u1", email="a@b.example")),
    "an address of the order": ({"properties": {"email": "a@b.example"}}, Person(user_id="u1", email="a@b.example")),
    "no address": ({"context": {"traits": {"email": "ask her"}}}, Person(user_id="u1")),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "person"), PEOPLE.values(), ids=PEOPLE)
def test_translate_finds_the_person(parts: dict[str, Any], person: Person) -> None:
    assert row(translated(call(event="x", **parts)), "events").person == person


@pytest.mark.parametrize("where", ["traits", "context"])
@pytest.mark.parametrize("spelling", ["camel", "snake"])
def test_translate_reads_traits_wherever_they_are(where: str, spelling: str) -> None:
    camel = {"firstName": "Ada", "lastName": "L", "createdAt": "2024-01-02T03:04:05Z"}
    snake = {"first_name": "Ada", "last_name": "L", "created_at": "2024-01-02T03:04:05Z"}
    traits = {"email": "ada@example.com", "tier": 2, **(camel if spelling == "camel" else snake)}
    parts = {"traits": traits} if where == "traits" else {"context": {"traits": traits}}
    found = row(translated(call("identify", **parts)), "customers").values
    assert (found["email"], found["first_name"], found["last_name"]) == (
        "ada@example.com",
        "Ada",
        "L",
    )
    assert found["joined_at"] == 1704164645
    assert json.loads(found["traits"]) == {"tier": 2}


def test_translate_parts_a_name_and_finds_country_and_language() -> None:
    traits = {
        "name": "Ada King Lovelace",
        "address": {"country": "GB"},
        "password": "x",
        "phone": 49,
    }
    found = row(
        translated(call("identify", traits=traits, context={"locale": "en-GB"})), "customers"
    ).values
    assert (found["first_name"], found["last_name"]) == ("Ada", "King Lovelace")
    assert (found["country"], found["language"], found["phone"]) == ("GB", "en", "49")
    assert json.loads(found["traits"]) == {"address": {"country": "GB"}}


@pytest.mark.parametrize("created", ["soon", "2999-01-01", 5, {"a": 1}])
def test_translate_takes_a_senseless_date_of_joining_for_none(created: Any) -> None:
    found = row(translated(call("identify", traits={"createdAt": created})), "customers").values
    assert found["joined_at"] == int(EARLIER.timestamp())


def test_translate_makes_no_customer_of_a_visitor() -> None:
    found = translated(call("identify", userId=None, anonymousId="a", traits={"firstName": "Ada"}))
    assert (found.rows, found.seen) == ([], [Seen(item=0, person=Person(anonymous_id="a"))])


def test_translate_alias() -> None:
    found = translated(call("alias", previousId=7, userId="u2"))
    assert found.same == [
        SamePerson(item=0, absorbed=Person(user_id="7"), survivor=Person(user_id="u2"))
    ]
    assert reason(call("alias", previousId="x", userId=None)) == "no_person"


# ---------------------------------------------------------------- consent


YES = {
    "state": "subscribed",
    "opt_in_level": "confirmed_opt_in",
    "consent_updated_at": "2026-05-01T00:00:00Z",
}
CONSENTS = {
    "with a time": (YES, "CONSENT_GIVEN"),
    "without a time": ({"state": "subscribed"}, "CONSENT_CLAIMED"),
    "with an unreadable time": ({**YES, "consent_updated_at": "then"}, "CONSENT_CLAIMED"),
    "unsubscribed": ({**YES, "state": "unsubscribed"}, "CONSENT_WITHDRAWN"),
    "redacted": ({"state": "redacted"}, "CONSENT_WITHDRAWN"),
    "pending": ({**YES, "state": "pending"}, None),
    "not subscribed": ({**YES, "state": "not_subscribed"}, None),
    "bare yes": (True, "CONSENT_CLAIMED"),
    "bare no": (False, "CONSENT_WITHDRAWN"),
    "bare word": ("subscribed", "CONSENT_CLAIMED"),
    "bare number": (1, "CONSENT_CLAIMED"),
    "nonsense": ([1], None),
}


@pytest.mark.parametrize(("said", "kind"), CONSENTS.values(), ids=CONSENTS)
@pytest.mark.parametrize("trait", ["email_marketing_consent", "newsletter"])
def test_translate_reads_the_mapped_trait(said: Any, kind: str | None, trait: str) -> None:
    found = translated(call("identify", traits={trait: said}), consent_trait=trait)
    kinds = [event.values["kind"] for event in rows(found, "events")]
    assert kinds == ([kind] if kind else [])
    assert row(found, "customers").values["traits"] is None


def test_translate_takes_no_other_trait_for_consent() -> None:
    traits = {"newsletter": YES, "accepts_marketing": True, "consented": "yes"}
    assert rows(translated(call("identify", traits=traits)), "events") == []


COOKIES = [({"Analytics": False}, False), ({"advertising": False}, False), ({"Advertising": "false"}, False),
           ({"Analytics": True, "Advertising": True}, True), ({"Functional": False}, True), ({}, True)]  # fmt: skip


@pytest.mark.parametrize(("answers", "may_profile"), COOKIES)
def test_translate_takes_cookie_consent_for_what_it_is(answers: Any, *, may_profile: bool) -> None:
    context = {"consent": {"categoryPreferences": answers}}
    found = translated(call("page", context=context), call("identify", context=context))
    (event,) = rows(found, "events")
    assert event.values["may_profile"] is may_profile


# ---------------------------------------------------------------- money


LINES = [{"product_id": 1, "price": "10.00", "quantity": 2}, {"id": "p2", "price": 4.5}]
TOTALS = {
    "total": ({"total": "30.10", "revenue": 1}, 3010),
    "revenue with tax and shipping": ({"revenue": 20, "tax": "1.9", "shipping": 5}, 2690),
    "subtotal": ({"subtotal": 20, "tax": 1}, 2100),
    "products less discount": ({"products": LINES, "discount": 4.5, "shipping": 3}, 2300),
    "yen": ({"total": 1200, "currency": "jpy"}, 1200),
    "dinars": ({"total": "1.5", "currency": "KWD"}, 1500),
    "half a cent": ({"total": "0.005"}, 1),
    "exponent": ({"total": "1e2"}, 10000),
    "nothing to pay": ({"total": 0}, 0),
}  # fmt: skip


@pytest.mark.parametrize(("said", "total"), TOTALS.values(), ids=TOTALS)
def test_translate_orders_total(said: dict[str, Any], total: int) -> None:
    found = translated(call(event="Order Completed", properties={"orderId": 5, **said}))
    assert row(found, "orders").values["total_cents"] == total
    assert row(found, "orders").values["external_id"] == "5"


def test_translate_reads_lines_and_products() -> None:
    found = translated(
        call(event="Completed Order", properties={"order_id": "o", "products": LINES})
    )
    lines = [line.values for line in rows(found, "order_lines")]
    assert [(line["line_number"], line["product_external_id"], line["quantity"], line["unit_price_cents"]) for line in lines] == [(1, "1", 2, 1000), (2, "p2", 1, 450)]  # fmt: skip
    assert [product.values["external_id"] for product in rows(found, "products")] == ["1", "p2"]


def test_translate_leaves_unsaid_what_an_update_does_not_say() -> None:
    found = row(
        translated(call(event="Order Updated", properties={"order_id": "o"})), "orders"
    ).values
    assert {name for name, value in found.items() if value is not None} == {
        "external_id",
        "changed_at",
    }


REFUNDS = {
    "all": ({}, (None, ())),
    "total": ({"total": "5"}, (500, ())),
    "negative": ({"total": "-5"}, (500, ())),
    "prices": ({"products": LINES}, (2450, ())),
    "goods": ({"products": [{"product_id": "p", "quantity": 3}]}, (None, (("p", 3),))),
}


@pytest.mark.parametrize(("said", "amount"), REFUNDS.values(), ids=REFUNDS)
def test_translate_refunds(said: dict[str, Any], amount: Any) -> None:
    found = row(
        translated(call(event="Order Refunded", properties={"order_id": "o", **said})), "refunds"
    )
    assert (found.values["amount_cents"], found.goods) == amount


def test_translate_takes_a_guests_order() -> None:
    found = translated(call(event="Order Cancelled", userId=None, properties={"order_id": "o"}))
    assert row(found, "orders").person is None


# ---------------------------------------------------------------- time


def seconds(**ago: float) -> int:
    return int((NOW - timedelta(**ago)).timestamp())


def iso(**ago: float) -> str:
    return (NOW - timedelta(**ago)).isoformat()


TIMES: dict[str, tuple[dict[str, Any], int]] = {
    "timestamp": ({"timestamp": iso(hours=1), "originalTimestamp": iso(hours=2)}, seconds(hours=1)),
    "original": ({"timestamp": None, "originalTimestamp": iso(hours=2)}, seconds(hours=2)),
    "neither": ({"timestamp": None, "sentAt": iso(hours=1)}, seconds()),
    "microseconds": ({"timestamp": "2026-06-01T11:00:00.123456+00:00"}, seconds(hours=1)),
    "another zone": ({"timestamp": "2026-06-01T13:00:00.000+02:00"}, seconds(hours=1)),
    "milliseconds since 1970": ({"timestamp": seconds(hours=1) * 1000}, seconds(hours=1)),
    "in the future": ({"timestamp": iso(hours=-1)}, seconds()),
    "a fast clock": ({"timestamp": iso(hours=-1), "sentAt": iso(hours=-2)}, seconds(hours=1)),
}


@pytest.mark.parametrize(("parts", "happened"), TIMES.values(), ids=TIMES)
def test_translate_knows_when_it_happened(parts: dict[str, Any], happened: int) -> None:
    assert row(translated(call(event="x", **parts)), "events").values["happened_at"] == happened


@pytest.mark.parametrize(("hours", "historical"), [(47, False), (49, True), (17_520, True)])
def test_translate_tells_history(hours: int, *, historical: bool) -> None:
    found = row(translated(call(event="x", timestamp=iso(hours=hours))), "events")
    assert found.values["historical"] is historical


def test_translate_names_an_event_by_what_it_says_when_it_has_no_message_id() -> None:
    def name(**parts: Any) -> str:
        found = row(translated(call(event="x", messageId=None, **parts)), "events")
        return str(found.values["external_id"])

    assert name(sentAt=iso(), properties={"a": 1, "b": 2}) == name(properties={"b": 2, "a": 1})
    assert name(properties={"a": 1}) != name(properties={"a": 2})
