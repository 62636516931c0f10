"""From a signed delivery at the door to the tables and the gate."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from consent.enums import Refusal
from customers.enums import InboundStatus, SourceKind
from customers.models import Event, Order, OrderLine, Refund, VisitorEvent
from tests.customers.sources.delivering import Shop, open_shop
from tests.customers.sources.shopify.payloads import (
    GRACE,
    ORDER,
    cart,
    checkout,
    consent,
    customer,
    line,
    order,
    refund,
    transaction,
)


pytestmark = [pytest.mark.django_db, pytest.mark.story]


@pytest.fixture
def shop() -> Shop:
    return open_shop(SourceKind.SHOPIFY)


def at(minute: int) -> str:
    return f"2026-05-20T10:{minute:02}:00+02:00"


PENDING = order(financial_status="pending", updated_at=at(1))
PAID = order(financial_status="paid", updated_at=at(2))
CANCELLED = order(financial_status="voided", updated_at=at(3), cancelled_at=at(3))


def test_an_order_is_taken_in_with_its_buyer_and_lines(shop: Shop) -> None:
    shop.tell(("orders/create", order(line_items=[line(), line(2, quantity=1)])))
    found = Order.objects.get()
    (grace,) = shop.living()
    assert (found.external_id, found.customer, found.total_cents) == (str(ORDER), grace, 2290)
    assert (grace.external_id, grace.email, grace.first_name) == (
        str(GRACE),
        "grace@example.com",
        "Grace",
    )
    assert list(OrderLine.objects.order_by("line_number").values_list("product__external_id", "quantity")) == [
        ("801", 2), ("802", 1)
    ]  # fmt: skip
    assert shop.totals["order_total"] == 2290
    assert shop.requests() == [("orders/create", InboundStatus.DONE)]


@pytest.mark.parametrize("told", list(permutations([PENDING, PAID, CANCELLED])))
def test_the_last_word_stands_in_whatever_order_words_come(
    shop: Shop, told: tuple[dict[str, Any], ...]
) -> None:
    for body in told:
        shop.tell(("orders/updated", body))
    found = Order.objects.get()
    assert (found.status, found.changed_at) == (
        "CANCELLED",
        datetime(2026, 5, 20, 8, 3, tzinfo=UTC),
    )
    assert shop.totals["order_total"] == 0
    assert shop.accounts_add_up()


def test_a_stale_update_turns_no_paid_order_into_a_pending_one(shop: Shop) -> None:
    shop.tell(("orders/paid", PAID))
    shop.tell(("orders/updated", PENDING))
    assert Order.objects.get().status == "PLACED"
    shop.tell(("orders/updated", PAID), ("orders/updated", PENDING))  # in one chunk
    assert Order.objects.get().status == "PLACED"


def test_lines_that_are_gone_are_gone(shop: Shop) -> None:
    shop.tell(("orders/create", order(line_items=[line(), line(2)])))
    shop.tell(
        ("orders/updated", order(line_items=[line(2)], updated_at=at(9), total_price_set=None))
    )
    assert list(OrderLine.objects.values_list("line_number", "product__external_id")) == [
        (1, "802")
    ]


def test_a_redelivery_is_one_delivery(shop: Shop) -> None:
    for _ in range(3):
        assert shop.send("orders/create", order(), delivery="w-1") == 200
    shop.read()
    assert len(shop.requests()) == 1
    shop.tell(("orders/create", order()))  # the same word under another id
    assert shop.requests()[1][1] == InboundStatus.DONE
    assert shop.totals["orders"] == 1
    assert shop.accounts_add_up()


def test_a_forged_delivery_is_turned_away(shop: Shop) -> None:
    shop.secret = "guessed"
    assert shop.send("orders/create", order()) == 401
    assert shop.requests() == [("orders/create", "REJECTED")]
    assert shop.totals["orders"] == 0


def test_a_test_order_counts_in_no_sum(shop: Shop) -> None:
    shop.tell(
        ("orders/create", order(test=True)), ("refunds/create", refund(transaction(test=True)))
    )
    totals = shop.totals
    assert (totals["orders"], totals["orders_counted_as_sales"]) == (1, 0)
    assert (totals["order_total"], totals["refunded_total"], totals["sales_gross"]) == (0, 0, 0)


def test_refunds_add_up_however_often_they_are_told(shop: Shop) -> None:
    first, second = refund(transaction("5.00")), refund(transaction("2.40"), id=2)
    whole = order(financial_status="partially_refunded", refunds=[first, second], updated_at=at(30))
    shop.tell(("orders/create", order()), ("refunds/create", first), ("orders/updated", whole))
    shop.tell(("refunds/create", second), ("orders/updated", whole))
    totals = shop.totals
    assert (totals["refunds"], totals["refunded_total"], totals["order_total"]) == (2, 740, 2290)
    assert set(Refund.objects.values_list("customer__external_id", flat=True)) == {str(GRACE)}


def test_a_refund_before_its_order_waits_for_it(shop: Shop) -> None:
    shop.tell(("refunds/create", refund()))
    assert shop.requests() == [("refunds/create", InboundStatus.WAITING)]
    shop.tell(("orders/create", order()))
    shop.read()
    assert shop.requests()[0] == ("refunds/create", InboundStatus.DONE)
    assert Refund.objects.get().order == Order.objects.get()
    assert shop.accounts_add_up()


def test_a_deleted_order_is_no_sale(shop: Shop) -> None:
    shop.tell(("orders/create", order()), ("orders/delete", {"id": ORDER}))
    assert (Order.objects.get().status, shop.totals["order_total"]) == ("CANCELLED", 0)


# ---------------------------------------------------------------- people and consent
def email_consent(state: str, when: str | None) -> tuple[str, dict[str, Any]]:
    body = {
        "customer_id": GRACE, "email_address": "grace@example.com",
        "email_marketing_consent": consent(state, when),
    }  # fmt: skip
    return "customers_email_marketing_consent/update", body


GIVEN = email_consent("subscribed", "2026-05-01T08:00:00Z")
TAKEN_BACK = email_consent("unsubscribed", "2026-05-10T08:00:00Z")
AGAIN = email_consent("subscribed", "2026-05-20T08:00:00Z")


def test_consent_may_come_before_the_customer(shop: Shop) -> None:
    shop.tell(GIVEN)
    assert shop.refusal() is None
    shop.tell(("customers/create", customer()), ("orders/create", order()))
    (grace,) = shop.living()
    assert (grace.first_name, grace.country) == ("Grace", "DE")
    assert shop.refusal() is None, "a customer that says nothing of consent takes none away"


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ([GIVEN], None),
        ([GIVEN, TAKEN_BACK], Refusal.NO_CONSENT),
        ([TAKEN_BACK, GIVEN], Refusal.NO_CONSENT),
        ([AGAIN, GIVEN, TAKEN_BACK], None),
        ([GIVEN, email_consent("redacted", None)], Refusal.NO_CONSENT),
        ([GIVEN, email_consent("pending", "2026-05-10T08:00:00Z")], Refusal.NO_CONSENT),
        ([email_consent("pending", "2026-05-01T08:00:00Z"), GIVEN], None),
        ([email_consent("subscribed", None)], Refusal.NO_CONSENT),
        ([email_consent("pending", "2026-05-10T08:00:00Z")], Refusal.NO_CONSENT),
        ([email_consent("not_subscribed", None)], Refusal.NO_CONSENT),
        ([GIVEN, email_consent("not_subscribed", None)], None),
        ([email_consent("invalid", None)], Refusal.NO_CONSENT),
        ([("customers/update", customer())], Refusal.NO_CONSENT),
        ([("customers/update", customer(email_marketing_consent=consent("subscribed")))], None),
        ([("orders/create", order(buyer_accepts_marketing=True))], Refusal.NO_CONSENT),
        ([GIVEN, ("orders/create", order(buyer_accepts_marketing=False))], None),
        ([GIVEN, ("customers/delete", {"id": GRACE})], Refusal.NO_CONSENT),
    ],
)
def test_who_may_be_mailed(
    shop: Shop, said: list[tuple[str, dict[str, Any]]], refusal: Refusal | None
) -> None:
    for one in said:
        shop.tell(one, ("customers/update", customer()))
    assert shop.refusal() == refusal


def test_sms_consent_lets_nobody_be_mailed(shop: Shop) -> None:
    body = {"customer_id": GRACE, "phone": "+49170", "sms_marketing_consent": consent("subscribed")}
    shop.tell(("customers/create", customer()), ("customers_marketing_consent/update", body))
    assert shop.refusal() == Refusal.NO_CONSENT


def test_a_guest_who_opens_an_account_is_one_customer(shop: Shop) -> None:
    shop.tell(("orders/create", order(customer=None)))
    assert len(shop.living()) == 1
    shop.tell(("customers/create", customer()))
    shop.tell(("orders/create", order(id=2)))
    (grace,) = shop.living()
    assert grace.email == "grace@example.com"
    assert set(Order.objects.values_list("customer", flat=True)) == {grace.pk}


def test_orders_at_the_till_are_nobodys(shop: Shop) -> None:
    till = order(
        customer=None, email="", contact_email=None, source_name="pos", billing_address=None
    )
    shop.tell(("orders/create", till))
    assert (shop.living(), Order.objects.get().customer, shop.totals["order_total"]) == (
        [],
        None,
        2290,
    )


def test_customers_that_shopify_merges_are_one(shop: Shop) -> None:
    shop.tell(
        ("customers/create", customer()),
        ("customers/create", customer(id=2, email="grace@work.example")),
        ("orders/create", order(customer=customer(id=2, email="grace@work.example"))),
        ("customers/merge", {
            "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{GRACE}",
            "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
            "status": "completed",
        }),
    )  # fmt: skip
    (grace,) = shop.living()
    assert grace.external_id == str(GRACE)
    assert Order.objects.get().customer == grace
    shop.tell(("orders/create", order(id=3, customer=customer(id=2, email="grace@work.example"))))
    assert set(Order.objects.values_list("customer", flat=True)) == {grace.pk}


def test_tags_come_and_go_without_anybody_knowing_the_others(shop: Shop) -> None:
    who = {"customerId": f"gid://shopify/Customer/{GRACE}"}
    shop.tell(
        ("customer.tags_added", {**who, "tags": ["vip", "tea"], "occurredAt": at(1)}),
        ("customers/create", customer()),
        ("customer.tags_removed", {**who, "tags": ["tea"], "occurredAt": at(2)}),
    )
    (grace,) = shop.living()
    assert (grace.traits["tag:vip"], grace.traits["tag:tea"]) == (True, False)
    assert grace.traits["account_state"] == "enabled"


def test_what_was_put_in_a_cart_becomes_the_persons_at_the_checkout(shop: Shop) -> None:
    shop.tell(("carts/create", cart(line_items=[line()])), ("carts/update", cart()))
    assert (shop.living(), VisitorEvent.objects.count()) == ([], 2)
    shop.tell(("checkouts/create", checkout()))
    (grace,) = shop.living()
    kinds = (
        Event.objects.filter(customer=grace).order_by("happened_at").values_list("kind", flat=True)
    )
    assert list(kinds) == ["CART", "CART", "CHECKOUT"]


def test_a_checkout_that_is_updated_is_still_one(shop: Shop) -> None:
    shop.tell(
        ("checkouts/create", checkout(customer=None, email=None)),
        ("checkouts/update", checkout(customer=None)),
        ("checkouts/update", checkout(updated_at=at(8))),
    )
    assert Event.objects.filter(kind="CHECKOUT").count() == 1
    assert len(shop.living()) == 1


def test_nothing_that_comes_is_lost(shop: Shop) -> None:
    shop.tell(
        ("shop/update", {"id": 1}),
        ("a/new/topic", {"id": 1}),
        ("customers/redact", {"shop_id": 1, "customer": {"id": 5}, "orders_to_redact": []}),
        ("orders/create", order(total_price_set=None, total_price="a lot")),
        ("orders/create", order(id=4, currency="XXX", total_price_set=None)),
        ("orders/create", order(id=5, processed_at="2099-01-01T00:00:00Z")),
        ("orders/create", []),
        ("orders/create", order(id=6)),
    )
    assert shop.requests() == [
        ("shop/update", InboundStatus.IGNORED),
        ("a/new/topic", InboundStatus.IGNORED),
        ("customers/redact", InboundStatus.RECEIVED),
        ("orders/create", InboundStatus.REJECTED),
        ("orders/create", InboundStatus.REJECTED),
        ("orders/create", InboundStatus.REJECTED),
        ("orders/create", InboundStatus.REJECTED),
        ("orders/create", InboundStatus.DONE),
    ]
    assert shop.accounts_add_up()
    assert Order.objects.get().external_id == "6"
