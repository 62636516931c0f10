"""What visitors bought and said before anybody knew who they were."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from customers.enums import SourceKind
from customers.intake import retention
from customers.intake.reading import read_due
from customers.models import Customer, Order, Refund, Review, Source, VisitorRow
from tests.customers.intake.saying import at, completed, land, said
from tests.factories.customers import NOW, SourceFactory


pytestmark = pytest.mark.django_db
VISITOR: dict[str, Any] = {"userId": None, "anonymousId": "v1"}
SIGNS_IN = said("identify", userId="u9", anonymousId="v1")
ALIAS = said("alias", userId="u9", previousId="v1")
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def source() -> Source:
    found: Source = SourceFactory(kind=SourceKind.SEGMENT, settings={"currency": "EUR"})
    review = {"product_id": "p1", "review_id": "r1", "review_body": "Fine.", "rating": 4}
    land(
        found,
        completed(timestamp=at(9), **VISITOR),
        completed("o2", timestamp=at(9), **{**VISITOR, "anonymousId": "v2"}),
        said(event="Order Refunded", properties={"order_id": "o1", "total": 5}, **VISITOR),
        said(event="Product Reviewed", properties=review, **VISITOR),
    )
    read_due(now=NOW)
    return found


@pytest.mark.parametrize("call", [SIGNS_IN, ALIAS, said("page", userId="u9", anonymousId="v1")])
def test_what_a_visitor_bought_is_theirs_when_they_say_who_they_are(
    source: Source, call: dict[str, Any]
) -> None:
    assert not Order.objects.exclude(customer=None).exists()
    land(source, said("identify", userId="u9"), call, topic="batch")
    read_due(now=SOON)
    customer = Customer.objects.get()
    order = Order.objects.get(external_id="o1")
    assert (order.customer, order.arrived_at) == (customer, SOON), "as learned of now"
    assert [row.get().customer for row in (Refund.objects, Review.objects)] == [customer] * 2
    assert Order.objects.get(external_id="o2").customer is None, "another visitor's"
    log = VisitorRow.objects.exclude(customer=None).order_by("entity")
    assert list(log.values_list("entity", "external_id", "customer", "known_at")) == [
        ("orders", "o1", customer.pk, SOON),
        ("reviews", "r1", customer.pk, SOON),
    ]


def test_an_order_that_became_somebodys_meanwhile_stays_theirs(source: Source) -> None:
    land(source, completed(timestamp=at(8), userId="buyer"))
    read_due(now=NOW)
    land(source, SIGNS_IN)
    read_due(now=SOON)
    assert Order.objects.get(external_id="o1").customer == Customer.objects.get(external_id="buyer")
    assert VisitorRow.objects.get(external_id="o1").customer is None


def test_a_visitor_who_never_says_is_forgotten_and_the_order_stays(source: Source) -> None:
    land(source, SIGNS_IN)
    read_due(now=SOON)
    retention.forget(now=NOW + timedelta(days=91), body_days=7)
    assert set(VisitorRow.objects.values_list("external_id", flat=True)) == {"o1", "r1"}
    land(source, said("identify", userId="u10", anonymousId="v2"))
    read_due(now=NOW + timedelta(days=91))
    assert Order.objects.get(external_id="o2").customer is None
