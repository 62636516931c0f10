"""Stored requests become shop data: the whole way from a row of InboundRequest to the tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.enums import InboundStatus, OrderStatus, SourceKind
from customers.intake.reading import read_due
from customers.models import (
    Customer,
    Event,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
    Source,
    VisitorEvent,
)
from tests.customers.intake.saying import accounts, at, completed, land, said
from tests.factories.customers import NOW, SourceFactory


pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Source:
    return SourceFactory(kind=SourceKind.SEGMENT, settings={"currency": "EUR"})


def test_read_due_brings_a_batch_in(source: Source) -> None:
    request = land(
        source,
        said("identify", traits={"email": "ada@example.com", "firstName": "Ada", "plan": "gold"}),
        said("page", name="Home", properties={"url": "https://shop.example/?token=s"}),
        said(event="Product Viewed", properties={"product_id": "p1"}),
        completed(),
        said(event="Loyalty Card Shown", properties={"level": 3}),
        said(event="Product Reviewed", properties={"product_id": "p1", "rating": "4", "review_body": "Good."}),
    )  # fmt: skip
    assert read_due(now=NOW) == 6
    assert accounts(request) == (InboundStatus.DONE, 6, 6, 0, 0)
    customer = Customer.objects.get()
    assert (customer.external_id, customer.email, customer.first_name) == (
        "u1",
        "ada@example.com",
        "Ada",
    )
    assert customer.traits == {"plan": "gold"}
    order = Order.objects.get()
    assert (order.customer, order.total_cents, order.status) == (customer, 2400, OrderStatus.PLACED)
    lines = OrderLine.objects.order_by("line_number").values_list(
        "product__external_id", "quantity", "unit_price_cents"
    )
    assert list(lines) == [("p1", 2, 1000), ("p2", 1, 400)]
    assert {product.name for product in Product.objects.all()} == {"Tea", "Milk"}
    assert (Review.objects.get().rating, Review.objects.get().customer) == (4, customer)
    events = Event.objects.order_by("id").values_list("kind", "name")
    assert set(events) == {
        ("SITE_VISIT", "Home"), ("PRODUCT_VIEW", "Product Viewed"), ("OTHER", "Loyalty Card Shown"),
    }  # fmt: skip
    assert Event.objects.get(kind="OTHER").properties == {"level": 3}


def test_read_due_counts_an_identical_retry_as_duplicates(source: Source) -> None:
    batch = [
        said("identify", traits={"email": "ada@example.com"}), said("page"), completed(),
        said(event="Order Refunded", properties={"order_id": "o1", "total": 5}),
        said(event="Product Reviewed", properties={"review_id": "r1", "rating": 5}),
    ]  # fmt: skip
    first, again = land(source, *batch), land(source, *batch)
    read_due(now=NOW)
    assert accounts(first) == (InboundStatus.DONE, 5, 5, 0, 0)
    assert accounts(again) == (InboundStatus.DONE, 5, 0, 5, 0), "within one chunk"
    late = land(source, *batch)
    read_due(now=NOW + timedelta(minutes=1))
    assert accounts(late) == (InboundStatus.DONE, 5, 0, 5, 0), "in a later chunk"
    found = [model.objects.count() for model in (Customer, Order, Refund, Review, Event)]
    assert found == [1, 1, 1, 1, 1]


def test_read_due_knows_an_order_from_browser_and_server_as_one(source: Source) -> None:
    land(source, completed(messageId="from-browser"), topic="track")
    land(source, completed(messageId="from-server", total="25.00", timestamp=at(4)), topic="track")
    read_due(now=NOW)
    assert Order.objects.get().total_cents == 2500


def test_read_due_lets_an_older_word_change_nothing(source: Source) -> None:
    land(source, completed(timestamp=at(1), total=30))
    read_due(now=NOW)
    late = land(source, completed(timestamp=at(9)))
    read_due(now=NOW)
    assert Order.objects.get().total_cents == 3000
    assert accounts(late) == (InboundStatus.DONE, 1, 0, 1, 0)


@pytest.mark.parametrize("apart", [False, True], ids=["in one chunk", "in two"])
def test_read_due_keeps_what_an_update_leaves_out(source: Source, *, apart: bool) -> None:
    land(source, completed(timestamp=at(9)))
    if apart:
        read_due(now=NOW)
    update = said(
        event="Order Updated", timestamp=at(3), properties={"order_id": "o1", "discount": 2}
    )
    request = land(source, update)
    read_due(now=NOW)
    order = Order.objects.get()
    assert (order.total_cents, order.discount_cents, order.currency) == (2400, 200, "EUR")
    assert order.placed_at == NOW - timedelta(minutes=9)
    assert order.lines.count() == 2
    assert accounts(request) == (InboundStatus.DONE, 1, 1, 0, 0)


def test_read_due_removes_the_lines_that_an_update_no_longer_names(source: Source) -> None:
    land(source, completed(timestamp=at(9)))
    read_due(now=NOW)
    fewer = [{"product_id": "p2", "price": 4, "quantity": 1}]
    land(
        source,
        said(
            event="Order Updated",
            timestamp=at(3),
            properties={"order_id": "o1", "total": 4, "products": fewer},
        ),
    )
    read_due(now=NOW)
    assert [line.product.external_id for line in OrderLine.objects.all()] == ["p2"]


def test_read_due_cancels_an_order(source: Source) -> None:
    land(source, completed(timestamp=at(9)))
    read_due(now=NOW)
    land(source, said(event="Order Cancelled", properties={"order_id": "o1"}, userId=None))
    read_due(now=NOW)
    order = Order.objects.get()
    assert (order.status, order.total_cents) == (OrderStatus.CANCELLED, 2400)


def test_read_due_learns_from_an_older_word_what_was_never_told(source: Source) -> None:
    later = {"email": "ada@example.com", "tier": 2}
    land(source, said("identify", traits=later, timestamp=at(1)))
    read_due(now=NOW)
    earlier = {"email": "old@example.com", "firstName": "Ada", "tier": 1, "size": "M"}
    request = land(source, said("identify", traits=earlier, timestamp=at(9)))
    read_due(now=NOW)
    customer = Customer.objects.get()
    assert (customer.email, customer.first_name) == ("ada@example.com", "Ada")
    assert customer.traits == {"tier": 2, "size": "M"}
    assert customer.changed_at == NOW - timedelta(minutes=1)
    assert accounts(request) == (InboundStatus.DONE, 1, 1, 0, 0)


REFUNDS = {
    "all": ({}, [2400]),
    "a part by its total": ({"total": "7.50"}, [750]),
    "a part by its prices": (
        {"products": [{"product_id": "p1", "price": 9, "quantity": 1}]},
        [900],
    ),
    "a part by the order's prices": ({"products": [{"product_id": "p1", "quantity": 1}]}, [1000]),
}


@pytest.mark.parametrize("apart", [False, True], ids=["in one chunk", "in two"])
@pytest.mark.parametrize(("refund", "amounts"), REFUNDS.values(), ids=REFUNDS)
def test_read_due_refunds(
    source: Source, refund: dict[str, Any], amounts: list[int], *, apart: bool
) -> None:
    land(source, completed(timestamp=at(9)))
    if apart:
        read_due(now=NOW)
    request = land(source, said(event="Order Refunded", properties={"order_id": "o1", **refund}))
    read_due(now=NOW)
    assert list(Refund.objects.order_by("pk").values_list("amount_cents", flat=True)) == amounts
    assert accounts(request) == (InboundStatus.DONE, 1, 1, 0, 0)


def test_read_due_refunds_in_full_only_what_is_left(source: Source) -> None:
    land(source, completed(timestamp=at(9)))
    land(source, said(event="Order Refunded", properties={"order_id": "o1", "total": 5}))
    read_due(now=NOW)
    full = said(event="Order Refunded", properties={"order_id": "o1"})
    land(source, full)
    again = land(source, {**full, "messageId": "another", "timestamp": at(1)})
    read_due(now=NOW)
    assert sorted(Refund.objects.values_list("amount_cents", flat=True)) == [500, 1900]
    assert accounts(again) == (InboundStatus.DONE, 1, 0, 1, 0)


def test_read_due_lets_a_refund_wait_for_its_order(source: Source) -> None:
    refund = said(event="Order Refunded", properties={"order_id": "o1"})
    early = land(source, refund, said("page"))
    read_due(now=NOW)
    assert accounts(early) == (InboundStatus.WAITING, 2, 1, 0, 0)
    assert early.waiting == [1]
    assert early.next_try_at == NOW + timedelta(seconds=30)
    assert read_due(now=NOW + timedelta(seconds=29)) == 0, "not yet"
    land(source, completed(timestamp=at(9)))
    read_due(now=NOW + timedelta(seconds=29))
    assert Refund.objects.get().amount_cents == 2400, "the order woke it"
    assert accounts(early) == (InboundStatus.DONE, 2, 2, 0, 0)


def test_read_due_gives_up_on_an_order_that_never_comes(source: Source) -> None:
    request = land(source, said(event="Order Refunded", properties={"order_id": "o1"}))
    for days in (0, 1, 29):
        read_due(now=NOW + timedelta(days=days))
        assert accounts(request)[0] == InboundStatus.WAITING
    read_due(now=NOW + timedelta(days=31))
    assert accounts(request) == (InboundStatus.REJECTED, 1, 0, 0, 1)
    assert request.rejected_rows.get().reason == "unknown_order"


def test_read_due_keeps_the_order_of_events(source: Source) -> None:
    for number in range(5):
        land(source, said(event=f"Step {number}"), topic="track")
    read_due(now=NOW)
    names = Event.objects.order_by("id").values_list("name", flat=True)
    assert list(names) == [f"Step {number}" for number in range(5)]


def test_read_due_makes_a_customer_of_a_visitor(source: Source) -> None:
    visitor = {"anonymousId": "a1", "userId": None}
    land(source, said("page", name="Home", **visitor), topic="page")
    read_due(now=NOW)
    assert (VisitorEvent.objects.count(), Customer.objects.count()) == (1, 0)
    land(
        source,
        said("page", name="Basket", **visitor),
        said("identify", anonymousId="a1", traits={"email": "ada@example.com"}),
        said("page", name="Thanks", **visitor),
    )
    read_due(now=NOW)
    assert VisitorEvent.objects.count() == 0
    names = Event.objects.filter(customer__external_id="u1").values_list("name", flat=True)
    assert set(names) == {"Home", "Basket", "Thanks"}


def test_read_due_joins_two_numbers_by_alias(source: Source) -> None:
    land(
        source,
        said("identify", userId="old", traits={"email": "ada@example.com"}),
        completed(userId="old"),
        said("alias", previousId="old", userId="new"),
        said("page", userId="old"),
    )
    read_due(now=NOW)
    living = Customer.objects.get(merged_into=None)
    assert living.external_id == "new"
    assert living.email == "ada@example.com"
    assert (Order.objects.get().customer, Event.objects.get(kind="SITE_VISIT").customer) == (
        living,
        living,
    )


def test_read_due_joins_a_visitor_by_alias_in_the_same_chunk(source: Source) -> None:
    visitor = {"anonymousId": "a1", "userId": None}
    land(
        source,
        said("page", **visitor),
        said("alias", previousId="a1"),
        said("page", name="2", **visitor),
    )
    read_due(now=NOW)
    assert VisitorEvent.objects.count() == 0
    assert Event.objects.filter(customer__external_id="u1").count() == 2
