from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from core import ids
from customers import queries
from customers.enums import ImportStatus
from customers.ingest import load
from customers.models import (
    Customer,
    Event,
    Import,
    Order,
    OrderLine,
    Product,
    Refund,
    RejectedRow,
    Review,
    Source,
)
from tests.customers.batches import MOMENT, batch
from tests.factories.customers import CustomerFactory, SourceFactory


TABLES = (Customer, Product, Order, OrderLine, Refund, Review, Event)


def _counts() -> list[int]:
    return [model.objects.count() for model in TABLES]


@pytest.mark.django_db
def test_load_brings_every_field_in(now: datetime) -> None:
    source = SourceFactory()
    report = load(batch(), source=source, now=now)
    assert (report.lines, report.accepted, report.duplicates, report.rejected) == (7, 7, 0, {})
    assert _counts() == [1] * 7
    moment = datetime.fromtimestamp(MOMENT, tz=UTC)
    customer, order, refund = Customer.objects.get(), Order.objects.get(), Refund.objects.get()
    assert customer.email_hmac == ids.address_hmac(
        "ADA@example.com", pepper=settings.SUPPRESSION_PEPPER
    )
    assert (order.customer, order.placed_at, order.arrived_at) == (customer, moment, moment)
    assert (refund.order, refund.customer) == (order, customer), "the order's customer"
    event = Event.objects.get()
    assert (event.campaign_id, event.delivery_id, event.customer) == (7, 9, customer)
    assert event.properties == {"campaign_id": 7, "delivery_id": 9}


@pytest.mark.django_db
def test_load_again_writes_nothing(now: datetime) -> None:
    source = SourceFactory()
    load(batch(), source=source, now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(xmin::text) FROM customers_order")
        before = cursor.fetchone()
        report = load(batch(), source=source, now=now + timedelta(days=1))
        cursor.execute("SELECT array_agg(xmin::text) FROM customers_order")
        assert cursor.fetchone() == before, "the row was not even rewritten"
    assert (report.lines, report.accepted, report.duplicates) == (7, 0, 7)
    assert _counts() == [1] * 7


@pytest.mark.django_db
def test_load_keeps_sources_apart(now: datetime) -> None:
    load(batch(), source=SourceFactory(), now=now)
    load(batch(), source=SourceFactory(), now=now)
    assert _counts() == [2] * 7


@pytest.mark.django_db
def test_load_learns_of_changes(now: datetime) -> None:
    source = SourceFactory()
    load(batch(), source=source, now=now)
    report = load(
        batch(
            orders=[{"status": "CANCELLED"}],
            customers=[{"email": "new@example.com", "first_name": ""}],
            reviews=[{"rating": 1}],
        ),
        source=source,
        now=now,
    )
    assert (report.accepted, report.duplicates) == (3, 4)
    customer = Customer.objects.get()
    assert (customer.email, customer.first_name) == ("new@example.com", "Ada")
    assert customer.email_hmac == ids.address_hmac(
        "new@example.com", pepper=settings.SUPPRESSION_PEPPER
    )
    assert (Order.objects.get().status, Review.objects.get().rating) == ("CANCELLED", 1)


@pytest.mark.django_db
def test_load_never_brings_a_cancelled_sale_back(now: datetime) -> None:
    source = SourceFactory()
    load(batch(orders=[{"status": "CANCELLED"}]), source=source, now=now)
    load(batch(), source=source, now=now)
    assert Order.objects.get().status == "CANCELLED"
    assert queries.totals()["orders_counted_as_sales"] == 0


@pytest.mark.django_db
def test_load_leaves_an_erased_customer_erased(now: datetime) -> None:
    source = SourceFactory()
    CustomerFactory(
        source=source, external_id="c1", email="", first_name="", last_name="", erased_at=now
    )
    load(batch(), source=source, now=now)
    customer = Customer.objects.get()
    assert (customer.email, customer.first_name, customer.email_hmac) == ("", "", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cost", "total", "margin"),
    [(600, 2000, 800), (600, 1900, 700), (None, 2000, 800), (1500, 2000, -1000)],
    ids=["costs known", "after discount", "no cost: 40 %", "sold below cost"],
)
def test_load_computes_the_margin(cost: int | None, total: int, margin: int, now: datetime) -> None:
    told = batch(orders=[{"total_cents": total}], order_lines=[{"cost_cents": cost}])
    load(told, source=SourceFactory(), now=now)
    assert Order.objects.get().margin_cents == margin


@pytest.mark.django_db
def test_load_assumes_the_margin_when_one_line_has_no_cost(now: datetime) -> None:
    lines = [{"quantity": 1}, {"quantity": 1, "line_number": 2, "cost_cents": None}]
    load(batch(order_lines=lines), source=SourceFactory(), now=now)
    assert Order.objects.get().margin_cents == 800


@pytest.mark.django_db
def test_load_says_when_we_learned_of_it(now: datetime) -> None:
    load(batch(), source=SourceFactory(), now=now, arrived_at=now)
    assert {Order.objects.get().arrived_at, Event.objects.get().arrived_at} == {now}


@pytest.mark.django_db
def test_load_refuses_what_refers_to_nothing_and_keeps_it_whole(now: datetime) -> None:
    report = load(
        batch(
            orders=[{}, {"external_id": "o2", "total_cents": -1}],
            order_lines=[{}, {"order_external_id": "o2"}, {"line_number": 2, "product_external_id": "?"}],
            refunds=[{"customer_external_id": "nobody"}],
            reviews=[{"product_external_id": "nothing"}],
            events=[{"customer_external_id": "nobody"}, {"external_id": "e2", "customer_external_id": None}],
        ),
        source=SourceFactory(),
        now=now,
    )  # fmt: skip
    assert report.rejected == {
        "negative_amount": 1, "unknown_customer": 3, "unknown_order": 1, "unknown_product": 2,
    }  # fmt: skip
    assert report.lines == report.accepted + report.duplicates + sum(report.rejected.values())
    row = RejectedRow.objects.get(reason="unknown_order")
    assert row.entity == "order_lines"
    assert '"order_external_id": "o2"' in row.raw
    assert RejectedRow.objects.count() == 7


@pytest.mark.django_db
def test_load_shows_a_nul_byte_as_a_sign(now: datetime) -> None:
    load(
        batch(products=[{"name": "T\0ea"}], order_lines=[], reviews=[]),
        source=SourceFactory(),
        now=now,
    )
    assert "NUL" not in RejectedRow.objects.get().raw
    assert "T\\u0000ea" in RejectedRow.objects.get().raw


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["ask at the till", "a@b", "a b@example.com", "@", None])
def test_load_leaves_out_what_is_no_address_and_counts_it(email: str | None, now: datetime) -> None:
    report = load(batch(customers=[{"email": email}]), source=SourceFactory(), now=now)
    customer = Customer.objects.get()
    assert (customer.email, customer.email_hmac, customer.first_name) == ("", "", "Ada")
    assert report.quality["customers"]["no_addresses"] == (email is not None)
    assert report.accepted == 7


@pytest.mark.django_db
def test_load_reports_gaps_outliers_and_the_span(now: datetime) -> None:
    orders = [{"external_id": f"o{n}", "total_cents": 1000 + n} for n in range(20)]
    orders.append({"external_id": "huge", "total_cents": 900_000, "customer_external_id": None})
    report = load(batch(orders=orders), source=SourceFactory(), now=now)
    found = Import.objects.get().report["quality"]["orders"]
    assert found == report.quality["orders"]
    assert found["missing"] == {"customer_external_id": 1}
    assert (found["amount"]["outliers"], found["amount"]["most"]) == (1, 900_000)
    assert (
        found["span"][0] == found["span"][1] == datetime.fromtimestamp(MOMENT, tz=UTC).isoformat()
    )


@pytest.mark.django_db
def test_load_of_much_tells_the_planner(now: datetime) -> None:
    names = [f"o{n}" for n in range(5_000)]
    told = batch(orders=[{"external_id": name} for name in names], order_lines=[])
    load(told, source=SourceFactory(), now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'customers_order'")
        assert cursor.fetchone() == (5_000,)


@pytest.mark.django_db
def test_load_of_nothing_is_an_import_of_nothing(now: datetime) -> None:
    report = load(
        batch(**{name: [] for name in ("customers", "products", "orders", "order_lines", "refunds", "reviews", "events")}),
        source=SourceFactory(),
        now=now,
    )  # fmt: skip
    assert (report.lines, Import.objects.get().status) == (0, ImportStatus.FINISHED)


@pytest.mark.django_db(transaction=True)
def test_load_that_fails_leaves_nothing_but_a_note(now: datetime) -> None:
    source = SourceFactory()
    with connection.cursor() as cursor:  # the last table refuses: everything before is in by then
        cursor.execute("ALTER TABLE customers_event ADD CONSTRAINT no CHECK (kind <> 'CLICKED')")
    try:
        with pytest.raises(IntegrityError):
            load(batch(customers=[{}, {"external_id": ""}]), source=source, now=now)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE customers_event DROP CONSTRAINT no")
    assert _counts() == [0] * 7
    assert not RejectedRow.objects.exists()
    failed = Import.objects.get()
    assert failed.status == ImportStatus.FAILED
    assert '"no"' in failed.error
    assert load(batch(), source=source, now=now).accepted == 7


@pytest.mark.django_db(transaction=True)
def test_load_twice_at_once_imports_once(now: datetime) -> None:
    source = SourceFactory()
    names = [f"o{n}" for n in range(2000)]
    told = batch(
        orders=[{"external_id": name} for name in names],
        order_lines=[{"order_external_id": name} for name in names],
    )
    start, reports = threading.Barrier(2), []

    def work() -> None:
        try:
            start.wait(20)
            reports.append(load(told, source=Source.objects.get(), now=now))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(report.accepted for report in reports) == [0, 4005]
    assert Order.objects.count() == OrderLine.objects.count() == 2000
    assert source.imports.filter(status=ImportStatus.FINISHED).count() == 2
