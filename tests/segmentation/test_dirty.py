"""Whatever changes of a customer marks them, once a statement."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from consent import ledger
from consent.enums import Purpose
from customers.enums import MergeReason, OrderStatus
from customers.identity import merging
from customers.models import Customer, Event, Order, OrderLine, Refund
from segmentation import dirty
from segmentation.models import DirtyCustomer
from tests.factories.consent import agree
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    OrderLineFactory,
    ReviewFactory,
)


pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    customer: Customer = CustomerFactory()
    marked()
    return customer


def marked() -> list[int]:
    """Who is marked now; they no longer are afterwards."""
    ids = sorted(DirtyCustomer.objects.values_list("customer_id", flat=True))
    DirtyCustomer.objects.all().delete()
    return ids


def test_new_and_changed_customers_are_marked() -> None:
    customer = CustomerFactory()
    assert marked() == [customer.pk]
    Customer.objects.filter(pk=customer.pk).update(country="FR")
    assert marked() == [customer.pk]
    Customer.objects.filter(pk=customer.pk).update(phone="123")  # nothing is computed from it
    assert marked() == []
    Customer.objects.filter(pk=customer.pk).update(erased_at=NOW)
    assert marked() == [customer.pk]


def test_orders_lines_and_refunds_mark_whose_they_are(customer: Customer) -> None:
    order = OrderFactory(customer=customer)
    assert marked() == [customer.pk]
    line = OrderLineFactory(order=order)
    assert marked() == [customer.pk]
    OrderLine.objects.filter(pk=line.pk).update(quantity=7)
    assert set(marked()) == {customer.pk}
    OrderLine.objects.filter(pk=line.pk).delete()
    assert marked() == [customer.pk]
    Refund.objects.create(
        source=customer.source, external_id="r", customer=customer, refunded_at=NOW, arrived_at=NOW,
        amount_cents=1,
    )  # fmt: skip
    assert marked() == [customer.pk]
    Order.objects.filter(pk=order.pk).update(status=OrderStatus.CANCELLED)
    assert set(marked()) == {customer.pk}


def test_order_that_changes_hands_marks_both(customer: Customer) -> None:
    other = CustomerFactory()
    order = OrderFactory(customer=customer)
    marked()
    Order.objects.filter(pk=order.pk).update(customer=other)
    assert marked() == sorted([customer.pk, other.pk])
    OrderFactory(source=customer.source, customer=None)
    assert marked() == []


def test_events_reviews_and_consents_mark_whose_they_are(customer: Customer) -> None:
    EventFactory(customer=customer)
    assert marked() == [customer.pk]
    ReviewFactory(customer=customer)
    assert marked() == [customer.pk]
    agree(customer, Purpose.PROFILING)
    assert set(marked()) == {customer.pk}
    ledger.withdraw(
        customer=customer, purpose=Purpose.PROFILING, method="form", now=NOW + timedelta(hours=1)
    )
    assert set(marked()) == {customer.pk}


def test_one_statement_marks_each_customer_once(customer: Customer) -> None:
    other = CustomerFactory()
    marked()
    source = customer.source
    Event.objects.bulk_create(
        Event(source=source, external_id=f"e{n}", customer=(customer, other)[n % 2],
              kind="SITE_VISIT", happened_at=NOW, arrived_at=NOW)
        for n in range(10)
    )  # fmt: skip
    assert marked() == sorted([customer.pk, other.pk])


def test_merge_marks_who_stays_and_who_goes(customer: Customer) -> None:
    other = CustomerFactory(source=customer.source)
    OrderFactory(customer=other)
    marked()
    merging.merge(survivor=customer, absorbed=other, reason=MergeReason.STAFF, source=None, now=NOW)
    assert set(marked()) == {customer.pk, other.pk}


def mark(*customer_ids: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO segmentation_dirtycustomer (customer_id, marked_at)"
            " SELECT id, now() FROM unnest(%s::bigint[]) WITH ORDINALITY AS u(id, n) ORDER BY n",
            [list(customer_ids)],
        )


def test_take_gives_the_oldest_customers_and_forget_only_their_marks() -> None:
    mark(9, 4, 9, 7, 4)
    taken = dirty.take(now=NOW, customers=2)
    assert taken.customer_ids.tolist() == [4, 9]
    assert len(taken.marks) == 4
    assert dirty.take(now=NOW, customers=2).customer_ids.tolist() == [
        4,
        9,
    ]  # nothing was taken away yet
    mark(9)
    dirty.forget(taken)
    assert dirty.marked_customers(at_most=10, now=NOW) == 2
    assert marked() == [7, 9]
    assert not dirty.any_marked(now=NOW)


def test_all_taken_forgets_what_was_there_before_and_nothing_when_it_fails() -> None:
    mark(1, 2)
    with pytest.raises(RuntimeError), dirty.all_taken():
        raise RuntimeError
    with dirty.all_taken():
        mark(3)
    assert marked() == [3]


def test_a_bulk_import_marks_whose_orders_it_brings(customer: Customer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        order = OrderFactory(customer=customer)
        assert marked() == [customer.pk]
        OrderLineFactory(order=order)  # comes with its order
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert marked() == []


def test_a_mark_waits_for_its_moment(customer: Customer) -> None:
    later = NOW + timedelta(minutes=2)
    DirtyCustomer.objects.create(customer=customer, marked_at=NOW, due_at=later)

    assert not dirty.any_marked(now=NOW)
    assert not len(dirty.take(now=NOW).customer_ids)
    assert dirty.marked_customers(at_most=10, now=later) == 1
    assert dirty.take(now=later).customer_ids.tolist() == [customer.pk]
