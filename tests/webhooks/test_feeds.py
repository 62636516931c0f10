"""What happens becomes a message in its transaction, for those who asked, and names nobody."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.db import transaction

from consent import ledger
from consent.enums import Purpose
from consent.models import Wording
from customers import events
from customers.enums import EventKind
from segmentation import membership
from segmentation.enums import SegmentKind
from tests.factories.customers import CustomerFactory
from webhooks import endpoints
from webhooks.enums import Topic
from webhooks.models import Endpoint, Message, Post


pytestmark = pytest.mark.django_db


def endpoint_for(now: datetime, *topics: str, url: str = "https://shop.example/hook") -> Endpoint:
    return endpoints.create(url=url, topics=topics, description="", now=now)[0]


def segment_for(now: datetime) -> object:
    return membership.ensure(
        name="Regulars", kind=SegmentKind.EVERYONE, definition={}, description="", now=now
    )


def test_entering_and_leaving_a_segment_are_told_once_each(now: datetime) -> None:
    endpoint = endpoint_for(now, Topic.SEGMENT_ENTERED, Topic.SEGMENT_LEFT)
    stays, goes = CustomerFactory(), CustomerFactory()
    segment = segment_for(now)

    membership.write(segment, np.array([stays.pk, goes.pk]), now=now)
    membership.write(segment, np.array([stays.pk]), now=now + timedelta(days=1))

    said = [(m.topic, m.customer_id) for m in Message.objects.order_by("happened_at", "customer")]
    assert said == [
        (Topic.SEGMENT_ENTERED, stays.pk),
        (Topic.SEGMENT_ENTERED, goes.pk),
        (Topic.SEGMENT_LEFT, goes.pk),
    ]
    assert Post.objects.filter(endpoint=endpoint).count() == 3
    data = Message.objects.get(topic=Topic.SEGMENT_LEFT).data
    assert data["segment"] == {"id": segment.pk, "name": "Regulars"}
    assert data["customer"]["external_id"] == goes.external_id


def test_consent_is_told_with_its_act(now: datetime) -> None:
    endpoint_for(now, Topic.CONSENT_CHANGED)
    customer = CustomerFactory()
    wording = Wording.objects.get(purpose=Purpose.MARKETING, version="default-1", language="en")

    ledger.grant(customer=customer, wording=wording, method="form", now=now)
    ledger.withdraw(
        customer=customer, purpose=Purpose.MARKETING, method="form", now=now + timedelta(days=1)
    )

    acts = [message.data["act"] for message in Message.objects.order_by("happened_at")]
    assert acts == ["GRANTED", "WITHDRAWN"]


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        (EventKind.DELIVERED, Topic.DELIVERY_SENT),
        (EventKind.CLICKED, Topic.DELIVERY_CLICKED),
        (EventKind.BOUNCED, Topic.DELIVERY_BOUNCED),
        (EventKind.COMPLAINED, Topic.DELIVERY_COMPLAINED),
        (EventKind.UNSUBSCRIBED, Topic.DELIVERY_UNSUBSCRIBED),
    ],
)
def test_outcomes_of_deliveries_are_told(now: datetime, kind: str, topic: str) -> None:
    endpoint_for(now, topic)
    customer = CustomerFactory()
    for name, told in (("a", kind), ("b", EventKind.PRODUCT_VIEW)):
        events.record(
            source=None, customer_id=customer.pk, kind=told, happened_at=now, arrived_at=now,
            external_id=name, campaign_id=7, delivery_id=9,
        )  # fmt: skip

    message = Message.objects.get()
    assert (message.topic, message.data["campaign_id"], message.data["delivery_id"]) == (
        topic,
        7,
        9,
    )


def test_only_endpoints_that_asked_and_are_active_are_told(now: datetime) -> None:
    asked = endpoint_for(now, Topic.CONSENT_CHANGED)
    endpoint_for(now, Topic.SEGMENT_ENTERED)
    stopped = endpoint_for(now, Topic.CONSENT_CHANGED)
    Endpoint.objects.filter(pk=stopped.pk).update(is_active=False)

    ledger.withdraw(customer=CustomerFactory(), purpose=Purpose.MARKETING, method="form", now=now)

    assert [post.endpoint for post in Post.objects.all()] == [asked]


def test_nothing_is_written_when_nobody_listens(now: datetime) -> None:
    ledger.withdraw(customer=CustomerFactory(), purpose=Purpose.MARKETING, method="form", now=now)
    assert not Message.objects.exists()


def test_a_message_exists_only_if_what_it_tells_of_was_committed(now: datetime) -> None:
    endpoint_for(now, Topic.CONSENT_CHANGED)
    customer = CustomerFactory()
    with transaction.atomic():
        ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=now)
        assert Message.objects.count() == 1
        transaction.set_rollback(True)
    assert not Message.objects.exists()


def test_messages_name_nobody(now: datetime) -> None:
    endpoint_for(now, *[topic for topic in Topic.values if topic != Topic.TEST])
    customer = CustomerFactory(email="canary@example.com", first_name="Canary", last_name="Canary")
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=now)
    membership.write(segment_for(now), np.array([customer.pk]), now=now)

    assert Message.objects.count() == 2
    assert "canary" not in json.dumps([message.data for message in Message.objects.all()]).lower()


def test_a_number_that_is_an_address_is_left_out(now: datetime) -> None:
    endpoint_for(now, Topic.CONSENT_CHANGED)
    customer = CustomerFactory(external_id="canary@example.com")
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=now)
    said = Message.objects.get().data["customer"]
    assert (said["id"], said["external_id"]) == (customer.pk, None)


def test_a_segment_of_many_has_a_message_for_each(now: datetime) -> None:
    endpoint_for(now, Topic.SEGMENT_ENTERED)
    people = CustomerFactory.create_batch(300)
    membership.write(segment_for(now), np.array([person.pk for person in people]), now=now)
    assert Post.objects.count() == Message.objects.count() == 300
    assert Message.objects.values("message_id").distinct().count() == 300
