"""Campaigns that are over, with deliveries in known arms: the start of everything in feedback."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import factory

from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from segmentation.enums import SegmentKind
from segmentation.models import Segment
from tests.factories.customers import NOW, CustomerFactory


FROZEN_AT = NOW - timedelta(days=30)
"""A window of 14 days from here is over at NOW."""


class SegmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Segment

    name = factory.Sequence(lambda n: f"Segment mailed {n}")
    kind = SegmentKind.EVERYONE
    created_at = FROZEN_AT


class FinishedCampaignFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Campaign

    name = factory.Sequence(lambda n: f"Campaign {n}")
    state = CampaignState.FINISHED
    segment = factory.SubFactory(SegmentFactory)
    from_name = "Shop"
    from_email = "shop@example.com"
    subject = "Hello"
    body_html = "{{ unsubscribe_url }}"
    created_at = FROZEN_AT
    frozen_at = FROZEN_AT
    finished_at = FROZEN_AT + timedelta(hours=1)
    salt = "salt"
    contact_cost_cents = 5
    unsubscribe_cost_cents = 300


_STATE = {
    Arm.TREATED: {"state": DeliveryState.SENT, "accepted_at": FROZEN_AT},
    Arm.HOLDOUT: {"state": DeliveryState.SKIPPED, "reason": "HOLDOUT"},
    Arm.NOT_TARGETED: {"state": DeliveryState.SKIPPED, "reason": "NOT_TARGETED"},
    Arm.EXCLUDED: {"state": DeliveryState.SKIPPED, "reason": "NO_CONSENT"},
}


def deliver(
    campaign: Campaign, arm: str, *, probability: float | None = 0.9, **fields: Any
) -> Delivery:
    """One member of the campaign's segment in `arm`, with the state that usually follows."""
    values = {**_STATE[Arm(arm)], **fields}
    if "customer" not in values:
        values["customer"] = CustomerFactory()
    return Delivery.objects.create(
        campaign=campaign,
        arm=arm,
        assignment_probability=None if arm == Arm.EXCLUDED else probability,
        **values,
    )
