from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from campaigns.enums import Arm
from consent import ledger
from consent.desk import requests
from consent.enums import RequestKind
from customers import queries
from customers.enums import EventKind, OrderStatus
from customers.models import Import, InboundRequest, Refund, RejectedRow
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    OrderLineFactory,
    ReviewFactory,
    SourceFactory,
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
        "consents_claimed": 0,
        "consents_refused": 0,
        "erased": 1,
        "data_requests": 0,
        "segments": 1,
        "deliveries": {"SENT": 1, "SKIPPED": 1},
        "rejected": 0,
    }


def test_counts_leave_out_who_was_merged_and_what_is_no_sale() -> None:
    survivor = MailableFactory()
    absorbed = MailableFactory(merged_into=survivor)
    for status in (OrderStatus.PENDING, OrderStatus.TEST, OrderStatus.CANCELLED):
        OrderLineFactory(order=OrderFactory(customer=survivor, status=status))
    totals = counts()
    assert absorbed.pk
    assert (totals["customers"], totals["emailable"]) == (1, 1)
    assert (totals["orders"], totals["orders_counted_as_sales"]) == (3, 0)
    assert (totals["order_total"], totals["sales_gross"]) == (0, 0)


def test_counts_of_rejected_rows_leave_out_what_was_taken_in_since() -> None:
    source = SourceFactory()
    request = InboundRequest.objects.create(
        source=source, topic="batch", received_at=NOW, body=b"{}"
    )
    run = Import.objects.create(source=source, started_at=NOW)
    rows = ({"inbound": request}, {"inbound": request, "replayed_at": NOW}, {"source_import": run})
    for row in rows:
        RejectedRow.objects.create(entity="line", reason="bad_date", raw="x", **row)
    assert counts()["rejected"] == 2
    assert queries.totals(source=source)["rejected"] == 2
    assert queries.totals(source=SourceFactory())["rejected"] == 0


def test_counts_of_data_requests_and_of_consents_that_grant_nothing() -> None:
    customer = CustomerFactory()
    requests.ask(kind=RequestKind.ACCESS, customer=customer, requested_by="officer", now=NOW)
    told = {"purpose": "MARKETING", "channel": "EMAIL"}
    EventFactory(customer=customer, kind=EventKind.CONSENT_CLAIMED, properties=told)
    EventFactory(customer=customer, kind=EventKind.CONSENT_GIVEN, properties=told)
    ledger.absorb(now=NOW)
    totals = counts()
    assert [totals[name] for name in ("data_requests", "consents_claimed", "consents_refused")] == [
        1, 1, 1,
    ]  # fmt: skip
    assert totals["emailable"] == 0


def test_counts_for_people_has_a_line_for_each() -> None:
    out = StringIO()
    call_command("counts", stdout=out)
    assert "emailable" in out.getvalue()
    assert len(out.getvalue().splitlines()) == 17


def test_counts_for_people_say_what_money_is_counted_in() -> None:
    OrderFactory(total_cents=222_805_49)
    out = StringIO()
    call_command("counts", stdout=out)
    said = dict(line.split(maxsplit=1) for line in out.getvalue().splitlines())
    assert said["order_total"] == "22280549 in minor units of EUR: €222,805.49"
    assert said["orders"] == "1"
    assert counts()["order_total"] == 222_805_49  # for scripts the figure alone
