from __future__ import annotations

import json
from typing import Any

import pytest

from customers.intake.translation import Person
from customers.sources.webhooks import UNCOUNTED
from customers.sources.woocommerce import translate
from tests.customers.sources.told import RECEIVED, Told, epoch
from tests.customers.sources.woocommerce.payloads import (
    OPTIN,
    billing,
    customer,
    guest,
    line,
    meta,
    order,
    product,
    refund,
    review,
)


GRACE = Person(user_id="25", email="grace@example.com")
GUEST = Person(email="grace@example.com")
NOW = int(RECEIVED.timestamp())
PLACED = epoch("2026-05-20T08:00:00+00:00")
MAPPED = {"consent_meta_key": OPTIN}


def told(body: Any, topic: str = "order.updated", **changes: Any) -> Told:
    return Told(translate, topic, body, **changes)


# ---------------------------------------------------------------- orders
@pytest.mark.parametrize(
    "topic", ["order.created", "order.updated", "order.restored", "pull.order.updated"]
)
def test_an_order_says_everything(topic: str) -> None:
    found = told(order(), topic)
    row = found.row("orders")
    assert row.values == {
        "external_id": "727", "placed_at": PLACED, "changed_at": PLACED + 5, "status": "PLACED",
        "currency": "EUR", "total_cents": 2632, "discount_cents": 238, "channel": "newsletter/email",
    }  # fmt: skip
    assert row.person == GRACE
    assert found.values("order_lines") == {
        "order_external_id": "727", "line_number": 1, "product_external_id": "91", "quantity": 2,
        "unit_price_cents": 1000,
    }  # fmt: skip
    assert found.values("products") == {
        "external_id": "91", "name": "Tea 1", "image_url": "https://shop.example/tea.jpg"
    }  # fmt: skip
    assert found.row("customers").person == GRACE
    assert found.values("customers") == {
        "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "country": "DE",
        "phone": "+4930123456", "joined_at": PLACED, "changed_at": PLACED,
    }  # fmt: skip
    assert found.rows("events") == found.rows("refunds") == []


def test_times_are_utc_whatever_the_shops_clock_says() -> None:
    found = told(order(date_created="1999-01-01T00:00:00", date_modified=None))
    assert found.values("orders")["placed_at"] == PLACED


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "pending", "date_paid_gmt": None, "date_paid": None}, "PENDING"),
        ({"status": "on-hold", "date_paid_gmt": None, "date_paid": None}, "PENDING"),
        ({"status": "on-hold"}, "PLACED"),
        ({"status": "processing", "date_paid_gmt": None, "date_paid": None}, "PLACED"),
        ({"status": "completed"}, "PLACED"),
        ({"status": "refunded"}, "PLACED"),
        ({"status": "cancelled"}, "CANCELLED"),
        ({"status": "trash"}, "CANCELLED"),
        ({"status": "failed"}, "PENDING"),
        ({"status": "failed", "date_paid_gmt": None, "date_paid": None}, "PENDING"),
        ({"status": "shipped"}, "PLACED"),
        ({"status": "wc-completed"}, "PLACED"),
        ({"status": "shipped", "date_paid_gmt": None, "date_paid": None}, "PENDING"),
        ({"status": None, "date_paid_gmt": None, "date_paid": None}, "PENDING"),
    ],
)
def test_only_what_was_paid_is_a_sale(changes: dict[str, Any], status: str) -> None:
    assert told(order(**changes)).values("orders")["status"] == status


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft"])
def test_a_draft_is_no_order(status: str) -> None:
    assert told(order(status=status)).ignored


@pytest.mark.parametrize(
    ("changes", "person"),
    [
        ({}, GRACE),
        ({"customer_id": 0}, GUEST),
        ({"customer_id": "0"}, GUEST),
        ({"customer_id": None}, GUEST),
        ({"customer_id": 0, "billing": billing(email="")}, None),
        ({"customer_id": 0, "billing": billing(email="no address")}, None),
        ({"customer_id": 0, "billing": []}, None),
        ({"billing": None}, Person(user_id="25")),
    ],
)
def test_whose_an_order_is(changes: dict[str, Any], person: Person | None) -> None:
    found = told(order(**changes))
    assert found.row("orders").person == person
    assert [row.person for row in found.rows("customers")] == ([person] if person else [])


@pytest.mark.parametrize(
    ("changes", "cents"),
    [
        ({}, 1000),
        ({"subtotal": "19.99"}, 1000),
        ({"subtotal": 20}, 1000),
        ({"subtotal": None, "price": 9.995}, 1000),
        ({"subtotal": "20.00", "quantity": 0}, 900),
        ({"subtotal": None, "price": None}, None),
    ],
)
def test_a_lines_price_is_before_discounts(changes: dict[str, Any], cents: int | None) -> None:
    found = told(order(line_items=[line(**changes)]))
    assert found.values("order_lines")["unit_price_cents"] == cents


def test_a_line_of_a_deleted_product_gets_one_outside_of_the_catalogue() -> None:
    found = told(order(line_items=[line(product_id=0, sku="", parent_name=None), line(2)]))
    assert [row.values["product_external_id"] for row in found.rows("order_lines")] == [
        "custom:Tea 1 - 100 g", "92"
    ]  # fmt: skip
    assert found.rows("products")[0].values["is_product"] is False


def test_without_attribution_the_channel_is_how_the_order_was_made() -> None:
    assert told(order(meta_data=[])).values("orders")["channel"] == "checkout"


def test_refunds_are_told_inside_of_the_order() -> None:
    found = told(
        order(
            refunds=[refund(1), refund(2, "-1.50", reason="")],
            date_modified_gmt="2026-05-25T10:00:00",
        )
    )
    at = epoch("2026-05-25T10:00:00+00:00")
    assert [row.values for row in found.rows("refunds")] == [
        {"external_id": "801", "order_external_id": "727", "refunded_at": at, "amount_cents": 500, "reason": "Broken"},
        {"external_id": "802", "order_external_id": "727", "refunded_at": at, "amount_cents": 150, "reason": ""},
    ]  # fmt: skip


def test_a_refund_by_hand_is_of_all_that_is_left() -> None:
    found = told(order(status="refunded"))
    assert found.values("refunds") == {
        "external_id": "727:rest", "order_external_id": "727", "refunded_at": PLACED + 5
    }  # fmt: skip
    listed = told(order(status="refunded", refunds=[refund(1, "-26.32")]))
    assert listed.values("refunds")["external_id"] == "801"


def test_a_deleted_order_is_no_sale() -> None:
    assert told({"id": 727}, "order.deleted").values("orders") == {
        "external_id": "727", "status": "CANCELLED", "changed_at": NOW
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": 0}, "missing_id"),
        ({"id": None}, "missing_id"),
        ({"total": None}, "missing_amount"),
        ({"total": "26,32"}, "bad_price"),
        ({"total": True}, "bad_price"),
        ({"date_created_gmt": "soon"}, "bad_date"),
        ({"line_items": [line(subtotal="NaN")]}, "bad_price"),
        ({"line_items": [line(quantity="2x")]}, "bad_quantity"),
        ({"refunds": [refund(total="all")]}, "bad_price"),
        ({"refunds": [refund(id=None)]}, "missing_id"),
        ({"customer_note": "a\x00b"}, "nul_byte"),
    ],
)
def test_what_cannot_be_read_is_refused_whole(changes: dict[str, Any], reason: str) -> None:
    found = told(order(**changes))
    assert (found.reason, found.out.rows) == (reason, [])


# ---------------------------------------------------------------- people
def test_a_customer_says_who_they_are() -> None:
    row = told(customer(), "customer.updated").row("customers")
    assert row.person == GRACE
    assert {**row.values, "traits": json.loads(row.values["traits"])} == {
        "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "country": "DE",
        "phone": "+4930123456", "traits": {"role": "customer", "is_paying_customer": True},
        "joined_at": epoch("2026-01-10T09:00:00+00:00"),
        "changed_at": epoch("2026-05-20T10:00:00+00:00"),
    }  # fmt: skip


@pytest.mark.parametrize("value", ["1", 1, "yes", True, "on", "TRUE"])
def test_a_box_ticked_at_the_checkout_is_a_grant_at_that_time(value: Any) -> None:
    body = guest(meta_data=[meta(OPTIN, value)], date_modified_gmt="2026-05-30T00:00:00")
    found = told(body, settings=MAPPED)
    kind, at, said = found.event()
    assert (kind, at, said["form"], said["order"]) == ("CONSENT_GIVEN", PLACED, OPTIN, "727")
    assert (said["purpose"], said["channel"], said["provenance"]) == (
        "MARKETING",
        "EMAIL",
        "webhook",
    )
    assert found.row("events").person == GUEST
    assert found.values("events")["external_id"] == "consent:order:727"


@pytest.mark.parametrize("value", ["0", "no", False, "", None, "maybe", [], {"a": 1}])
def test_an_empty_box_at_the_checkout_says_nothing(value: Any) -> None:
    assert told(order(meta_data=[meta(OPTIN, value)]), settings=MAPPED).events() == []


def test_a_box_that_nobody_mapped_says_nothing() -> None:
    body = order(meta_data=[meta(OPTIN, "1"), meta("", "1")])
    assert told(body).events() == []
    assert told(body, settings={"consent_meta_key": ""}).events() == []
    assert told(body, settings={"consent_meta_key": None}).events() == []


def test_a_box_on_a_customer_has_no_time_so_a_yes_is_a_claim_and_a_no_a_no() -> None:
    at = epoch("2026-05-20T10:00:00+00:00")
    yes = told(customer(meta_data=[meta(OPTIN, "yes")]), "customer.updated", settings=MAPPED)
    assert yes.event()[:2] == ("CONSENT_CLAIMED", at)
    no = told(customer(meta_data=[meta(OPTIN, "no")]), "customer.updated", settings=MAPPED)
    assert no.event()[:2] == ("CONSENT_WITHDRAWN", at)
    assert told(customer(), "customer.updated", settings=MAPPED).events() == []


def test_a_deleted_customer_is_mailed_no_more() -> None:
    found = told({"id": 25}, "customer.deleted")
    assert found.event()[:2] == ("CONSENT_WITHDRAWN", NOW)
    assert found.row("events").person == Person(user_id="25")


# ---------------------------------------------------------------- products and reviews
def test_a_product_is_told_with_its_first_category() -> None:
    found = told(product(), "product.updated")
    assert found.values("products") == {
        "external_id": "91", "name": "Tea & more", "category": "Green & white", "price_cents": 990,
        "brand": "Leaf & Co", "url": "https://shop.example/product/tea/",
        "image_url": "https://shop.example/tea.jpg", "stock": None,
    }  # fmt: skip
    assert told(product(price=""), "product.created").values("products")["price_cents"] is None
    assert told(product(parent_id=91, id=901), "product.updated").ignored


@pytest.mark.parametrize(
    ("changes", "stock"),
    [
        ({"stock_status": "outofstock", "stock_quantity": None}, 0),
        ({"stock_status": "instock", "manage_stock": True, "stock_quantity": 12}, 12),
        ({"stock_status": "instock", "manage_stock": True, "stock_quantity": "x"}, None),
        ({"stock_status": "instock", "manage_stock": False, "stock_quantity": None}, UNCOUNTED),
        ({"stock_status": "onbackorder", "manage_stock": True, "stock_quantity": -3}, UNCOUNTED),
        ({"manage_stock": True, "stock_quantity": 0, "backorders_allowed": True}, UNCOUNTED),
    ],
)
def test_stock_as_the_shop_sells_it(changes: dict[str, Any], stock: int | None) -> None:
    assert told(product(**changes), "product.updated").values("products")["stock"] == stock


def test_a_review_is_plain_text_of_the_reviewer() -> None:
    found = told(review(), "pull.review.updated", settings={"language": "en"})
    row = found.row("reviews")
    assert row.values == {
        "external_id": "21", "product_external_id": "91",
        "written_at": epoch("2026-05-25T12:00:00+00:00"), "rating": 5, "title": "",
        "text": "Wonderful & mild.\nAgain!", "language": "en",
    }  # fmt: skip
    assert row.person == GUEST
    assert found.values("products") == {"external_id": "91", "name": "Tea & more"}


@pytest.mark.parametrize(
    ("changes", "rating"), [({"rating": 0}, None), ({"rating": "4"}, 4), ({"rating": 6}, 6)]
)
def test_a_review_without_stars_has_none(changes: dict[str, Any], rating: int | None) -> None:
    found = told(review(**changes), "pull.review.updated")
    assert found.values("reviews")["rating"] == rating, "6 is refused by the rules of quality"


def test_a_review_that_is_not_published_is_not_read() -> None:
    for status in ("hold", "spam", "trash"):
        assert told(review(status=status), "pull.review.updated").ignored
    assert told(review(rating="five"), "pull.review.updated").reason == "bad_rating"
    assert told(review(reviewer_email=""), "pull.review.updated").row("reviews").person is None


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a < b and b > c", "a < b and b > c"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("&lt;script&gt;", "<script>"),
        ("<" * 50_000, "<" * 50_000),
        (None, ""),
        (7, ""),
    ],
)
def test_tags_are_taken_out_of_a_review(html: Any, text: str) -> None:
    assert told(review(review=html), "pull.review.updated").values("reviews")["text"] == text


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("coupon.created", {"id": 3, "code": "may"}),
        ("product.deleted", {"id": 91}),
        ("action.woocommerce_add_to_cart", {"action": "woocommerce_add_to_cart", "arg": "abc"}),
        ("subscription.created", {"id": 3}),
        ("", {}),
        ("pull.", {}),
    ],
)
def test_what_does_not_concern_us_is_ignored(topic: str, body: dict[str, Any]) -> None:
    assert told(body, topic).ignored
