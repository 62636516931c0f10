"""From a signed delivery at the door to the tables and the gate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from consent.enums import Refusal
from customers.enums import InboundStatus, SourceKind
from customers.models import Order, OrderLine, Product, Refund
from tests.customers.sources.delivering import Shop, open_shop
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
)


pytestmark = [pytest.mark.django_db, pytest.mark.story]


@pytest.fixture
def shop() -> Shop:
    return open_shop(SourceKind.WOOCOMMERCE, consent_meta_key=OPTIN)


def at(minute: int) -> str:
    return f"2026-05-20T08:{minute:02}:00"


def test_two_deliveries_in_one_second_are_two(shop: Shop) -> None:
    # WooCommerce makes the delivery's id from the webhook and the second
    assert shop.send("order.created", order(), delivery="same") == 200
    assert shop.send("order.created", order(id=728), delivery="same") == 200
    assert shop.send("order.created", order(id=728), delivery="same") == 200
    shop.read()
    assert shop.requests() == [("order.created", InboundStatus.DONE)] * 2
    assert shop.totals["orders"] == 2


def test_a_sale_is_counted_once_it_is_paid_and_no_more_once_it_is_cancelled(shop: Shop) -> None:
    unpaid = {"date_paid": None, "date_paid_gmt": None}
    shop.tell(("order.created", order(status="pending", date_modified_gmt=at(1), **unpaid)))
    assert shop.totals["order_total"] == 0
    shop.tell(("order.updated", order(status="processing", date_modified_gmt=at(2))))
    assert shop.totals["order_total"] == 2632
    shop.tell(("order.updated", order(status="cancelled", date_modified_gmt=at(4))))
    shop.tell(("order.updated", order(status="processing", date_modified_gmt=at(3))))
    assert (Order.objects.get().status, shop.totals["order_total"]) == ("CANCELLED", 0)
    assert shop.accounts_add_up()


def test_an_order_that_is_paid_back_bit_by_bit(shop: Shop) -> None:
    first, rest = refund(1, "-5.00"), refund(2, "-21.32")
    shop.tell(("order.created", order()))
    shop.tell(("order.updated", order(refunds=[first], date_modified_gmt=at(10))))
    shop.tell(
        ("order.updated", order(refunds=[rest, first], status="refunded", date_modified_gmt=at(20)))
    )
    totals = shop.totals
    assert (totals["refunds"], totals["refunded_total"], totals["order_total"]) == (2, 2632, 2632)
    assert Order.objects.get().status == "PLACED"
    dates = dict(Refund.objects.values_list("external_id", "refunded_at"))
    assert dates == {
        "801": datetime(2026, 5, 20, 8, 10, tzinfo=UTC),
        "802": datetime(2026, 5, 20, 8, 20, tzinfo=UTC),
    }, "a refund is of the day on which it was first told"


def test_an_order_set_to_refunded_by_hand_is_worth_nothing(shop: Shop) -> None:
    shop.tell(("order.created", order()))
    shop.tell(("order.updated", order(refunds=[], status="refunded", date_modified_gmt=at(20))))
    totals = shop.totals
    assert (totals["refunded_total"], totals["order_total"]) == (2632, 2632)


def test_an_order_in_the_bin_is_no_sale_until_it_is_taken_out(shop: Shop) -> None:
    shop.tell(("order.created", order()), ("order.deleted", {"id": 727}))
    found = Order.objects.get()
    assert (found.status, shop.totals["order_total"]) == ("CANCELLED", 0)
    assert found.customer is not None, "who bought it is still known"
    restored = order(date_modified_gmt="2026-06-01T12:30:00")
    shop.now = datetime(2026, 6, 1, 12, 31, tzinfo=UTC)
    shop.tell(("order.restored", restored))
    assert (Order.objects.get().status, shop.totals["order_total"]) == ("PLACED", 2632)


def test_a_guest_who_opens_an_account_is_one_customer(shop: Shop) -> None:
    shop.tell(("order.created", guest()))
    (grace,) = shop.living()
    assert (grace.email, grace.first_name) == ("grace@example.com", "Grace")
    shop.tell(("customer.created", customer()), ("order.created", order(id=728)))
    (grace,) = shop.living()
    assert set(Order.objects.values_list("customer", flat=True)) == {grace.pk}
    shop.tell(("order.created", guest(id=729, billing=billing(email="GRACE@example.com"))))
    assert len(shop.living()) == 1


def test_two_guests_with_one_name_are_two(shop: Shop) -> None:
    shop.tell(
        ("order.created", guest()),
        ("order.created", guest(id=728, billing=billing(email="grace@other.example"))),
        ("order.created", guest(id=729, billing=billing(email=""))),
    )
    assert len(shop.living()) == 2
    assert Order.objects.get(external_id="729").customer is None


def test_an_older_orders_address_does_not_replace_the_accounts(shop: Shop) -> None:
    shop.tell(("customer.updated", customer(email="new@example.com")))
    shop.tell(("order.updated", order(status="completed", date_modified_gmt="2026-05-30T00:00:00")))
    (grace,) = shop.living()
    assert grace.email == "new@example.com"


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ([("order.created", order())], Refusal.NO_CONSENT),
        ([("order.created", guest(meta_data=[meta(OPTIN, "1")]))], None),
        ([("order.created", guest(meta_data=[meta(OPTIN, "0")]))], Refusal.NO_CONSENT),
        ([("order.created", guest(meta_data=[meta("another_box", "1")]))], Refusal.NO_CONSENT),
        ([("customer.updated", customer(meta_data=[meta(OPTIN, "1")]))], Refusal.NO_CONSENT),
        (
            [("order.created", order(meta_data=[meta(OPTIN, "1")])),
             ("customer.updated", customer(meta_data=[meta(OPTIN, "no")]))],
            Refusal.NO_CONSENT,
        ),
        (
            [("order.created", order(meta_data=[meta(OPTIN, "1")])), ("customer.deleted", {"id": 25})],
            Refusal.NO_CONSENT,
        ),
    ],
)  # fmt: skip
def test_who_may_be_mailed(
    shop: Shop, said: list[tuple[str, dict[str, Any]]], refusal: Refusal | None
) -> None:
    for one in said:
        shop.tell(one)
    assert shop.refusal() == refusal


def test_an_old_orders_box_does_not_undo_what_came_after(shop: Shop) -> None:
    ticked = order(meta_data=[meta(OPTIN, "1")])
    shop.tell(("order.created", ticked))
    shop.tell(("customer.deleted", {"id": 25}))
    shop.tell(("order.updated", {**ticked, "status": "completed", "date_modified_gmt": at(50)}))
    assert shop.refusal() == Refusal.NO_CONSENT


def test_products_keep_what_an_order_does_not_tell(shop: Shop) -> None:
    shop.tell(
        ("product.created", product()), ("order.created", order(line_items=[line(), line(2)]))
    )
    found = Product.objects.get(external_id="91")
    assert (found.category, found.price_cents, found.brand) == ("Green & white", 990, "Leaf & Co")
    assert OrderLine.objects.count() == 2


def test_nothing_that_comes_is_lost(shop: Shop) -> None:
    shop.tell(
        ("coupon.created", {"id": 1}),
        ("action.woocommerce_add_to_cart", {"action": "woocommerce_add_to_cart", "arg": "x"}),
        ("order.created", order(total="12,50")),
        ("order.created", order(id=2, currency="€")),
        ("order.created", order(id=3, total="-1.00")),
        ("order.created", "text"),
        ("order.created", order(id=4)),
    )
    assert [status for _, status in shop.requests()] == [
        InboundStatus.IGNORED, InboundStatus.IGNORED, InboundStatus.REJECTED, InboundStatus.REJECTED,
        InboundStatus.REJECTED, InboundStatus.REJECTED, InboundStatus.DONE,
    ]  # fmt: skip
    assert shop.accounts_add_up()
    assert Order.objects.get().external_id == "4"
