from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from customers import events
from customers.enums import AliasKind, EventKind, MergeReason
from customers.identity import MergeError, merge, resolve, unmerge
from customers.identity.merging import gather_strays
from customers.ingest import load
from customers.intake.translation import Person
from customers.models import Alias, Customer, Event, Merge, Order, Refund, Review
from tests.customers.batches import batch
from tests.factories.customers import (
    CustomerFactory,
    EventFactory,
    OrderFactory,
    ReviewFactory,
    SourceFactory,
)


pytestmark = pytest.mark.django_db
OWNED: tuple[type[Model], ...] = (Order, Refund, Review, Event)


def with_rows(**fields: object) -> Customer:
    customer: Customer = CustomerFactory(**fields)
    order = OrderFactory(customer=customer)
    Refund.objects.create(
        source=customer.source, external_id=f"refund {customer.pk}", customer=customer, order=order,
        refunded_at=order.placed_at, arrived_at=order.placed_at, amount_cents=500,
    )  # fmt: skip
    ReviewFactory(customer=customer)
    EventFactory(customer=customer)
    return customer


def rows_of(customer: Customer) -> list[set[int]]:
    """What belongs to a customer, less what merging itself adds to the ledger."""
    own = [
        set(model.objects.filter(customer=customer).values_list("pk", flat=True)) for model in OWNED
    ]
    told = Event.objects.filter(kind__in=[EventKind.MERGED, EventKind.UNMERGED])
    own[-1] -= set(told.values_list("pk", flat=True))
    return own


def _merge(survivor: Customer, absorbed: Customer, now: datetime) -> Merge:
    return merge(
        survivor=survivor, absorbed=absorbed, reason=MergeReason.STAFF, source=None, now=now
    )


def _fields(customer: Customer) -> dict[str, object]:
    return Customer.objects.filter(pk=customer.pk).values().get()


def test_merge_moves_everything_and_unmerge_puts_it_back(now: datetime) -> None:
    ada = with_rows(first_name="", phone="", traits={"plan": "gold", "old": 1})
    bea = with_rows(
        source=SourceFactory(), first_name="Bea", phone="123", traits={"plan": "tin", "vip": True},
        joined_at=now - timedelta(days=9),
    )  # fmt: skip
    before, rows = [_fields(ada), _fields(bea)], [rows_of(ada), rows_of(bea)]
    row = _merge(ada, bea, now)
    assert rows_of(ada) == [mine | theirs for mine, theirs in zip(*rows, strict=True)]
    assert rows_of(bea) == [set()] * 4
    ada.refresh_from_db()
    bea.refresh_from_db()
    assert (ada.first_name, ada.phone, ada.email) == ("Bea", "123", before[0]["email"])
    assert ada.traits == {"plan": "gold", "old": 1, "vip": True}
    assert ada.joined_at == now - timedelta(days=9)
    assert (bea.merged_into, bea.email, bea.email_hmac, bea.first_name, bea.traits) == (
        ada, "", "", "", {},
    )  # fmt: skip
    unmerge(row, now=now)
    assert [_fields(ada), _fields(bea)] == before
    assert [rows_of(ada), rows_of(bea)] == rows
    assert not Alias.objects.exists()
    row.refresh_from_db()
    assert (row.undone_at, row.before) == (now, {})


def test_merge_tells_the_ledger(now: datetime) -> None:
    ada, bea = CustomerFactory(), CustomerFactory()
    row = _merge(ada, bea, now)
    unmerge(row, now=now)
    told = Event.objects.order_by("pk").values_list("customer", "kind", "properties")
    what = {"absorbed_customer_id": bea.pk, "reason": "STAFF"}
    assert list(told) == [(ada.pk, "MERGED", what), (ada.pk, "UNMERGED", what)]


def test_merge_and_unmerge_twice_change_nothing_more(now: datetime) -> None:
    ada, bea = with_rows(), with_rows()
    row = _merge(ada, bea, now)
    assert _merge(ada, bea, now) == row
    assert _merge(bea, ada, now) == row
    assert Merge.objects.count() == 1
    unmerge(row, now=now)
    assert unmerge(row, now=now).undone_at == now
    assert Event.objects.filter(kind=EventKind.UNMERGED).count() == 1


def test_what_still_comes_under_the_absorbed_number_is_the_survivors(now: datetime) -> None:
    source = SourceFactory()
    ada = CustomerFactory(source=source, external_id="c2", phone="")
    bea = CustomerFactory(source=source, external_id="c1", email="", last_name="Old")
    _merge(ada, bea, now)
    load(
        batch(customers=[{"phone": "77", "last_name": "New"}], events=[{"properties": None}]),
        source=source,
        now=now,
    )
    events.record(
        source=None, customer_id=bea.pk, kind=EventKind.OPENED, happened_at=now, arrived_at=now,
        external_id="x",
    )  # fmt: skip
    assert {Order.objects.get().customer, Review.objects.get().customer} == {ada}
    assert set(Event.objects.values_list("customer", flat=True)) == {ada.pk}
    known = _fields(ada)
    assert (known["phone"], known["last_name"], known["email"]) == ("77", ada.last_name, ada.email)
    assert Customer.objects.get(pk=bea.pk).email == ""


def test_unmerge_leaves_what_came_since(now: datetime) -> None:
    ada, bea = with_rows(first_name=""), with_rows(first_name="Bea")
    row = _merge(ada, bea, now)
    order = OrderFactory(customer=ada)
    Customer.objects.filter(pk=ada.pk).update(first_name="Adele")
    unmerge(row, now=now)
    order.refresh_from_db()
    ada.refresh_from_db()
    assert (order.customer, ada.first_name) == (ada, "Adele")


def test_chains_are_undone_from_their_end(now: datetime) -> None:
    ada, bea, cleo = with_rows(), with_rows(), with_rows()
    rows = [rows_of(one) for one in (ada, bea, cleo)]
    first = _merge(bea, ada, now)
    second = _merge(cleo, bea, now)
    ada.refresh_from_db()
    assert ada.merged_into == cleo, "one step leads to the living one"
    assert _merge(cleo, ada, now) == first
    with pytest.raises(MergeError, match="undo that merge first"):
        unmerge(first, now=now)
    unmerge(second, now=now)
    ada.refresh_from_db()
    assert ada.merged_into == bea
    unmerge(first, now=now)
    assert [rows_of(one) for one in (ada, bea, cleo)] == rows
    assert not Alias.objects.exists()


def test_merges_into_one_customer_are_undone_in_any_order(now: datetime) -> None:
    ada = with_rows(email="", email_hmac="", first_name="")
    others = [
        with_rows(first_name="Bea", phone="1", joined_at=now - timedelta(days=2)),
        with_rows(first_name="Cleo", country="", joined_at=now - timedelta(days=3)),
    ]
    before = [_fields(one) for one in (ada, *others)]
    merges = [_merge(ada, other, now) for other in others]
    assert _fields(ada)["email"] == before[1]["email"]
    for row in merges:
        unmerge(row, now=now)
    assert [_fields(one) for one in (ada, *others)] == before


def test_merge_refuses_the_erased_and_addresses_that_differ(now: datetime) -> None:
    ada, bea, gone = CustomerFactory(), CustomerFactory(), CustomerFactory(erased_at=now)
    with pytest.raises(MergeError, match="erased"):
        _merge(ada, gone, now)
    with pytest.raises(MergeError, match="addresses differ"):
        merge(
            survivor=ada, absorbed=bea, reason=MergeReason.SAME_ADDRESS, source=ada.source, now=now
        )
    row = _merge(ada, bea, now)
    Customer.objects.filter(pk=ada.pk).update(erased_at=now)
    with pytest.raises(MergeError, match="erased since"):
        unmerge(row, now=now)


@pytest.mark.parametrize("change", ["kind = 'OTHER'", "customer_id = customer_id, name = 'x'"])
def test_merging_lets_the_ledger_change_hands_and_nothing_else(change: str) -> None:
    ada, bea = CustomerFactory(), EventFactory().customer
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL coterie.merging = 'on'")
        cursor.execute("UPDATE customers_event SET customer_id = %s", [ada.pk])
        assert rows_of(bea)[-1] == set()
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute(f"UPDATE customers_event SET {change}")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute("DELETE FROM customers_event")
        cursor.execute("SET LOCAL coterie.merging = 'off'")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute("UPDATE customers_event SET customer_id = %s", [bea.pk])


def test_gather_strays_follows_a_merge(now: datetime) -> None:
    ada, bea = CustomerFactory(), CustomerFactory()
    row = _merge(ada, bea, now)
    stray = EventFactory(customer=bea)  # by a writer that saw Bea before
    assert gather_strays() == 1
    assert Event.objects.get(pk=stray.pk).customer == ada
    assert gather_strays() == 0
    unmerge(row, now=now)
    assert Event.objects.get(pk=stray.pk).customer == ada, "it came after the merge"


def _at_once(*works: Callable[[], object]) -> list[object]:
    """What each returned or raised."""
    start, results = threading.Barrier(len(works)), [None] * len(works)

    def run(number: int) -> None:
        try:
            start.wait(20)
            results[number] = works[number]()  # type: ignore[call-overload]
        except Exception as error:  # noqa: BLE001 - a test looks at it
            results[number] = error  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_merges_of_the_same_people_at_once_make_one(now: datetime) -> None:
    ada, bea = with_rows(source=SourceFactory()), with_rows(source=SourceFactory())
    for _ in range(5):
        one, other = _at_once(lambda: _merge(ada, bea, now), lambda: _merge(bea, ada, now))
        assert isinstance(one, Merge)
        assert one == other
        unmerge(one, now=now)
    assert Merge.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_sources_that_learn_of_one_another_at_once_end(now: datetime) -> None:
    """Two readers whose people are each other's, and a file of each source: no deadlock, nothing lost."""
    left, right = SourceFactory(), SourceFactory()
    addresses = [f"c{n}@example.com" for n in range(40)]
    for source in (left, right):
        resolve([Person(user_id=a) for a in addresses], source=source, now=now)
    told = batch(
        customers=[{"external_id": a, "email": a, "phone": "1"} for a in addresses],
        orders=[{"external_id": f"o{a}", "customer_external_id": a} for a in addresses],
        order_lines=[], refunds=[], reviews=[], events=[],
    )  # fmt: skip

    def read(source: object, order: list[str]) -> list[str]:
        people = [Person(user_id=a, email=a) for a in order]
        return resolve(people, source=source, now=now)  # type: ignore[arg-type]

    results = _at_once(
        lambda: read(left, addresses),
        lambda: read(right, addresses[::-1]),
        lambda: load(told, source=left, now=now),
        lambda: load(told, source=right, now=now),
    )
    assert [error for error in results if isinstance(error, Exception)] == []
    for source in (left, right):
        read(source, addresses)
    assert Customer.objects.filter(merged_into=None).count() == len(addresses)
    assert Order.objects.filter(customer__merged_into=None).count() == 80
    assert Alias.objects.filter(kind=AliasKind.USER).count() == len(addresses)
