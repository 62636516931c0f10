"""Campaigns, read only. They are of the whole shop: a key restricted to sources does not see them."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.enums import CampaignState, Targeting
from campaigns.models import Campaign
from customers.api.visible import filtered, one
from gateway.errors import Refused
from gateway.models import ApiKey
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


class CampaignSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=CampaignState.choices)
    segment_id = serializers.IntegerField()
    purpose = serializers.CharField(
        help_text="MARKETING, or NEWSLETTER: and the short name of a newsletter."
    )
    with_soft_opt_ins = serializers.BooleanField(
        help_text="Also to buyers who did not refuse, while the shop has that switched on."
    )
    targeting = serializers.ChoiceField(choices=Targeting.choices)
    holdout_share = serializers.FloatField()
    from_name = serializers.CharField()
    from_email = serializers.CharField()
    subject = serializers.CharField()
    discount_percent = serializers.IntegerField()
    outcome_days = serializers.IntegerField()
    audience = serializers.IntegerField(help_text="People in the segment when it was frozen.")
    created_at = serializers.DateTimeField()
    scheduled_at = serializers.DateTimeField(allow_null=True)
    frozen_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class CampaignFilters(PageFilters):
    state = serializers.ChoiceField(choices=CampaignState.choices, required=False)


EXAMPLE = {
    "id": 3, "name": "Tea week", "state": "FINISHED", "segment_id": 2, "purpose": "MARKETING",
    "with_soft_opt_ins": False, "targeting": "PROFIT",
    "holdout_share": 0.1, "from_name": "Tea & Cups", "from_email": "news@shop.example",
    "subject": "Tea for you", "discount_percent": 15, "outcome_days": 14, "audience": 412,
    "created_at": "2026-05-01T09:00:00Z", "scheduled_at": None, "frozen_at": "2026-05-01T10:00:00Z",
    "finished_at": "2026-05-01T10:20:00Z",
}  # fmt: skip


def of_whole_shop(key: ApiKey) -> None:
    """Raises Refused (403) for a key that is restricted to sources."""
    if key.is_restricted:
        raise Refused(
            403, "restricted_key",
            "Campaigns are of the whole shop, and this key is restricted to sources.",
        )  # fmt: skip


class CampaignEndpoint(Endpoint):
    @operation(
        "list_campaigns", "List campaigns", scope="campaigns:read", tag="Campaigns",
        filters=CampaignFilters, gives=CampaignSerializer, of_pages=True, given=EXAMPLE,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        of_whole_shop(self.key)
        asked = self.query(CampaignFilters)
        rows = filtered(Campaign.objects.all(), asked, state="state")
        return Response(page(rows, filters=asked, shape=CampaignSerializer))

    @operation(
        "get_campaign", "Read a campaign", scope="campaigns:read", tag="Campaigns",
        gives=CampaignSerializer, given=EXAMPLE, errors=(404,),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        of_whole_shop(self.key)
        return answer(CampaignSerializer, one(Campaign.objects.all(), number))


urlpatterns = [
    path("campaigns", CampaignEndpoint.as_view({"get": "listed"})),
    path("campaigns/<int:number>", CampaignEndpoint.as_view({"get": "shown"})),
]
