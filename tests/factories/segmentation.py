"""Factories of segments."""

from __future__ import annotations

from collections.abc import Iterable

import factory

from customers.models import Customer
from segmentation.enums import SegmentKind
from segmentation.models import Membership, Segment
from tests.factories.customers import NOW


class SegmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Segment

    name = factory.Sequence(lambda n: f"Segment {n}")
    kind = SegmentKind.EVERYONE
    created_at = NOW


def segment_of(customers: Iterable[Customer]) -> Segment:
    """A segment with these members."""
    segment: Segment = SegmentFactory()
    Membership.objects.bulk_create(
        [Membership(segment=segment, customer=customer, joined_at=NOW) for customer in customers]
    )
    return segment
