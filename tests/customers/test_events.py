from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from customers import events
from customers.enums import EventKind
from customers.events import EventRow
from customers.models import Event
from tests.factories.customers import CustomerFactory, SourceFactory


def _row(number: int, *, now: datetime, customer_id: int) -> EventRow:
    return EventRow(
        customer_id=customer_id,
        kind=EventKind.DELIVERED,
        happened_at=now + timedelta(microseconds=number),
        arrived_at=now,
        external_id=f"delivery:{number}:DELIVERED",
        campaign_id=7,
        delivery_id=number,
        properties={"note": 'a "quoted", text\nand a second line', "n": number},
    )


@pytest.mark.django_db
def test_record_is_idempotent_without_a_source(now: datetime) -> None:
    customer = CustomerFactory()
    act = {
        "source": None,
        "customer_id": customer.pk,
        "kind": EventKind.CLICKED,
        "happened_at": now,
        "arrived_at": now,
        "external_id": "delivery:1:CLICKED",
    }
    assert events.record(**act)
    assert not events.record(**act)
    assert events.record(**{**act, "source": customer.source}), "another source, another event"
    assert Event.objects.count() == 2


@pytest.mark.django_db
def test_record_many_keeps_every_field_and_adds_nothing_twice(now: datetime) -> None:
    customer = CustomerFactory()
    rows = [_row(n, now=now, customer_id=customer.pk) for n in range(1, 2001)]
    assert events.record_many(rows) == 2000
    assert events.record_many([*rows, _row(2001, now=now, customer_id=customer.pk)]) == 1
    event = Event.objects.get(delivery_id=17)
    assert event.properties == {"note": 'a "quoted", text\nand a second line', "n": 17}
    assert (event.happened_at, event.arrived_at) == (now + timedelta(microseconds=17), now)
    assert (event.campaign_id, event.source_id, event.customer_id) == (7, None, customer.pk)


@pytest.mark.django_db
def test_record_many_of_nothing_is_nothing() -> None:
    assert events.record_many([]) == 0


@pytest.mark.django_db(transaction=True)
def test_record_many_is_all_or_none(now: datetime) -> None:
    customer = CustomerFactory()
    with pytest.raises(IntegrityError):
        events.record_many(
            [
                _row(1, now=now, customer_id=customer.pk),
                replace(_row(2, now=now, customer_id=customer.pk), customer_id=-1),
            ]
        )
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_settled_position_stops_before_a_writer_that_has_not_committed(now: datetime) -> None:
    customer = CustomerFactory(source=SourceFactory())
    events.record_many([_row(n, now=now, customer_id=customer.pk) for n in range(1, 1501)])
    written, finish = threading.Event(), threading.Event()

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                events.record_many([_row(5000, now=now, customer_id=customer.pk)])
                written.set()
                finish.wait(20)
        finally:
            connection.close()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    assert written.wait(20)
    events.record_many([_row(6000, now=now, customer_id=customer.pk)])  # a later id, committed
    slow_id = Event.objects.get(delivery_id=6000).pk - 1
    assert events.settled_position() < slow_id
    finish.set()
    slow.join()
    last = Event.objects.order_by("pk").last()
    assert last is not None
    assert events.settled_position() == last.pk
    assert Event.objects.filter(delivery_id=5000, pk__lte=events.settled_position()).exists()


@pytest.mark.django_db
def test_settled_position_counts_rows_of_the_same_transaction(now: datetime) -> None:
    customer = CustomerFactory()
    events.record_many([_row(1, now=now, customer_id=customer.pk)])
    assert events.settled_position() == Event.objects.get().pk
