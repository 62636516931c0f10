"""Stored requests become shop data: the whole way from a row of InboundRequest to the tables."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from customers.enums import InboundStatus, OrderStatus, Power, SourceKind
from customers.intake import taking
from customers.intake.reading import read_due
from customers.intake.replay import NotReplayableError, replay
from customers.intake.retention import forget
from customers.models import (
    Customer,
    Event,
    InboundRequest,
    Order,
    OrderLine,
    Product,
    Refund,
    RejectedRow,
    Review,
    Source,
    VisitorEvent,
)
from tests.factories.customers import NOW, SourceFactory


pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Source:
    return SourceFactory(kind=SourceKind.SEGMENT, settings={"currency": "EUR"})


def said(type_: str = "track", event: str = "", **parts: Any) -> dict[str, Any]:
    """A call as a server's client makes it; `parts` replace its fields, None takes one out."""
    call = {
        "type": type_,
        "userId": "u1",
        "messageId": f"m-{type_}-{event}-{json.dumps(parts, sort_keys=True, default=str)}"[:150],
        "timestamp": (NOW - timedelta(minutes=5)).isoformat(),
        **({"event": event} if event else {}),
        **parts,
    }
    return {name: value for name, value in call.items() if value is not None}


def completed(order_id: str = "o1", *, total: Any = "24.00", **parts: Any) -> dict[str, Any]:
    tea = {"product_id": "p1", "name": "Tea", "price": "10.00", "quantity": 2}
    milk = {"product_id": "p2", "name": "Milk", "price": 4, "quantity": "1"}
    properties = {
        "order_id": order_id, "total": total, "currency": "EUR", "products": [tea, milk],
        **parts.pop("properties", {}),
    }  # fmt: skip
    return said(event="Order Completed", properties=properties, **parts)


def at(minutes: float) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def land(source: Source, *items: Any, topic: str = "batch", **fields: Any) -> InboundRequest:
    body = {"batch": list(items), "sentAt": NOW.isoformat()} if topic == "batch" else items[0]
    raw = fields.pop("body", None) or json.dumps(body).encode()
    return InboundRequest.objects.create(
        source=source, topic=topic, received_at=fields.pop("received_at", NOW), body=raw, **fields
    )


def accounts(request: InboundRequest) -> tuple[str, int, int, int, int]:
    request.refresh_from_db()
    waiting = len(request.waiting)
    assert request.items == request.accepted + request.duplicates + request.rejected + waiting
    assert request.rejected == request.rejected_rows.filter(replayed_at=None).count()
    return request.status, request.items, request.accepted, request.duplicates, request.rejected


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
    land(
        source,
        said(event="Order Updated", timestamp=at(1), properties={"order_id": "o1", "total": 30}),
    )
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
    assert list(Refund.objects.values_list("amount_cents", flat=True)) == amounts
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


POISON: dict[str, tuple[bytes, str]] = {
    "NUL": (b'{"type":"track","event":"x\\u0000","userId":"u"}', "nul_byte"),
    "lone surrogate": (b'{"type":"track","event":"\\ud800","userId":"u"}', "bad_text"),
    "NaN": (b'{"type":"track","event":"x","userId":"u","properties":{"a":NaN}}', "not_json"),
    "huge number": (b'{"type":"track","event":"x","userId":"u","properties":{"a":' + b"9" * 400 + b"}}", "bad_number"),
    "deep": (b'{"type":"track","event":"x","userId":"u","properties":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, "too_deep"),
    "not UTF-8": (b'{"type":"track","event":"\xff","userId":"u"}', "bad_encoding"),
    "large": (b'{"type":"track","event":"' + b"x" * 33_000 + b'","userId":"u"}', "too_large"),
    "a number": (b"7", "not_an_object"),
    "nobody": (b'{"type":"track","event":"x"}', "no_person"),
    "unknown call": (b'{"type":"dance","userId":"u"}', "unknown_call"),
    "negative total": (b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":"n","total":-1}}', "negative_amount"),
    "no such money": (b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":"n","total":1,"currency":"XXQ"}}', "unknown_currency"),
    "stars": (b'{"type":"track","event":"Product Reviewed","userId":"u","properties":{"rating":9}}', "bad_rating"),
    "long ago": (b'{"type":"track","event":"x","userId":"u","timestamp":"1889-01-01T00:00:00Z"}', "absurd_date"),
}  # fmt: skip


@pytest.mark.parametrize(("poison", "reason"), POISON.values(), ids=POISON)
def test_read_due_refuses_one_bad_item_and_takes_its_neighbours(
    source: Source, poison: bytes, reason: str
) -> None:
    good = [json.dumps(said(event=name)).encode() for name in ("Before", "After")]
    body = b'{"batch":[' + b",".join([good[0], poison, good[1]]) + b"]}"
    request = land(source, body=body)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 3, 2, 0, 1)
    row = request.rejected_rows.get()
    assert (row.reason, row.line_number) == (reason, 2)
    assert row.raw[:5] == poison.decode("utf-8", "replace")[:5]
    assert set(Event.objects.values_list("name", flat=True)) == {"Before", "After"}


def test_read_due_rejects_what_is_no_batch(source: Source) -> None:
    request = land(source, body=b'{"batch": 7}')
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.REJECTED, 1, 0, 0, 1)


def test_read_due_keeps_an_item_that_breaks_the_translator(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = taking.TRANSLATORS.load(SourceKind.SEGMENT)

    def breaks(items: Any, **rest: Any) -> Any:
        if any(item.body.get("event") == "Poison" for item in items):
            raise ZeroDivisionError
        return known(items, **rest)

    monkeypatch.setattr(taking.TRANSLATORS, "load", lambda kind: breaks)
    names = [f"Good {number}" for number in range(6)]
    names.insert(3, "Poison")
    request = land(source, *(said(event=name) for name in names))
    behind = land(source, said("page"))
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 7, 6, 0, 1)
    assert accounts(behind)[0] == InboundStatus.DONE
    row = RejectedRow.objects.get()
    assert (row.reason, row.line_number) == ("not_understood", 4)

    monkeypatch.undo()
    assert replay(row, now=NOW) is True
    assert accounts(request) == (InboundStatus.DONE, 7, 7, 0, 0)
    row.refresh_from_db()
    assert row.replayed_at == NOW
    assert Event.objects.filter(name="Poison").count() == 1
    with pytest.raises(NotReplayableError):
        replay(row, now=NOW)


def test_read_due_leaves_a_request_unread_when_it_is_cut_off(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = land(source, said("page"), completed())

    def dies(*arguments: Any, **rest: Any) -> None:
        raise OperationalError("the server went away")

    with monkeypatch.context() as patch:
        patch.setattr(taking.visitors, "keep", dies)
        with pytest.raises(OperationalError):
            read_due(now=NOW)
    assert accounts(request)[0] == InboundStatus.RECEIVED
    assert (Order.objects.count(), Event.objects.count()) == (0, 0)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.DONE, 2, 2, 0, 0)


def test_read_due_takes_what_is_too_much_for_the_database_for_the_items_fault(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = taking.TRANSLATORS.load(SourceKind.SEGMENT)

    def translate(items: Any, **rest: Any) -> Any:
        if any(item.body.get("event") == "Poison" for item in items):
            with (
                connection.cursor() as cursor
            ):  # a real error of class 54, "program limit exceeded"
                cursor.execute("SELECT " + "(" * 20_000 + "1" + ")" * 20_000)
        return known(items, **rest)

    monkeypatch.setattr(taking.TRANSLATORS, "load", lambda kind: translate)
    request = land(source, said("page"), said(event="Poison"), said("screen"))
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 3, 2, 0, 1)


def test_read_due_leaves_privacy_requests_to_others(now: datetime) -> None:
    shop = SourceFactory(kind=SourceKind.SHOPIFY)
    request = land(shop, {"shop_id": 1}, topic="customers/redact")
    assert read_due(now=now) == 0
    assert accounts(request)[0] == InboundStatus.RECEIVED


def test_read_due_takes_no_order_from_a_browser_key(source: Source) -> None:
    request = land(source, completed(), said("page"), power=Power.BROWSER)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.PARTLY, 2, 1, 0, 1)
    assert request.rejected_rows.get().reason == "browser_key_may_not"
    assert Order.objects.count() == 0


def test_read_due_takes_no_trait_over_from_a_browser_key(source: Source) -> None:
    land(source, said("identify", traits={"email": "ada@example.com", "firstName": "Ada"}))
    read_due(now=NOW)
    forged = said(
        "identify",
        anonymousId="a9",
        timestamp=at(0),
        traits={"email": "eve@example.com", "email_marketing_consent": {"state": "subscribed", "consent_updated_at": at(0)}},
    )  # fmt: skip
    request = land(source, forged, power=Power.BROWSER)
    read_due(now=NOW)
    assert accounts(request) == (InboundStatus.DONE, 1, 1, 0, 0)
    customer = Customer.objects.get()
    assert (customer.email, customer.first_name) == ("ada@example.com", "Ada")
    assert not Event.objects.filter(kind__startswith="CONSENT").exists()


def test_read_due_writes_consent_to_the_ledger_once(source: Source) -> None:
    traits = {
        "email": "ada@example.com",
        "email_marketing_consent": {
            "state": "subscribed",
            "opt_in_level": "confirmed_opt_in",
            "consent_updated_at": at(600),
        },
    }
    for number in range(2):
        land(source, said("identify", traits=traits, messageId=f"m{number}", timestamp=at(number)))
        read_due(now=NOW)
    event = Event.objects.get()
    assert (event.kind, event.happened_at) == ("CONSENT_GIVEN", NOW - timedelta(minutes=600))
    assert event.properties["provenance"] == "trait"


def test_read_due_reads_single_calls_by_their_topic(source: Source) -> None:
    call = said("track", event="Product Added", properties={"product_id": "p"})
    del call["type"]
    request = land(source, call, topic="track")
    read_due(now=NOW)
    assert accounts(request)[0] == InboundStatus.DONE
    assert Event.objects.get().kind == "CART"


def test_read_due_gives_items_what_the_batch_says_of_all(source: Source) -> None:
    refuses = {"consent": {"categoryPreferences": {"Analytics": False}}}
    body = {"batch": [said("page", context={"locale": "en"})], "context": refuses}
    land(source, body=json.dumps(body).encode())
    read_due(now=NOW)
    assert Event.objects.get().may_profile is False


def test_replay_tells_what_is_still_wrong(source: Source) -> None:
    request = land(
        source,
        said(event="Order Refunded", properties={"order_id": "?"}),
        completed("o2", total=-1),
    )
    read_due(now=NOW)
    row = request.rejected_rows.get()
    assert replay(row, now=NOW) is False
    assert accounts(request) == (InboundStatus.WAITING, 2, 0, 0, 1)


def test_forget_empties_what_was_read_long_ago(source: Source) -> None:
    read = land(source, completed(total=-1), said("page", anonymousId="a1", userId=None))
    waiting = land(source, said(event="Order Refunded", properties={"order_id": "later"}))
    read_due(now=NOW)
    row = read.rejected_rows.get()
    early = forget(now=NOW + timedelta(days=13), body_days=14)
    assert (early.bodies, early.visitor_events, early.rejected_items) == (0, 0, 0)
    later = forget(now=NOW + timedelta(days=15), body_days=14)
    assert (later.bodies, later.visitor_events, later.rejected_items) == (1, 0, 0)
    read.refresh_from_db()
    waiting.refresh_from_db()
    assert (bytes(read.body), bytes(waiting.body) != b"") == (b"", True)
    assert replay(row, now=NOW) is False, "its text is still there to be tried"
    last = forget(now=NOW + timedelta(days=91), body_days=14)
    assert (last.visitor_events, last.rejected_items) == (1, 1)
    with pytest.raises(NotReplayableError):
        replay(row, now=NOW)
    assert accounts(read)[1:] == (2, 1, 0, 1), "the counts stay"
