from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from campaigns.enums import Arm
from customers.enums import OrderStatus
from customers.models import Refund
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    OrderLineFactory,
    ReviewFactory,
)
from tests.factories.feedback import FinishedCampaignFactory, deliver


pytestmark = pytest.mark.django_db


def counts() -> dict[str, Any]:
    out = StringIO()
    call_command("counts", "--json", stdout=out)
    (line,) = out.getvalue().splitlines()
    totals: dict[str, Any] = json.loads(line)
    return totals


def test_counts_of_an_empty_installation_are_zero() -> None:
    totals = counts()
    assert totals.pop("deliveries") == {}
    assert set(totals.values()) == {0}


def test_counts_add_up_every_kind_of_row() -> None:
    customer = MailableFactory()
    CustomerFactory(erased_at=NOW, email="")
    sale = OrderFactory(customer=customer, total_cents=2500)
    OrderLineFactory(order=sale, quantity=3, unit_price_cents=1000)
    OrderLineFactory(order=sale, quantity=-1, unit_price_cents=500)
    cancelled = OrderFactory(customer=customer, status=OrderStatus.CANCELLED, total_cents=9900)
    OrderLineFactory(order=cancelled)
    Refund.objects.create(
        source=customer.source, external_id="r", customer=customer, order=sale, refunded_at=NOW,
        arrived_at=NOW, amount_cents=700,
    )  # fmt: skip
    ReviewFactory(customer=customer)
    EventFactory(customer=customer)
    campaign = FinishedCampaignFactory()
    deliver(campaign, Arm.TREATED, customer=customer)
    deliver(campaign, Arm.HOLDOUT, customer=CustomerFactory())
    assert counts() == {
        "customers": 2,
        "orders": 2,
        "orders_counted_as_sales": 1,
        "refunds": 1,
        "refunded_total": 700,
        "order_total": 2500,
        "sales_gross": 3000,
        "reviews": 1,
        "events": 1,
        "emailable": 1,
        "erased": 1,
        "segments": 1,
        "deliveries": {"SENT": 1, "SKIPPED": 1},
        "rejected": 0,
    }


def test_counts_for_people_has_a_line_for_each() -> None:
    out = StringIO()
    call_command("counts", stdout=out)
    assert "emailable" in out.getvalue()
    assert len(out.getvalue().splitlines()) == 14
