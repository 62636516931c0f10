"""What a later word about the same thing changes, and what it leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection, transaction

from customers import few, ingest
from customers.enums import AliasKind, MergeReason
from customers.identity import merge
from customers.models import (
    Alias,
    Customer,
    Event,
    Order,
    OrderLine,
    Product,
    Review,
    Source,
)
from customers.reports import Counts
from customers.sources.base import REQUIRED, ShopBatch
from tests.customers.batches import GOOD, MOMENT, batch
from tests.factories.customers import CustomerFactory, SourceFactory


pytestmark = pytest.mark.django_db
OLDER, THEN, NEWER = MOMENT + 100, MOMENT + 200, MOMENT + 300


@pytest.fixture(params=["few rows", "staged rows"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words by both ways in say the same."""
    if request.param == "staged rows":
        monkeypatch.setattr(few, "MOST", 0)


def tell(
    source: Source, *, now: datetime, whole_orders: bool = False, **tables: list[dict[str, Any]]
) -> dict[str, Counts]:
    """Only the tables given, as live data comes: from no import."""
    nothing: dict[str, list[dict[str, Any]]] = {entity: [] for entity in GOOD}
    refused: list[pa.Table] = []
    origin = ingest.Origin(
        source_id=source.pk,
        keep_refused=lambda _cursor, _entity, table: refused.append(table),
        whole_orders=whole_orders,
    )
    with transaction.atomic(), connection.cursor() as cursor:
        return ingest.take_in(cursor, batch(**{**nothing, **tables}), origin=origin, now=now)


def at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, tz=UTC)


# ---------------------------------------------------------------- customers


def test_an_older_word_of_a_customer_changes_nothing(now: datetime) -> None:
    source = SourceFactory()
    tell(source, now=now, customers=[{"first_name": "Ada", "changed_at": THEN}])
    told = {"first_name": "Old", "joined_at": MOMENT - 9, "changed_at": OLDER}
    assert tell(source, now=now, customers=[told])["customers"].duplicates == 1
    assert Customer.objects.get().first_name == "Ada"
    for name, changed_at in (("Undated", None), ("Newer", NEWER)):
        tell(source, now=now, customers=[{"first_name": name, "changed_at": changed_at}])
        assert Customer.objects.get().first_name == name
    assert Customer.objects.get().changed_at == at(NEWER)


def test_a_word_that_says_the_same_later_still_makes_older_ones_old(now: datetime) -> None:
    source = SourceFactory()
    for moment in (OLDER, NEWER):
        tell(source, now=now, customers=[{"first_name": "Ada", "changed_at": moment}])
    tell(source, now=now, customers=[{"first_name": "Old", "changed_at": THEN}])
    assert Customer.objects.get().first_name == "Ada"


def test_traits_are_merged_one_by_one_and_the_newest_wins(now: datetime) -> None:
    source = SourceFactory()
    tell(source, now=now, customers=[{"phone": "12", "traits": '{"plan": "tin", "a": {"b": 1}}'}])
    told = {"phone": None, "traits": '{"plan": "gold", "a": {"c": 2}}'}
    assert tell(source, now=now, customers=[told])["customers"].updated == 1
    customer = Customer.objects.get()
    assert customer.traits == {"plan": "gold", "a": {"c": 2}}
    assert customer.phone == "12"
    assert tell(source, now=now, customers=[told])["customers"].duplicates == 1
    assert tell(source, now=now, customers=[{"traits": None}])["customers"].duplicates == 1


def test_a_second_name_tells_only_what_was_never_told(now: datetime) -> None:
    source = SourceFactory()
    ada = CustomerFactory(
        source=SourceFactory(), first_name="Ada", last_name="", country="", email="", email_hmac="",
        traits={"plan": "gold"},
    )  # fmt: skip
    for value in ("c1", "c2"):
        Alias.objects.create(
            source=source, kind=AliasKind.USER, value=value, customer=ada, created_at=now
        )
    told = [
        {
            "last_name": "",
            "country": "GB",
            "traits": '{"plan": "tin", "a": 1}',
            "joined_at": MOMENT,
        },
        {"external_id": "c2", "last_name": "L", "country": "FR", "traits": '{"a": 2, "b": 3}'},
    ]
    counts = tell(source, now=now, customers=told)["customers"]
    assert (counts.rows, counts.updated, counts.duplicates) == (2, 1, 1)
    ada.refresh_from_db()
    assert (ada.first_name, ada.last_name, ada.country) == ("Ada", "L", "GB")
    assert ada.traits == {"plan": "gold", "a": 2, "b": 3}
    assert (ada.email, len(ada.email_hmac), ada.joined_at) == ("ada@example.com", 64, at(MOMENT))
    assert tell(source, now=now, customers=told)["customers"].updated == 0
    assert Customer.objects.count() == 1


def test_every_reference_to_a_merged_customer_is_the_survivors(now: datetime) -> None:
    source = SourceFactory()
    ada = CustomerFactory(source=source, external_id="ada")
    old = CustomerFactory(source=source, external_id="c1")
    merge(survivor=ada, absorbed=old, reason=MergeReason.STAFF, source=None, now=now)
    tell(source, now=now, **{name: [{}] for name in GOOD if name != "customers"})
    refund = {"external_id": "r2", "order_external_id": None, "customer_external_id": "c1"}
    tell(source, now=now, refunds=[refund])
    owners = {Order.objects.get().customer, Review.objects.get().customer}
    owners |= {event.customer for event in Event.objects.select_related("customer")}
    assert owners == {ada}
    assert set(ada.refunds.values_list("external_id", flat=True)) == {"r1", "r2"}


# ---------------------------------------------------------------- products, reviews, events


def test_a_product_known_by_name_alone_keeps_what_is_known(now: datetime) -> None:
    source = SourceFactory()
    whole = {"brand": "Leaf", "url": "https://a.example/tea", "image_url": "", "is_product": False}
    tell(source, now=now, products=[whole])
    blank = dict.fromkeys(("category", "price_cents", "cost_cents", "is_product", "brand", "url"))
    told = {**blank, "name": "Green tea", "image_url": "https://a.example/tea.png"}
    assert tell(source, now=now, products=[told])["products"].updated == 1
    known = Product.objects.values_list(
        "name", "category", "price_cents", "cost_cents", "is_product", "brand", "url", "image_url"
    ).get()
    assert known == (
        "Green tea", "Drinks", 1000, 600, False, "Leaf", "https://a.example/tea",
        "https://a.example/tea.png",
    )  # fmt: skip
    assert tell(source, now=now, products=[told])["products"].duplicates == 1
    for stock, kept in ((3, 3), (None, 3), (0, 0)):
        tell(source, now=now, products=[{**told, "stock": stock}])
        assert Product.objects.get().stock == kept
    assert tell(source, now=now, products=[{"price_cents": 900}])["products"].updated == 1


def test_mentions_and_events_keep_what_live_data_says_of_them(now: datetime) -> None:
    source = SourceFactory()
    tell(source, now=now, customers=[{}], products=[{}])
    mention = {"kind": "MENTION", "origin": "forum", "url": "https://forum.example/1"}
    tell(
        source,
        now=now,
        reviews=[mention, {"external_id": "w2"}],
        events=[
            {"name": "Sampled", "may_profile": False, "historical": True},
            {"external_id": "e2"},
        ],
    )
    said = Review.objects.order_by("external_id").values_list("kind", "origin", "url")
    assert list(said) == [tuple(mention.values()), ("REVIEW", "", "")]
    told = {"kind": None, "origin": None, "url": None, "rating": 1}
    tell(source, now=now, reviews=[told])
    assert Review.objects.filter(rating=1, **mention).exists()
    events = Event.objects.order_by("external_id").values_list("name", "may_profile", "historical")
    assert list(events) == [("Sampled", False, True), ("", True, False)]


def test_rows_know_the_import_that_made_them(now: datetime) -> None:
    source = SourceFactory()
    row = ingest.load(batch(), source=source, now=now).import_id
    live = SourceFactory()
    tell(live, now=now, **{name: [{}] for name in GOOD})
    for model in (Customer, Product, Order, Review, Event):
        assert model.objects.get(source=source).created_by_import == row
        assert model.objects.get(source=live).created_by_import is None
    assert set(OrderLine.objects.values_list("created_by_import", flat=True)) == {row, None}


# ---------------------------------------------------------------- orders


@pytest.mark.parametrize(
    ("known", "told", "status"),
    [
        (("PLACED", THEN), ("PENDING", OLDER), "PLACED"),
        (("PLACED", THEN), ("PENDING", THEN), "PLACED"),
        (("PLACED", THEN), ("PENDING", None), "PLACED"),
        (("PLACED", THEN), ("PENDING", NEWER), "PENDING"),
        (("PENDING", THEN), ("PLACED", THEN), "PLACED"),
        (("PENDING", None), ("PLACED", None), "PLACED"),
        (("PLACED", None), ("CANCELLED", None), "CANCELLED"),
        (("CANCELLED", None), ("PLACED", None), "CANCELLED"),
        (("CANCELLED", None), ("PLACED", NEWER), "CANCELLED"),
        (("CANCELLED", THEN), ("PLACED", None), "CANCELLED"),
        (("CANCELLED", THEN), ("PLACED", THEN), "CANCELLED"),
        (("CANCELLED", THEN), ("PLACED", NEWER), "PLACED"),
        (("TEST", THEN), ("PLACED", THEN), "TEST"),
    ],
)
def test_status_follows_the_newest_word_and_else_the_later_stage(
    known: tuple[str, int | None], told: tuple[str, int | None], status: str, now: datetime
) -> None:
    source = SourceFactory()
    tell(source, now=now, customers=[{}])
    for said, changed_at in (known, told):
        tell(source, now=now, orders=[{"status": said, "changed_at": changed_at}])
    assert Order.objects.get().status == status


def test_an_older_word_of_an_order_changes_neither_it_nor_its_lines(now: datetime) -> None:
    source = SourceFactory()
    tell(source, now=now, customers=[{}], products=[{}])
    lines = [{}, {"line_number": 2}]
    tell(source, now=now, orders=[{"changed_at": THEN}], order_lines=lines, whole_orders=True)
    counts = tell(
        source,
        now=now,
        orders=[{"changed_at": OLDER, "total_cents": 1}],
        order_lines=[{"quantity": 9}, {"line_number": 3}],
        whole_orders=True,
    )
    assert (counts["orders"].duplicates, counts["order_lines"].duplicates) == (1, 2)
    assert Order.objects.get().total_cents == 2000
    assert set(OrderLine.objects.values_list("line_number", "quantity")) == {(1, 2), (2, 2)}


def test_an_order_told_whole_loses_the_lines_it_no_longer_has(now: datetime) -> None:
    source = SourceFactory()
    tell(source, now=now, customers=[{}], products=[{}])
    lines = [{"line_number": n} for n in (1, 2, 3)]
    other = [{"order_external_id": "o2", "line_number": n} for n in (1, 2)]
    orders = [{"changed_at": THEN}, {"external_id": "o2"}]
    tell(source, now=now, orders=orders, order_lines=[*lines, *other], whole_orders=True)
    fewer = [{"line_number": 1}, {"line_number": 3, "quantity": 5}]
    counts = tell(
        source,
        now=now,
        orders=[{"changed_at": NEWER}, {"external_id": "o2"}],
        order_lines=fewer,
        whole_orders=True,
    )["order_lines"]
    assert (counts.rows, counts.updated, counts.duplicates) == (2, 1, 1)
    left = OrderLine.objects.order_by("order", "line_number")
    assert list(left.values_list("order__external_id", "line_number", "quantity")) == [
        ("o1", 1, 2), ("o1", 3, 5), ("o2", 1, 2), ("o2", 2, 2),
    ], "an order told without lines keeps them"  # fmt: skip


def test_a_file_may_tell_a_part_of_an_order(now: datetime) -> None:
    source = SourceFactory()
    tell(source, now=now, customers=[{}], products=[{}])
    tell(source, now=now, orders=[{}], order_lines=[{}, {"line_number": 2}])
    tell(source, now=now, orders=[{}], order_lines=[{}])
    tell(source, now=now, order_lines=[{"line_number": 3}])
    assert OrderLine.objects.count() == 3


def test_lines_of_a_refused_telling_are_refused_too(now: datetime) -> None:
    source = SourceFactory()
    tell(source, now=now, customers=[{}], products=[{}])
    tell(source, now=now, orders=[{}], order_lines=[{}], whole_orders=True)
    counts = tell(
        source,
        now=now,
        orders=[{"total_cents": -1}],
        order_lines=[{"line_number": 2}],
        whole_orders=True,
    )
    assert counts["orders"].rejected == {"negative_amount": 1}
    assert counts["order_lines"].rejected == {"unknown_order": 1}
    assert OrderLine.objects.count() == 1


def test_a_batch_of_a_source_that_tells_little_is_a_batch(now: datetime) -> None:
    """Columns that a source never heard of may be left out."""
    tables = {name: pa.Table.from_pylist([GOOD[name]], schema=REQUIRED[name]) for name in GOOD}
    ingest.load(ShopBatch(**tables), source=SourceFactory(), now=now + timedelta(days=1))
    assert Order.objects.get().changed_at is None
    assert Review.objects.get().kind == "REVIEW"


@pytest.mark.django_db(transaction=True)
def test_a_customer_of_another_source_is_not_waited_for(now: datetime) -> None:
    """Whoever writes that customer may be waiting for one of ours; the word is heard the next time."""
    source = SourceFactory()
    ada = CustomerFactory(phone="")
    Alias.objects.create(
        source=source, kind=AliasKind.USER, value="c1", customer=ada, created_at=now
    )
    writer = connection.copy()
    try:
        with writer.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE customers_customer SET country = 'FR' WHERE id = %s", [ada.pk])
            busy = tell(source, now=now, customers=[{"phone": "12"}])["customers"]
            cursor.execute("COMMIT")
    finally:
        writer.close()
    assert (busy.rows, busy.updated, busy.duplicates) == (1, 0, 1)
    assert tell(source, now=now, customers=[{"phone": "12"}])["customers"].updated == 1
    ada.refresh_from_db()
    assert (ada.phone, ada.country) == ("12", "FR")
