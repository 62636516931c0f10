from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from segmentation.segment_pages import reach
from segmentation.models import MembershipChange, Segment
from tests.factories.consent import MailableFactory
from tests.factories.customers import CustomerFactory, OrderFactory
from tests.factories.segmentation import SegmentFactory, segment_of


pytestmark = pytest.mark.django_db


def test_segment_page_shows_size_reach_and_worth(admin_client: Client) -> None:
    inside, outside = MailableFactory(), CustomerFactory()
    segment = segment_of([inside, CustomerFactory()])
    Segment.objects.filter(pk=segment.pk).update(size=2)
    recent = clock.now() - timedelta(days=10)
    OrderFactory(customer=inside, placed_at=recent, total_cents=3000)
    OrderFactory(customer=outside, placed_at=recent, total_cents=1000)
    MembershipChange.objects.create(
        segment=segment, customer=inside, joined=True, changed_at=recent + timedelta(days=5)
    )
    response = admin_client.get(reverse("admin:segment_page", args=[segment.pk]))
    worth = response.context["worth"]
    assert (worth["net_cents"], worth["share_of_revenue"]) == (3000, 0.75)
    assert worth["net_each_cents"] == 1500
    assert response.context["segment"].reachable == 1
    shown = response.context["segment"]
    assert (shown.come, shown.gone) == (1, 0)
    assert {one.pk for one in response.context["sample"]} == set(
        segment.memberships.values_list("customer_id", flat=True)
    )


def test_empty_segment_says_so(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:segment_page", args=[SegmentFactory().pk]))
    assert "Nobody is in this segment now" in page.content.decode()


def test_reach_of_each_segment_is_its_own() -> None:
    empty = SegmentFactory()
    full = segment_of([MailableFactory(), MailableFactory(), CustomerFactory()])
    reach = dict(reach.with_reach_of_segment(Segment.objects.all()).values_list("pk", "reachable"))
    assert reach == {empty.pk: 0, full.pk: 2}
