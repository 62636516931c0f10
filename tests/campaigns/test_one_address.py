"""Two people who came to one address after the audience was frozen: it gets one message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from campaigns import dispatch, tasks
from campaigns.models import Delivery
from consent import ledger
from consent.enums import Purpose
from core import clock
from customers.models import Customer
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_later() -> None:
    clock.set_now(LATER)


def move_in(guest: str, host: str) -> None:
    known = Customer.objects.get(email=f"{host}@example.com")
    Customer.objects.filter(email=f"{guest}@example.com").update(
        email=known.email, email_hmac=known.email_hmac
    )


def outcomes() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("customer_id").values_list("state", "reason"))


@pytest.mark.parametrize("days", [0, 7])
@pytest.mark.parametrize("group", [50, 1])
def test_an_address_gets_a_campaign_once_within_a_group_and_over_groups(
    sink: Any, monkeypatch: pytest.MonkeyPatch, days: int, group: int
) -> None:
    monkeypatch.setattr(dispatch, "GROUP", group)
    running_campaign("ada", "ben", now=NOW, min_days_between=days)
    move_in("ben", "ada")
    tasks.dispatch_due(seconds=5)
    assert sink.recipients == ["ada@example.com"]
    assert outcomes()[0] == ("SENT", "")
    assert outcomes()[1][0] == "SKIPPED"


def test_who_may_not_be_mailed_takes_the_message_from_nobody(sink: Any) -> None:
    running_campaign("ada", "ben", now=NOW)
    ada = Customer.objects.get(email="ada@example.com")
    ledger.withdraw(customer=ada, purpose=Purpose.MARKETING, method="form", now=LATER)
    move_in("ben", "ada")
    tasks.dispatch_due(seconds=5)
    assert sink.recipients == ["ada@example.com"]
    assert outcomes() == [("SKIPPED", "NO_CONSENT"), ("SENT", "")]
