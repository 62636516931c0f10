from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection

from consent import ledger
from consent.enums import Purpose
from customers.enums import OrderStatus
from customers.models import Customer, Refund
from segmentation import engines, mirror
from segmentation.mirror import writing
from segmentation.mirror.database import uri
from segmentation.mirror.generations import Generation, exclusive, next_number
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
LATER = NOW + timedelta(days=1)
DONE = set(mirror.PROFILED) - {"scores"}


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
    rows = mirror.refresh()
    assert {name: rows[name] for name in DONE} == dict.fromkeys(DONE, 1)
    for table in DONE:
        assert read(f"SELECT DISTINCT customer_id FROM {table}") == [(agreed.pk,)]
    assert read("SELECT count(*) FROM people WHERE may_profile") == [(1,)]
    assert read("SELECT count(*) FROM people") == [(4,)]  # all but the erased one


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


def test_people_consents_and_products_are_there_for_rules() -> None:
    customer = CustomerFactory(
        email="Ann@Example.org", country="GB", language="en", traits={"tier": "gold"}
    )
    agree(customer)
    other = CustomerFactory(email="")
    product = ProductFactory(source=customer.source, name="Tea", category="drinks", brand="Leaf")
    mirror.refresh()
    assert read(
        "SELECT customer_id, may_profile, country, language, email_domain, source_id, traits ->> 'tier',"
        " has_email FROM people"
    ) == [
        (customer.pk, False, "GB", "en", "example.org", customer.source_id, "gold", True),
        (other.pk, False, other.country, other.language, "", other.source_id, None, False),
    ]
    assert read("SELECT customer_id, purpose, channel, is_granted, changed_at FROM consents") == [
        (customer.pk, Purpose.MARKETING, "EMAIL", True, int(NOW.timestamp()))
    ]
    assert read("SELECT product_id, external_id, name, category, brand FROM products") == [
        (product.pk, product.external_id, "Tea", "drinks", "Leaf")
    ]


def test_events_tell_their_names_and_properties() -> None:
    customer = profiled()
    EventFactory(customer=customer, name="Quiz done", properties={"points": 3})
    EventFactory(customer=customer, happened_at=NOW + timedelta(seconds=1))
    mirror.refresh()
    assert read(
        "SELECT name, nullif(properties, '') ->> 'points', properties = '' FROM events ORDER BY happened_at"
    ) == [("Quiz done", "3", False), ("", None, True)]


FEATURES = pa.table({"customer_id": [1, 2], "orders": [3.0, None]})


def test_features_stay_until_they_are_written_again() -> None:
    assert read("SELECT count(*) FROM features") == [(0,)]
    mirror.write_features([FEATURES])
    mirror.refresh()
    assert read("SELECT customer_id, orders, recency_days FROM features") == [
        (1, 3.0, None),
        (2, None, None),
    ]
    mirror.write_features([FEATURES.slice(0, 1)])
    assert read("SELECT customer_id FROM features") == [(1,)]


def test_of_customers_reads_the_same_tables_fresh() -> None:
    one, other = profiled(), profiled()
    for customer in (one, other):
        rows_of(customer)
    mirror.write_features([pa.table({"customer_id": [one.pk, other.pk], "orders": [3.0, 1.0]})])
    mirror.refresh()
    with mirror.connect() as database:
        whole = {
            name: database.sql(f"SELECT * FROM {name} {where}").to_arrow_table()
            for name in (*mirror.TABLES, "features")
            for where in [_of(name, one)]
        }
    with mirror.of_customers([one.pk]) as database:
        for name, rows in whole.items():
            assert database.sql(f"SELECT * FROM {name}").to_arrow_table() == rows
            assert rows.num_rows == (0 if name in {"scores", "memberships"} else 1)
    OrderFactory(customer=one)
    with mirror.of_customers([one.pk]) as database:
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (2,)


def _of(name: str, customer: Customer) -> str:
    if name == "products":
        return f"WHERE product_id IN (SELECT product_id FROM order_lines WHERE customer_id = {customer.pk})"
    return f"WHERE customer_id = {customer.pk}"


def changed(*customers: Customer) -> None:
    ids = [customer.pk for customer in customers]
    with mirror.of_customers(ids) as database:
        mirror.write_changes(database, ids)


def test_changes_go_over_the_whole_tables_newest_first(home: Path) -> None:
    one, other = profiled(), profiled()
    OrderFactory(customer=one)
    OrderFactory(customer=other)
    mirror.refresh()
    for times in range(1, 4):
        OrderFactory(customer=one)
        changed(one)
        assert read("SELECT customer_id, count(*) FROM orders GROUP BY 1 ORDER BY 1") == [
            (one.pk, 1 + times),
            (other.pk, 1),
        ]
    Customer.objects.filter(pk=one.pk).update(erased_at=NOW)
    changed(one, other)
    for table in ("orders", "people", "customers"):
        assert read(f"SELECT customer_id FROM {table}") == [(other.pk,)]
    assert len(generations(home)) == 1
    mirror.refresh()
    assert read("SELECT customer_id FROM orders") == [(other.pk,)]


def test_features_are_computed_in_parts_over_changes() -> None:
    customers = [profiled() for _ in range(6)]
    mirror.refresh()
    OrderFactory(customer=customers[-1])
    changed(customers[-1])
    with mirror.connect() as database:
        database.execute("SET threads = 2")
        parts = list(engines.compute_everybody(database, as_of=int(LATER.timestamp()), part=2))
    orders = pa.concat_tables(parts).select(["customer_id", "orders"]).to_pylist()
    assert [one["orders"] for one in orders] == [0, 0, 0, 0, 0, 1]


def test_all_tables_are_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    customer, unload = profiled(), writing._unload

    def people_first(cursor: Any, database: Any, query: str, *args: Any, **more: Any) -> int:
        count = unload(cursor, database, query, *args, **more)
        if "FROM customers_customer" in query and not Refund.objects.exists():
            rows_of(customer)  # committed before the other tables are read
        return count

    monkeypatch.setattr(writing, "_unload", people_first)
    read_rows = mirror.refresh()
    assert Refund.objects.count() == 1
    assert {name: read_rows[name] for name in DONE} == {**dict.fromkeys(DONE, 0), "customers": 1}


def generations(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "mirror").iterdir() if path.name.isdigit())


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


def test_connect_reads_anew_where_the_mirror_is_of_an_older_version(home: Path) -> None:
    OrderFactory(customer=profiled())
    old = home / "mirror" / "01700000000000000000"
    old.mkdir(parents=True)
    (old / "readers").touch()
    assert read("SELECT count(*) FROM orders") == [(1,)]
    (path,) = (home / "mirror").glob("[0-9]*")
    manifest = json.loads((path / "manifest.json").read_text())
    del manifest["bases"]["people"]
    (path / "manifest.json").write_text(json.dumps(manifest))
    assert read("SELECT count(*) FROM people") == [(1,)]
    assert len(generations(home)) == 1


def test_refresh_clears_what_a_killed_one_left(home: Path) -> None:
    for name in ("unfinished", "next"):
        (home / "mirror" / name).mkdir(parents=True)
        (home / "mirror" / name / "orders.parquet").write_text("half")
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
    assert "password=a%20b%2Bc%26d" in uri()
    assert "sslmode=verify-full" in uri()


def test_many_small_changes_become_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segmentation.mirror.writing.MOST_CHANGES", 2)
    one, other, third = profiled(), profiled(), profiled()
    mirror.refresh()
    for customer in (one, other, one, third):
        OrderLineFactory(order__customer=customer)
        changed(customer)
    (folder,) = generations(home)
    changes = [path.name for path in (home / "mirror" / folder).glob("orders.*.parquet")]
    assert len(changes) == 2  # three became one, and one came after
    assert read("SELECT customer_id, count(*) FROM orders GROUP BY 1 ORDER BY 1") == [
        (one.pk, 2),
        (other.pk, 1),
        (third.pk, 1),
    ]
    assert read("SELECT count(*) FROM products JOIN order_lines USING (product_id)") == [(4,)]


def test_small_changes_become_one_beside_a_large_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segmentation.mirror.writing.MOST_CHANGES", 2)
    people = [profiled() for _ in range(4)]
    mirror.refresh()
    changed(*people)
    for number in (0, 1, 0):
        OrderFactory(customer=people[number])
        changed(people[number])
    (folder,) = generations(home)
    names = sorted(path.name for path in (home / "mirror" / folder).glob("touched.*.parquet"))
    sizes = [pq.read_metadata(home / "mirror" / folder / name).num_rows for name in names]
    assert sizes == [4, 2, 1]  # two small ones became one; the large one stayed as it was
    counts = dict(read("SELECT customer_id, count(*) FROM orders GROUP BY 1"))
    assert counts == {people[0].pk: 2, people[1].pk: 1}


def test_changes_stay_apart_while_whole_tables_are_read(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segmentation.mirror.writing.MOST_CHANGES", 2)
    one, other = profiled(), profiled()
    mirror.refresh()
    changed(one)
    with exclusive("writer"):  # a refresh, between the moment it counts from and what it publishes
        number = next_number()
        for _ in range(4):
            changed(other)
    (folder,) = generations(home)
    found = Generation.at(home / "mirror" / folder)
    assert len(found.changes) == 5
    # what was read of the one before that moment must not be newer than the tables
    assert found.changes[0] < number < found.changes[1]
    changed(other)
    (folder,) = generations(home)
    assert len(Generation.at(home / "mirror" / folder).changes) < 5
