"""Of whom is restricted or under age nothing computed is shown from that moment, though it is still stored."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from consent.desk import restricting
from customers.models import Customer
from segmentation import withheld
from segmentation.enums import SegmentKind
from segmentation.models import Membership, Score
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW
from tests.factories.segmentation import SegmentFactory
from tests.gateway.clients import Api
from tests.screens.rows import generation


pytestmark = pytest.mark.django_db

CHURN = "Will not order within 90 days"


@pytest.fixture
def customer() -> Customer:
    """With a score and three segments, as the last refresh has left them."""
    found: Customer = MailableFactory()
    Score.objects.create(generation=generation(is_current=True), customer=found, value=0.25)
    for kind in (SegmentKind.EVERYONE, SegmentKind.RFM, SegmentKind.STATIC):
        segment = SegmentFactory(kind=kind, name=f"Segment {kind}")
        Membership.objects.create(segment=segment, customer=found, joined_at=NOW)
    return found


def restrict(customer: Customer) -> None:
    restricting.restrict(customer_ids=[customer.pk], ground="ACCURACY", now=NOW)


def declare_under_age(customer: Customer) -> None:
    Customer.objects.filter(pk=customer.pk).update(is_under_age=True)


def shown_to(admin_client: Client, customer: Customer) -> str:
    return admin_client.get(reverse("admin:customer_page", args=[customer.pk])).content.decode()


def test_everything_is_shown_of_others(admin_client: Client, customer: Customer) -> None:
    page = shown_to(admin_client, customer)
    assert CHURN in page
    assert "Segment RFM" in page
    said = Api().get(f"customers/{customer.pk}/scores").json()
    assert (said["says"], len(said["scores"])) == ("", 1)


@pytest.mark.parametrize(
    ("hold", "words", "kept"),
    [
        (restrict, withheld.RESTRICTED, []),
        (declare_under_age, withheld.UNDER_AGE, ["EVERYONE", "STATIC"]),
    ],
)
def test_what_is_stored_is_hidden_at_once_and_the_reason_said(
    admin_client: Client, customer: Customer, hold, words: str, kept: list[str]
) -> None:
    hold(customer)
    assert Score.objects.filter(customer=customer).exists()  # it goes with the next refresh
    page = shown_to(admin_client, customer)
    assert CHURN not in page
    assert words.replace("'", "&#x27;") in page
    api = Api()
    for what in ("scores", "scores/reasons"):
        said = api.get(f"customers/{customer.pk}/{what}").json()
        assert said == {"customer_id": customer.pk, "says": words, "scores": []}
    for row in Membership.objects.filter(customer=customer).select_related("segment"):
        listed = api.get(f"segments/{row.segment_id}/members").json()["results"]
        is_shown = row.segment.kind in kept
        assert (len(listed) == 1) == is_shown
        assert (f"Segment {row.segment.kind}" in page) == is_shown


def test_when_the_restriction_ends_it_is_shown_again(
    admin_client: Client, customer: Customer
) -> None:
    restrict(customer)
    restricting.lift(customer_ids=[customer.pk], now=NOW)
    assert CHURN in shown_to(admin_client, customer)
