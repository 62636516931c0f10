"""Which campaigns use a segment; see segmentation.usage."""

from __future__ import annotations

from collections.abc import Collection

from django.urls import reverse

from campaigns.enums import CampaignState
from campaigns.models import Campaign
from segmentation.usage import Use


def of_segments(segment_ids: Collection[int]) -> list[Use]:
    """The newest first."""
    return [
        Use(
            segment_id=campaign.segment_id,
            name=campaign.name,
            state=campaign.get_state_display(),
            link=reverse("campaign_pages:campaign", args=[campaign.pk]),
            waits=campaign.state == CampaignState.SCHEDULED,
            is_over=campaign.state in {CampaignState.CANCELLED, CampaignState.FINISHED},
        )
        for campaign in Campaign.objects.filter(segment__in=segment_ids).order_by("-pk")
    ]
