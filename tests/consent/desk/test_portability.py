"""Article 20: a copy goes into another installation by the public API and comes out of it the same."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from consent.desk import portability, requests
from consent.desk.personal_data import Person
from customers.models import Customer, Event, Order
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    OrderLineFactory,
    ReviewFactory,
)
from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db
SCHEMA = json.loads(
    (Path(portability.__file__).parents[2] / "docs/reference/portable-copy.schema.json").read_text()
)


def copy_of(customer: Customer) -> dict[str, Any]:
    """As the person gets it: through JSON."""
    # not gathered by address: the other installation is another source of this one
    person = Person(customer_ids=(customer.pk,))
    whole = json.loads(requests.as_json(requests.export(person, now=NOW)))
    part: dict[str, Any] = whole["portable"]
    jsonschema.validate(part, SCHEMA, format_checker=jsonschema.FormatChecker())
    return part


def bring_in(copy: dict[str, Any], api: Api) -> int:
    """As docs/reference/portable-copy.md says; returns the customer's number there."""

    def post(path: str, body: dict[str, Any]) -> int:
        answer = api.post(path, body)
        assert answer.status_code in {200, 201}, answer.content
        return int(answer.json()["id"])

    customers = {one["external_id"]: post("customers", one) for one in copy["customers"]}
    for one in copy["products"]:
        post("products", one)
    orders = {one["external_id"]: post("orders", one) for one in copy["orders"]}
    for one in copy["refunds"]:
        post(f"orders/{orders[one['order']]}/refunds", one["refund"])
    for one in copy["reviews"]:
        post("reviews", one)
    for one in copy["events"]:
        post(f"customers/{customers[one['customer']]}/events", one["event"])
    return next(iter(customers.values()))


def somebody() -> Customer:
    customer = MailableFactory(
        first_name="Ünal", last_name="O'Neil", phone="+49 30 1", country="DE", language="de",
        traits={"plan": "gold", "sizes": [38, 39]},
    )  # fmt: skip
    source = customer.source
    order = OrderFactory(customer=customer, source=source, total_cents=3_960, discount_cents=40)
    for number in (1, 2):
        OrderLineFactory(order=order, line_number=number, quantity=number, unit_price_cents=990)
    OrderFactory(customer=customer, source=source, status="CANCELLED", placed_at=NOW)
    order.refunds.create(
        source=source, external_id="R1", customer=customer, refunded_at=NOW, arrived_at=NOW,
        amount_cents=990, reason="broken",
    )  # fmt: skip
    ReviewFactory(customer=customer, source=source, rating=4, text="Sehr schön – “gut”")
    ReviewFactory(
        customer=customer, source=source, kind="SERVICE", origin="help desk", rating=None,
        product=None, text="Where is it?",
    )  # fmt: skip
    for hours, kind, more in (
        (3, "PRODUCT_VIEW", {"properties": {"product_id": "tea-1", "campaign_id": 7}}),
        (2, "SEARCH", {"properties": {"query": "Tee & Kuchen"}, "may_profile": False}),
        (1, "OTHER", {"name": "Chat opened"}),
        (0, "DELIVERED", {}),
    ):
        EventFactory(
            customer=customer, source=source, kind=kind, happened_at=NOW - timedelta(hours=hours),
            **more,
        )  # fmt: skip
    return customer


def test_a_copy_goes_in_elsewhere_and_comes_out_the_same() -> None:
    customer = somebody()
    OrderFactory()  # of somebody else
    copy = copy_of(customer)
    assert (len(copy["orders"]), len(copy["refunds"]), len(copy["reviews"])) == (2, 1, 2)
    assert [one["event"]["kind"] for one in copy["events"]] == ["PRODUCT_VIEW", "SEARCH", "OTHER"]

    arrived = Customer.objects.get(pk=bring_in(copy, Api()))
    assert arrived.source_id != customer.source_id
    there = copy_of(arrived)
    for part, entries in copy.items():
        assert there[part] == entries, part
    # again: nothing comes twice
    bring_in(copy, Api(source_ids=[arrived.source_id]))
    assert Order.objects.filter(customer=arrived).count() == 2
    assert Event.objects.filter(customer=arrived, kind="SEARCH").count() == 1


def test_what_we_concluded_and_who_agreed_is_not_to_be_carried() -> None:
    said = json.dumps(copy_of(somebody())).lower()
    assert "consent" not in said
    assert "score" not in said
    assert "campaign_id" not in said


def test_somebody_of_whom_nothing_is_known_has_a_valid_copy() -> None:
    nobody = CustomerFactory(email="", first_name="", last_name="", country="", language="")
    copy = copy_of(nobody)
    assert copy["format"] == portability.FORMAT == SCHEMA["properties"]["format"]["const"]
    assert copy["orders"] == copy["events"] == []
