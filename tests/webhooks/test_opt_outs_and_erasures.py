"""Article 19: connected systems hear of every opt-out and erasure, also after a day of being down."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from consent import ledger
from consent.desk import requests
from consent.enums import Purpose, RequestKind
from customers.models import Customer
from tests.factories.customers import CustomerFactory
from tests.webhooks.receivers import Receiver
from webhooks import endpoints, sending
from webhooks.enums import PostState, Topic
from webhooks.models import Endpoint, Message, Post


pytestmark = pytest.mark.django_db

DUTIES = (Topic.CONSENT_CHANGED, Topic.CUSTOMER_ERASED)


def wall() -> datetime:
    return datetime.now(tz=UTC)


def erase(customer: Customer) -> None:
    row = requests.ask(
        kind=RequestKind.ERASURE, requested_by="clerk", customer=customer, now=wall()
    )
    requests.carry_out(row, now=wall())


def test_nothing_is_lost_while_a_receiver_is_down_for_a_day(receiver: Receiver) -> None:
    endpoints.create(url=receiver.url, topics=DUTIES, description="", now=wall())
    people = CustomerFactory.create_batch(30)
    begun = wall()
    # answers for a day of trying every ten minutes, all of them refusals
    receiver.answers = [(503, {})] * 100_000

    for tick in range(24 * 6):
        clock = begun + timedelta(minutes=10 * tick)
        if tick < 20:
            ledger.withdraw(
                customer=people[tick], purpose=Purpose.MARKETING, method="form", now=wall()
            )
        elif tick < 30:
            erase(people[tick])
        sending.send_due(now=lambda clock=clock: clock, courier=receiver.courier)
    assert not Post.objects.filter(state=PostState.DELIVERED).exists()

    refused, receiver.answers = len(receiver.taken), []
    for hour in range(24, 60):
        moment = begun + timedelta(hours=hour)
        sending.send_due(now=lambda moment=moment: moment, courier=receiver.courier)

    said = [json.loads(body) for _, body in receiver.taken[refused:]]
    opted_out = {one["data"]["customer"]["id"] for one in said if one["type"] == DUTIES[0]}
    erased = {one["data"]["customer"]["id"] for one in said if one["type"] == DUTIES[1]}
    assert opted_out == {person.pk for person in people[:20]}
    assert erased == {person.pk for person in people[20:]}
    assert not Post.objects.exclude(state=PostState.DELIVERED).exists()


def test_an_erasure_says_numbers_only_and_once(receiver: Receiver) -> None:
    endpoints.create(url=receiver.url, topics=DUTIES, description="", now=wall())
    known = CustomerFactory(external_id="K-1", email="canary@example.com", first_name="Canary")
    guest = CustomerFactory(external_id="canary@example.com", email="canary@example.com")
    erase(known)
    erase(known)

    erased = Message.objects.filter(topic=Topic.CUSTOMER_ERASED)
    said = {message.data["customer"]["id"]: message.data["customer"] for message in erased}
    assert said[known.pk] == {"id": known.pk, "source": known.source.name, "external_id": "K-1"}
    if guest.pk not in said:  # one request may be about one of the two rows of an address
        erase(guest)
    told = Message.objects.filter(topic=Topic.CUSTOMER_ERASED)
    assert told.count() == 2
    assert "canary" not in json.dumps([message.data for message in told]).lower()
    assert [m.data["customer"]["external_id"] for m in told.order_by("pk")] == ["K-1", None]


def test_an_erasure_takes_back_what_was_still_to_be_told_and_tells_of_itself(
    receiver: Receiver,
) -> None:
    endpoints.create(url=receiver.url, topics=DUTIES, description="", now=wall())
    customer = CustomerFactory()
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=wall())
    erase(customer)
    assert [message.topic for message in Message.objects.all()] == [Topic.CUSTOMER_ERASED]


def test_a_stopped_endpoint_is_told_of_erasures_when_it_is_started_again(
    receiver: Receiver,
) -> None:
    endpoint, _ = endpoints.create(url=receiver.url, topics=DUTIES, description="", now=wall())
    Endpoint.objects.update(is_active=False)
    customer = CustomerFactory()
    erase(customer)
    assert sending.send_due(now=wall, courier=receiver.courier) == 0
    sending.forget(before=wall() + timedelta(days=31))

    endpoint.refresh_from_db()
    endpoints.resume(endpoint)
    assert sending.send_due(now=wall, courier=receiver.courier) == 1
    assert json.loads(receiver.taken[0][1])["data"]["customer"]["id"] == customer.pk


def test_no_erasure_is_written_down_where_nobody_asked_to_be_told() -> None:
    erase(CustomerFactory())
    assert not Message.objects.exists()
