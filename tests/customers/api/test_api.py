"""Shop data over REST: what goes in comes out, what is wrong is named, what is foreign is not there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import clock
from customers.enums import EventKind
from customers.models import Customer, Event, Merge, Order, Product, Refund, Review, Source
from tests.factories.customers import (
    CustomerFactory,
    EventFactory,
    OrderFactory,
    ProductFactory,
    ReviewFactory,
    SourceFactory,
)
from tests.gateway.clients import Api, fields


pytestmark = pytest.mark.django_db
DAY = "2026-06-01T12:00:00Z"


@pytest.fixture
def api() -> Api:
    return Api()


# ---------------------------------------------------------------- customers
def test_customer_is_created_and_read_back(api: Api) -> None:
    body = {
        "external_id": "c-1", "email": "ada@example.com", "first_name": "Ada", "phone": "+49 30 1",
        "country": "DE", "traits": {"loyalty": "gold"}, "joined_at": DAY,
    }  # fmt: skip
    made = api.post("customers", body)
    assert made.status_code == 201
    said = made.json()
    assert {name: said[name] for name in body} == body
    assert api.get(f"customers/{said['id']}").json() == said
    assert Source.objects.get(pk=said["source_id"]).kind == "API"
    again = api.post("customers", {"external_id": "c-1", "country": "AT"})
    assert again.status_code == 200
    assert again.json()["country"] == "AT"
    assert again.json()["email"] == "ada@example.com"
    assert Customer.objects.count() == 1


def test_patch_changes_what_is_sent_and_nothing_else(api: Api) -> None:
    customer = CustomerFactory(country="DE")
    changed = api.patch(f"customers/{customer.pk}", {"country": "AT"})
    assert changed.status_code == 200
    customer.refresh_from_db()
    assert (customer.country, customer.first_name, customer.email) == (
        "AT", "Ada", f"{customer.external_id}@example.com",
    )  # fmt: skip


def test_older_word_changes_nothing(api: Api) -> None:
    made = api.post("customers", {"external_id": "c-1", "country": "DE"}).json()
    old = {"country": "AT", "changed_at": "2020-01-01T00:00:00Z"}
    assert api.patch(f"customers/{made['id']}", old).json()["country"] == "DE"


def test_names_and_addresses_take_a_scope_of_their_own() -> None:
    customer = CustomerFactory()
    masked = Api(["customers:read"]).get(f"customers/{customer.pk}").json()
    assert [masked[name] for name in ("email", "first_name", "last_name", "phone", "traits")] == [
        None
    ] * 5
    assert masked["country"] == "DE"
    (row,) = Api(["customers:read"]).get("customers").json()["results"]
    assert row == masked


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "external_id", "required"),
        ({"external_id": "a\0b"}, "external_id", "bad_text"),
        ({"external_id": "\ud800"}, "external_id", "bad_text"),
        ({"external_id": "x" * 201}, "external_id", "max_length"),
        ({"external_id": 5}, "external_id", "invalid"),
        ({"external_id": "a", "email": "nobody"}, "email", "invalid"),
        ({"external_id": "a", "email": "ada@localhost"}, "email", "invalid"),
        ({"external_id": "a", "email": '"a b"@example.com'}, "email", "invalid"),
        ({"external_id": "a", "emial": "a@b.co"}, "emial", "unknown_field"),
        ({"external_id": "a", "joined_at": "1066-10-14T00:00:00Z"}, "joined_at", "absurd_date"),
        ({"external_id": "a", "joined_at": "2150-01-01T00:00:00Z"}, "joined_at", "absurd_date"),
        ({"external_id": "a", "source_id": 10**9}, "source_id", "unknown_source"),
        ({"external_id": "a", "source_id": 10**400}, "source_id", "max_value"),
        ({"external_id": "a", "traits": {"a": {"b": "\0"}}}, "traits", "bad_text"),
        ({"external_id": "a", "traits": {"n": 10**30}}, "traits", "bad_number"),
        ([], "body", "invalid"),
    ],
)
def test_wrong_customer_is_refused_by_field(api: Api, body: object, field: str, code: str) -> None:
    assert fields(api.post("customers", body)) == {field: code}
    assert not Customer.objects.exists()


def test_merged_and_erased_customers_are_gone(api: Api) -> None:
    survivor = CustomerFactory()
    merged = CustomerFactory(source=survivor.source, merged_into=survivor)
    erased = CustomerFactory(erased_at=clock.now())
    assert api.get(f"customers/{erased.pk}").json()["code"] == "customer_erased"
    answer = api.get(f"customers/{merged.pk}")
    assert (answer.status_code, answer.json()["code"]) == (410, "customer_merged")
    assert f"customer {survivor.pk}" in answer.json()["message"]
    assert [row["id"] for row in api.get("customers").json()["results"]] == [survivor.pk]
    assert api.post(f"customers/{merged.pk}/events", {"name": "x"}).status_code == 410


def test_merged_number_finds_the_survivor(api: Api, now) -> None:
    survivor = CustomerFactory()
    absorbed = CustomerFactory(source=survivor.source, external_id="old", merged_into=survivor)
    merge = Merge.objects.create(
        survivor=survivor, absorbed=absorbed, reason="STAFF", merged_at=now
    )
    survivor.aliases.create(
        source=survivor.source, kind="USER", value="old", created_at=now, merge=merge
    )
    found = api.get("customers", source_id=survivor.source_id, external_id="old").json()["results"]
    assert [row["id"] for row in found] == [survivor.pk]
    same = api.post(
        "customers", {"source_id": survivor.source_id, "external_id": "old", "phone": "1"}
    )
    assert (same.status_code, same.json()["id"], same.json()["phone"]) == (200, survivor.pk, "1")


# ---------------------------------------------------------------- orders, refunds, products
def order_in(**more: object) -> dict[str, object]:
    return {"external_id": "o-1", "placed_at": DAY, "currency": "EUR", "total_cents": 1980, **more}


def test_order_with_lines_and_refunds(api: Api) -> None:
    api.post("customers", {"external_id": "c-1"})
    product = api.post("products", {"external_id": "tea", "name": "Tea", "price_cents": 990}).json()
    line = {"product": "tea", "quantity": 2, "unit_price_cents": 990}
    made = api.post("orders", order_in(customer="c-1", lines=[line]))
    assert made.status_code == 201
    order = made.json()
    assert order["customer_id"] == Customer.objects.get().pk
    assert order["lines"] == [
        {"line_number": 1, "product_id": product["id"], "product": "tea", "quantity": 2,
         "unit_price_cents": 990, "cost_cents": None}
    ]  # fmt: skip
    assert api.get(f"orders/{order['id']}").json() == order
    refund = {"external_id": "r-1", "refunded_at": DAY, "amount_cents": 1000}
    assert api.post(f"orders/{order['id']}/refunds", refund).status_code == 201
    too_much = api.post(f"orders/{order['id']}/refunds", {**refund, "external_id": "r-2"})
    assert fields(too_much) == {"amount_cents": "more_than_the_order"}
    listed = api.get(f"orders/{order['id']}/refunds").json()["results"]
    assert [row["amount_cents"] for row in listed] == [1000]
    assert Refund.objects.get().customer_id == order["customer_id"]


def test_same_order_with_another_total_says_the_new_one(api: Api) -> None:
    first = api.post("orders", order_in()).json()
    second = api.post("orders", order_in(total_cents=1500))
    assert (second.status_code, second.json()["total_cents"]) == (200, 1500)
    assert second.json()["id"] == first["id"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"customer": "nobody"}, {"customer": "unknown_customer"}),
        ({"currency": "XYZ"}, {"currency": "unknown_currency"}),
        ({"total_cents": -1}, {"total_cents": "min_value"}),
        ({"total_cents": 10**15}, {"total_cents": "max_value"}),
        ({"total_cents": 19.8}, {"total_cents": "invalid"}),
        ({"status": "MAYBE"}, {"status": "invalid_choice"}),
        ({"placed_at": "2150-01-01T00:00:00Z"}, {"placed_at": "absurd_date"}),
        (
            {"lines": [{"product": "no", "quantity": 1, "unit_price_cents": 1}]},
            {"lines.0.product": "unknown_product"},
        ),
        (
            {"lines": [{"product": "no", "quantity": -1, "unit_price_cents": 1}]},
            {"lines.0.quantity": "min_value"},
        ),
    ],
)
def test_wrong_order_is_refused_by_field(api: Api, more: dict, named: dict) -> None:
    assert fields(api.post("orders", order_in(**more))) == named
    assert not Order.objects.exists()


def test_cancelled_order_is_placed_again_only_by_a_later_word(api: Api) -> None:
    then, later = "2026-05-02T10:00:00Z", "2026-05-02T10:00:01Z"
    api.post("orders", order_in(status="CANCELLED", changed_at=then))
    assert api.post("orders", order_in(changed_at=then)).json()["status"] == "CANCELLED"
    assert api.post("orders", order_in(changed_at=later)).json()["status"] == "PLACED"


# ---------------------------------------------------------------- reviews, mentions, feedback
def test_mention_and_service_feedback_come_in_as_reviews(api: Api) -> None:
    CustomerFactory(external_id="c-1", source=SourceFactory())
    mention = {
        "external_id": "m-1", "kind": "MENTION", "origin": "a forum", "written_at": DAY,
        "text": "I like their tea.", "url": "https://forum.example/1", "language": "en",
    }  # fmt: skip
    made = api.post("reviews", mention)
    assert made.status_code == 201
    assert {name: made.json()[name] for name in mention} == mention
    service = {
        "external_id": "s-1",
        "kind": "SERVICE",
        "origin": "help desk",
        "written_at": DAY,
        "rating": 2,
    }
    assert api.post("reviews", service).status_code == 201
    listed = api.get("reviews", kind="MENTION").json()["results"]
    assert [row["external_id"] for row in listed] == ["m-1"]
    assert Review.objects.get(external_id="s-1").kind == "SERVICE"


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"rating": 6}, {"rating": "max_value"}),
        ({"text": "x" * 20_001}, {"text": "max_length"}),
        ({"kind": "MENTION"}, {"origin": "required"}),
        ({"text": ""}, {"text": "blank"}),
        ({"product": "none"}, {"product": "unknown_product"}),
    ],
)
def test_wrong_review_is_refused_by_field(api: Api, more: dict, named: dict) -> None:
    body = {"external_id": "r-1", "written_at": DAY, "text": "Good.", **more}
    assert fields(api.post("reviews", body)) == named


# ---------------------------------------------------------------- events
def test_event_is_added_once_and_listed(api: Api) -> None:
    customer = CustomerFactory()
    long_ago = (clock.now() - timedelta(days=30)).isoformat()
    body = {"external_id": "e", "name": "Quiz", "happened_at": long_ago, "properties": {"a": [1]}}
    made = api.post(f"customers/{customer.pk}/events", body)
    assert made.status_code == 201
    assert made.json()["properties"] == {"a": [1]}
    assert made.json()["name"] == "Quiz"
    assert made.json()["historical"] is True
    again = api.post(f"customers/{customer.pk}/events", {**body, "properties": {"a": [2]}})
    assert (again.status_code, again.json()["properties"]) == (200, {"a": [1]})
    listed = api.get(f"customers/{customer.pk}/events").json()["results"]
    assert listed == [made.json()]


def test_event_of_tomorrow_happened_now(api: Api) -> None:
    customer = CustomerFactory()
    body = {"name": "Quiz", "happened_at": "2199-01-01T00:00:00Z"}
    assert api.post(f"customers/{customer.pk}/events", body).status_code == 201
    assert Event.objects.get().happened_at <= clock.now()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kind": EventKind.CONSENT_GIVEN}, {"kind": "invalid_choice"}),
        ({"kind": EventKind.DELIVERED}, {"kind": "invalid_choice"}),
        ({"name": "x", "properties": {"campaign_id": 1}}, {"properties.campaign_id": "reserved"}),
        ({}, {"name": "required"}),
    ],
)
def test_events_cannot_pretend_consent_or_deliveries(api: Api, body: dict, named: dict) -> None:
    customer = CustomerFactory()
    assert fields(api.post(f"customers/{customer.pk}/events", body)) == named


# ---------------------------------------------------------------- pages and foreign rows
def test_pages_show_every_row_once_in_a_steady_order(api: Api) -> None:
    source = SourceFactory()
    expected = [ProductFactory(source=source).pk for _ in range(7)]
    seen, cursor = [], None
    while True:
        said = api.get("products", limit=3, **({"cursor": cursor} if cursor else {})).json()
        seen += [row["id"] for row in said["results"]]
        ProductFactory(source=source) if len(seen) == 3 else None
        cursor = said["next_cursor"]
        if cursor is None:
            break
    assert seen[:7] == expected
    assert len(seen) == len(set(seen)) == 8


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"limit": 201}, {"limit": "max_value"}),
        ({"limit": 0}, {"limit": "min_value"}),
        ({"cursor": "rubbish"}, {"cursor": "bad_cursor"}),
        ({"cursor": "YWZ0ZXIgLTE"}, {"cursor": "bad_cursor"}),
        ({"colour": "red"}, {"colour": "unknown_field"}),
        ({"external_id": "a\0"}, {"external_id": "bad_text"}),
    ],
)
def test_wrong_query_is_refused_by_field(api: Api, query: dict, named: dict) -> None:
    assert fields(api.get("customers", **query)) == named


def test_restricted_key_sees_its_sources_only() -> None:
    ours, theirs = SourceFactory(), SourceFactory()
    api = Api(source_ids=[ours.pk])
    mine, foreign = CustomerFactory(source=ours), CustomerFactory(source=theirs)
    rows = {
        "customers": foreign,
        "orders": OrderFactory(customer=foreign),
        "products": ProductFactory(source=theirs),
        "reviews": ReviewFactory(customer=foreign),
    }
    for path, row in rows.items():
        assert api.get(f"{path}/{row.pk}").status_code == 404, path
        assert api.get(path, source_id=theirs.pk).json()["results"] == [], path
    EventFactory(customer=foreign)
    for path in ("events", "consent", "consent/acts", "scores"):
        assert api.get(f"customers/{foreign.pk}/{path}").status_code == 404, path
    assert api.get(f"orders/{rows['orders'].pk}/refunds").status_code == 404
    assert [row["id"] for row in api.get("customers").json()["results"]] == [mine.pk]
    assert api.patch(f"customers/{foreign.pk}", {"country": "AT"}).status_code == 404
    body = {"external_id": "new", "source_id": theirs.pk}
    assert fields(api.post("customers", body)) == {"source_id": "unknown_source"}
    assert api.post("customers", {"external_id": "new"}).json()["source_id"] == ours.pk
    assert [row["id"] for row in api.get("key").json()["sources"]] == [ours.pk]
    assert not Product.objects.exclude(source=theirs).exists()


def test_nobody_writes_into_a_simulated_shop(api: Api) -> None:
    source = SourceFactory(kind="SIMULATED")
    body = {"external_id": "x", "source_id": source.pk}
    assert fields(api.post("customers", body)) == {"source_id": "simulated_source"}


@pytest.mark.parametrize("number", ["9" * 19, "9" * 30, "9" * 5000])
def test_number_beyond_64_bits_is_not_found(api: Api, number: str) -> None:
    assert api.get(f"customers/{number}").status_code == 404
