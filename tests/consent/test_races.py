"""An erasure and a sender at once: who comes first is decided by locks, not by luck."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from campaigns import handover, handover_lock, queries
from campaigns.enums import DeliveryState
from campaigns.models import Delivery
from consent.desk import requests
from consent.enums import RequestKind, RequestStatus
from customers import turns
from tests.campaigns.conftest import sink  # noqa: F401 - a fixture
from tests.campaigns.test_races import InThread, claimed
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def mail_server(sink: Any) -> None:  # noqa: F811
    """Launching needs one."""


def erase(delivery: Delivery) -> requests.DataRequest:
    request = requests.ask(
        kind=RequestKind.ERASURE, customer=delivery.customer, requested_by="olga", now=LATER
    )
    return requests.carry_out(request, now=LATER)


def test_a_planned_message_to_somebody_erased_is_not_sent() -> None:
    campaign = running_campaign("a", "b", now=NOW)
    erase(Delivery.objects.earliest("pk"))
    assert [row.recipient.email for row in claimed(campaign)()] == ["b@example.com"]
    assert queries.skips_by_reason(campaign) == {"ERASED": 1}


def test_intent_waits_for_an_erasure_that_has_not_committed() -> None:
    campaign = running_campaign("a", "b", now=NOW)
    intend = claimed(campaign)
    with transaction.atomic():
        erase(Delivery.objects.earliest("pk"))
        sender = InThread(intend)
        assert sender.is_waiting()
    assert [row.recipient.email for row in sender.end()] == ["b@example.com"]


def test_an_erasure_sees_the_message_that_left_before_it() -> None:
    campaign = running_campaign("a", now=NOW)
    intend = claimed(campaign)
    with transaction.atomic():
        (row,) = intend()
        eraser = InThread(lambda: erase(Delivery.objects.get()))
        assert eraser.is_waiting()
    assert eraser.is_waiting()
    handover_lock.let_go(owner="me")
    assert eraser.end().result["waits"] == {"Messages": 1}
    assert row.recipient.email == "a@example.com"
    Delivery.objects.update(state=DeliveryState.SENT, reply="250 <a@example.com> ok", owner="")
    assert requests.carry_on(now=LATER) == 1
    assert Delivery.objects.get().reply == ""


def test_an_erasure_waits_for_whoever_brings_data_of_the_source_in() -> None:
    running_campaign("a", now=NOW)
    delivery = Delivery.objects.get()
    with transaction.atomic(), connection.cursor() as cursor:
        turns.wait(cursor, delivery.customer.source_id)
        eraser = InThread(lambda: erase(delivery))
        assert eraser.is_waiting()
    assert eraser.end().status == RequestStatus.DONE
    assert handover.claim(campaign_id=delivery.campaign_id, owner="me", limit=1)
