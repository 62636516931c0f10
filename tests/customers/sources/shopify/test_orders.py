from __future__ import annotations

from typing import Any

import pytest

from customers.intake.translation import Person
from customers.sources.shopify import translate
from tests.customers.sources.shopify import payloads
from tests.customers.sources.shopify.payloads import GRACE, ORDER, line, money, order, transaction
from tests.customers.sources.told import RECEIVED, Told, epoch


GRACE_WHO = Person(user_id=str(GRACE), email="grace@example.com")


def told(body: Any, *, topic: str = "orders/create", **changes: Any) -> Told:
    return Told(translate, topic, body, **changes)


def test_an_order_says_everything() -> None:
    found = told(order())
    row = found.row("orders")
    assert row.values == {
        "external_id": "9007199254740993",
        "placed_at": epoch("2026-05-20T07:59:58+00:00"),
        "changed_at": epoch("2026-05-20T08:00:05+00:00"),
        "status": "PLACED",
        "currency": "EUR",
        "total_cents": 2290,
        "discount_cents": 200,
        "channel": "newsletter/email",
    }
    assert row.person == GRACE_WHO
    assert found.values("order_lines") == {
        "order_external_id": str(ORDER), "line_number": 1, "product_external_id": "801",
        "quantity": 2, "unit_price_cents": 1000,
    }  # fmt: skip
    assert found.values("products") == {
        "external_id": "801", "name": "Tea 1", "brand": "Leaf & Co"
    }  # fmt: skip
    person = found.row("customers")
    assert person.person == GRACE_WHO
    assert person.values["language"] == "en"
    assert person.values["changed_at"] == epoch("2026-05-20T08:00:00+00:00"), "the customer's own"
    assert found.rows("events") == found.rows("refunds") == []


@pytest.mark.parametrize(
    "topic",
    ["orders/create", "orders/updated", "orders/paid", "orders/cancelled", "orders/fulfilled",
     "orders/partially_fulfilled", "orders/edited", "ORDERS/CREATE"],
)  # fmt: skip
def test_every_topic_of_a_whole_order_is_read(topic: str) -> None:
    assert told(order(), topic=topic).values("orders")["external_id"] == str(ORDER)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"financial_status": "paid"}, "PLACED"),
        ({"financial_status": "partially_paid"}, "PLACED"),
        ({"financial_status": "partially_refunded"}, "PLACED"),
        ({"financial_status": "refunded"}, "PLACED"),
        ({"financial_status": "pending"}, "PENDING"),
        ({"financial_status": "authorized"}, "PENDING"),
        ({"financial_status": "expired"}, "PENDING"),
        ({"financial_status": "something new"}, "PENDING"),
        ({"financial_status": "voided"}, "CANCELLED"),
        ({"financial_status": None}, "PENDING"),
        ({"financial_status": None, "total_price_set": money("0.00")}, "PLACED"),
        ({"cancelled_at": "2026-05-21T00:00:00Z"}, "CANCELLED"),
        ({"cancelled_at": "2026-05-21T00:00:00Z", "financial_status": "refunded"}, "CANCELLED"),
        ({"test": True}, "TEST"),
        ({"test": True, "cancelled_at": "2026-05-21T00:00:00Z"}, "TEST"),
    ],
)
def test_only_what_was_paid_is_a_sale(changes: dict[str, Any], status: str) -> None:
    assert told(order(**changes)).values("orders")["status"] == status


def test_sums_are_in_the_shops_money() -> None:
    dear = order(
        currency="EUR", presentment_currency="USD", total_price_set=money("30.00", shop="22.90", buyer="USD"),
        total_discounts_set=money("2.60", shop="2.00", buyer="USD"),
        line_items=[line(price_set=money("13.10", shop="10.00", buyer="USD"))],
    )  # fmt: skip
    found = told(dear)
    assert found.values("orders")["total_cents"] == 2290
    assert found.values("orders")["discount_cents"] == 200
    assert found.values("order_lines")["unit_price_cents"] == 1000


def test_an_older_payload_without_sets_is_read_too() -> None:
    plain = order(total_price_set=None, total_discounts_set=None, line_items=[line(price_set=None)])
    found = told(plain)
    assert (found.values("orders")["total_cents"], found.values("orders")["currency"]) == (
        2290,
        "EUR",
    )


def test_yen_have_no_cents() -> None:
    yen = {"amount": "2290", "currency_code": "JPY"}
    found = told(order(total_price_set={"shop_money": yen, "presentment_money": yen}))
    assert found.values("orders")["total_cents"] == 2290


@pytest.mark.parametrize(
    ("changes", "person"),
    [
        ({}, GRACE_WHO),
        ({"customer": None, "email": "", "contact_email": None}, None),
        ({"customer": None}, Person(email="grace@example.com")),
        ({"customer": payloads.customer(email=None)}, GRACE_WHO),
        ({"customer": payloads.customer(email=None), "email": "", "contact_email": ""}, Person(user_id=str(GRACE))),
        ({"customer": {"id": 7}, "email": "no address"}, Person(user_id="7", email="grace@example.com")),
    ],
)  # fmt: skip
def test_whose_an_order_is(changes: dict[str, Any], person: Person | None) -> None:
    found = told(order(**changes))
    assert found.row("orders").person == person
    assert [row.person for row in found.rows("customers")] == ([person] if person else [])


def test_lines_without_a_product_get_one_outside_of_the_catalogue() -> None:
    found = told(
        order(line_items=[
            line(), line(2, product_id=None, sku="", title="Engraving"),
            line(3, product_id=None, sku="", title="", name=""),
        ])
    )  # fmt: skip
    assert [row.values["line_number"] for row in found.rows("order_lines")] == [1, 2, 3]
    products = [
        (r.values["external_id"], r.values.get("is_product")) for r in found.rows("products")
    ]
    assert products == [("801", None), ("custom:Engraving", False), ("custom:item", False)]


@pytest.mark.parametrize(
    ("landing", "source", "channel"),
    [
        ("/?utm_source=News&utm_medium=email", "web", "news/email"),
        ("/?utm_source=google", "web", "google"),
        ("/?gclid=1", "web", "web"),
        (None, "pos", "pos"),
        ("http://[bad", "web", "web"),
        (None, None, ""),
        ("/?utm_source=" + "x" * 80, "web", "x" * 50),
    ],
)
def test_the_channel_is_where_the_visit_came_from(
    landing: str | None, source: str | None, channel: str
) -> None:
    found = told(order(landing_site=landing, source_name=source))
    assert found.values("orders")["channel"] == channel


def test_the_box_of_a_checkout_is_a_claim_and_no_grant() -> None:
    kind, at, said = told(order(buyer_accepts_marketing=True)).event()
    assert (kind, at) == ("CONSENT_CLAIMED", epoch("2026-05-20T07:59:58+00:00"))
    assert said["order"] == str(ORDER)
    assert (said["purpose"], said["channel"], said["provenance"]) == (
        "MARKETING",
        "EMAIL",
        "webhook",
    )
    assert told(order(buyer_accepts_marketing=False)).events() == []
    assert (
        told(
            order(buyer_accepts_marketing=True, customer=None, email="", contact_email="")
        ).events()
        == []
    )
    assert told(order(buyer_accepts_marketing=True, test=True)).events() == []


def test_an_edit_alone_says_nothing() -> None:
    assert told({"order_edit": {"id": 1, "order_id": ORDER}}, topic="orders/edited").ignored


def test_a_deleted_order_is_no_sale() -> None:
    found = told({"id": ORDER}, topic="orders/delete")
    assert found.values("orders") == {
        "external_id": str(ORDER), "status": "CANCELLED",
        "changed_at": int(RECEIVED.timestamp()),
    }  # fmt: skip


def test_a_test_notification_leaves_a_test_order_and_nobody() -> None:
    headers = {"x-shopify-test": "true"}
    found = told(order(), headers=headers)
    assert [row.entity for row in found.out.rows] == ["orders"]
    assert (found.values("orders")["status"], found.row("orders").person) == ("TEST", None)
    assert Told(translate, "customers/create", payloads.customer(), headers=headers).ignored
    assert not Told(translate, "customers/create", payloads.customer(), headers={"Shopify-Test": "false"}).ignored  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "missing_id"),
        ({"id": {"a": 1}}, "bad_id"),
        ({"total_price_set": None, "total_price": None}, "missing_amount"),
        ({"total_price_set": None, "total_price": "12,50"}, "bad_price"),
        ({"total_price_set": None, "total_price": int("9" * 400)}, "bad_price"),
        ({"total_price_set": None, "total_price": float("inf")}, "bad_price"),
        ({"updated_at": "yesterday"}, "bad_date"),
        ({"processed_at": "20th of May"}, "bad_date"),
        ({"line_items": [line(quantity="two")]}, "bad_quantity"),
        ({"line_items": [line(quantity=1.5)]}, "bad_quantity"),
        ({"note": "a\x00b"}, "nul_byte"),
        ({"note": "\ud800"}, "bad_text"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_whole(changes: dict[str, Any], reason: str) -> None:
    found = told(order(**changes))
    assert (found.reason, found.out.rows) == (reason, [])


@pytest.mark.parametrize("body", [[], "text", 7, None, [order()]])
def test_what_is_no_object_is_refused(body: Any) -> None:
    assert told(body).reason == "not_an_object"


def test_a_future_order_is_left_to_the_rules_of_quality() -> None:
    found = told(order(processed_at="2099-01-01T00:00:00Z", updated_at="2099-01-01T00:00:00Z"))
    assert found.values("orders")["placed_at"] == epoch("2099-01-01T00:00:00+00:00")
    assert found.values("orders")["changed_at"] == int(RECEIVED.timestamp()), (
        "a fast clock blocks nothing"
    )


# ---------------------------------------------------------------- refunds
def refunded(*transactions: dict[str, Any], **changes: Any) -> Told:
    return told(payloads.refund(*transactions, **changes), topic="refunds/create")


def test_a_refund_is_what_its_transactions_paid_back() -> None:
    found = refunded(transaction("5.00"), transaction("2.50"))
    assert found.values("refunds") == {
        "external_id": "509000000000000001",
        "order_external_id": str(ORDER),
        "refunded_at": epoch("2026-05-25T08:00:00+00:00"),
        "amount_cents": 750,
        "reason": "Arrived broken",
    }
    assert found.row("refunds").person is None, "the order's customer"


@pytest.mark.parametrize(
    "changes",
    [{"kind": "sale"}, {"kind": "void"}, {"status": "pending"}, {"status": "failure"}, {"test": True},
     {"amount": "0.00"}],
)  # fmt: skip
def test_what_paid_nothing_back_is_no_refund(changes: dict[str, Any]) -> None:
    assert refunded(transaction(**changes)).ignored
    found = refunded(transaction(**changes), transaction("1.00"))
    assert found.values("refunds")["amount_cents"] == 100


@pytest.mark.parametrize(
    ("changes", "sets", "cents"),
    [
        ({"amount": "8.00", "currency": "USD"}, money("10.00", shop="8.00", buyer="USD"), 640),
        ({"amount": "8.00", "currency": "EUR"}, money("10.00", shop="8.00", buyer="USD"), 800),
        ({"amount": "8.00", "amount_set": money("9.99", shop="7.00", buyer="USD")}, None, 700),
    ],
)
def test_a_refund_is_in_the_shops_money(
    changes: dict[str, Any], sets: dict[str, Any] | None, cents: int
) -> None:
    lines = [{"id": 1, "subtotal_set": sets}]
    found = refunded(transaction(**changes), refund_line_items=lines)
    assert found.values("refunds")["amount_cents"] == cents


def test_a_refund_in_a_currency_of_unknown_rate_is_refused() -> None:
    found = refunded(transaction(currency="USD"))
    assert found.reason == "unknown_currency"


def test_an_order_tells_its_refunds_again() -> None:
    body = order(
        financial_status="partially_refunded", refunds=[payloads.refund()], presentment_currency="USD",
        total_price_set=money("30.00", shop="22.90", buyer="USD"),
    )  # fmt: skip
    assert told(body).values("refunds") == refunded().values("refunds")
    body["refunds"] = [payloads.refund(transaction("30.00", currency="USD"))]
    assert told(body).values("refunds")["amount_cents"] == 2290
    assert told(order(test=True, refunds=[payloads.refund()])).rows("refunds") == []
