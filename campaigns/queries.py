"""Reused reads of campaigns and deliveries."""

from __future__ import annotations

from django.db.models import Count

from campaigns.enums import DeliveryState, SkipReason
from campaigns.models import Campaign, Delivery


def counts_by_state(campaign: Campaign) -> dict[str, int]:
    """Deliveries by state, every state present, in the order of a delivery's life."""
    counts = dict.fromkeys(DeliveryState.values, 0)
    counts.update(
        Delivery.objects.filter(campaign=campaign).values_list("state").annotate(Count("id"))
    )
    return counts


def purpose_of(campaign_id: int) -> str | None:
    """What a campaign is for, as consent names it; None for one that is not there."""
    return Campaign.objects.filter(pk=campaign_id).values_list("purpose", flat=True).first()


def skips_by_reason(campaign: Campaign) -> dict[str, int]:
    """Skipped deliveries by reason, those that occur, in order of priority."""
    counts = dict(
        Delivery.objects.filter(campaign=campaign, state=DeliveryState.SKIPPED)
        .values_list("reason")
        .annotate(Count("id"))
    )
    return {reason: counts[reason] for reason in SkipReason.values if reason in counts}
