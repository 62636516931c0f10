from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from consent import ledger
from consent.enums import Purpose
from customers.enums import OrderStatus
from customers.models import Customer, Refund
from segmentation import mirror
from tests.factories.consent import agree
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    OrderLineFactory,
    ProductFactory,
    ReviewFactory,
)


# the mirror reads over a connection of its own, which sees only what is committed
pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = dict.fromkeys(mirror.TABLES, 0)


def profiled(**fields: object) -> Customer:
    customer: Customer = CustomerFactory(**fields)
    agree(customer, Purpose.PROFILING)
    return customer


def rows_of(customer: Customer) -> None:
    """One row of every mirrored table."""
    line = OrderLineFactory(order__customer=customer)
    EventFactory(customer=customer)
    ReviewFactory(customer=customer, product=line.product)
    Refund.objects.create(
        source=customer.source, external_id=f"refund {customer.pk}", customer=customer,
        order=line.order, refunded_at=NOW, arrived_at=NOW, amount_cents=500,
    )  # fmt: skip


def read(sql: str) -> list[tuple[object, ...]]:
    with mirror.connect() as database:
        return database.execute(sql).fetchall()


def test_refresh_of_an_empty_shop_gives_empty_tables() -> None:
    assert mirror.refresh() == NOTHING
    assert read("SELECT count(*) FROM orders JOIN customers USING (customer_id)") == [(0,)]


def test_mirror_holds_only_customers_who_agreed_to_profiling() -> None:
    agreed, withdrew, erased = profiled(), profiled(), profiled()
    only_mail = CustomerFactory()
    agree(only_mail)
    for customer in (agreed, withdrew, erased, only_mail, CustomerFactory()):
        rows_of(customer)
    Customer.objects.filter(pk=erased.pk).update(erased_at=NOW)
    assert mirror.refresh()["customers"] == 2
    ledger.withdraw(
        customer=withdrew, purpose=Purpose.PROFILING, method="form", now=NOW + timedelta(hours=1)
    )
    assert mirror.refresh() == dict.fromkeys(mirror.TABLES, 1)
    for table in mirror.TABLES:
        assert read(f"SELECT DISTINCT customer_id FROM {table}") == [(agreed.pk,)]


def test_mirror_leaves_out_cancelled_orders_guests_and_what_is_not_a_product() -> None:
    customer = profiled()
    order = OrderFactory(customer=customer)
    tea = OrderLineFactory(order=order)
    OrderLineFactory(order=order, product=ProductFactory(source=order.source, is_product=False))
    cancelled = OrderFactory(customer=customer, status=OrderStatus.CANCELLED)
    OrderLineFactory(order=cancelled)
    OrderFactory(source=customer.source, customer=None)
    mirror.refresh()
    assert read("SELECT order_id FROM orders") == [(order.pk,)]
    assert read("SELECT order_id, product_id FROM order_lines") == [(order.pk, tea.product_id)]


def test_mirror_keeps_cents_and_seconds_as_integers() -> None:
    placed, arrived = NOW - timedelta(days=2), NOW - timedelta(days=1)
    OrderFactory(
        customer=profiled(), placed_at=placed, arrived_at=arrived, total_cents=1234, margin_cents=-5
    )
    mirror.refresh()
    assert read("SELECT placed_at, arrived_at, total_cents, margin_cents FROM orders") == [
        (int(placed.timestamp()), int(arrived.timestamp()), 1234, -5)
    ]


def generations(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "mirror").iterdir() if path.is_dir())


def test_reader_keeps_its_generation_while_newer_ones_come(home: Path) -> None:
    OrderFactory(customer=profiled())
    mirror.refresh()
    (first,) = generations(home)
    with mirror.connect() as database:
        OrderFactory(customer=profiled())
        mirror.refresh()
        mirror.refresh()
        # the one between went at once, the one being read stays
        assert len(generations(home)) == 2
        assert generations(home)[0] == first
        assert database.execute("SELECT count(*) FROM customers").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        assert read("SELECT count(*) FROM orders") == [(2,)]
    mirror.refresh()
    assert len(generations(home)) == 1


def test_connect_makes_the_mirror_that_is_not_there() -> None:
    profiled()
    assert read("SELECT count(*) FROM customers") == [(1,)]


def test_refresh_clears_what_a_killed_one_left(home: Path) -> None:
    left = home / "mirror" / "unfinished"
    left.mkdir(parents=True)
    (left / "orders.parquet").write_text("half")
    mirror.refresh()
    assert len(generations(home)) == 1


def test_readers_and_writers_at_once_see_whole_generations(home: Path) -> None:
    profiled()
    mirror.refresh()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(4):
                mirror.refresh()
        except BaseException as error:  # noqa: BLE001 - told by the assertion
            failures.append(error)

    # the writers' connection is ADBC's own; Django's is not touched
    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert read("SELECT count(*) FROM customers") == [(1,)]
    for writer in writers:
        writer.join()
    assert failures == []
    mirror.refresh()
    assert len(generations(home)) == 1


def test_uri_carries_every_option_of_the_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "a b+c&d")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"sslmode": "verify-full"})
    uri = mirror._uri()
    assert "password=a%20b%2Bc%26d" in uri
    assert "sslmode=verify-full" in uri
