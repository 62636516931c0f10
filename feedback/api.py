"""What a campaign has caused, with its interval, in the words of the result page."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api import of_whole_shop
from campaigns.models import Campaign
from customers.api.visible import one
from feedback.enums import Metric, Verdict
from feedback.reports.campaign import campaign_report
from gateway.schema import operation
from gateway.views import Endpoint, answer


class LiftSerializer(serializers.Serializer[Any]):
    """Means, difference and bounds are per customer: cents, or a share for CONVERSION."""

    metric = serializers.ChoiceField(choices=Metric.choices)
    treated = serializers.IntegerField()
    held_out = serializers.IntegerField()
    treated_mean = serializers.FloatField(allow_null=True)
    holdout_mean = serializers.FloatField(allow_null=True)
    difference = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95\u00a0% interval.")
    high = serializers.FloatField(allow_null=True, help_text="Of the 95\u00a0% interval.")
    total = serializers.FloatField(
        allow_null=True, help_text="Difference times the number treated."
    )
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    sentence = serializers.CharField(help_text="The verdict in words.")


class CountSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment] # not the label of the field
    count = serializers.IntegerField()


class ResultSerializer(serializers.Serializer[Any]):
    campaign_id = serializers.IntegerField(source="campaign.pk")
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    waiting = serializers.CharField(help_text="Why there is no result yet; empty when there is.")
    is_simulated = serializers.BooleanField(help_text="What followed was drawn, not observed.")
    lifts = LiftSerializer(many=True, help_text="Empty until the outcome window has closed.")
    funnel = CountSerializer(many=True)
    skips = CountSerializer(many=True, help_text="Why members of the segment got nothing.")
    attributed_orders = serializers.IntegerField(
        help_text="By the last click; never counted as lift."
    )
    attributed_revenue_cents = serializers.IntegerField()
    attribution_rule = serializers.CharField()


EXAMPLE = {
    "campaign_id": 3, "starts_at": "2026-05-01T10:00:00Z", "ends_at": "2026-05-15T10:00:00Z",
    "closed_at": "2026-05-15T10:00:02Z", "waiting": "", "is_simulated": False,
    "lifts": [{"metric": "PROFIT", "treated": 370, "held_out": 42, "treated_mean": 310.2,
               "holdout_mean": 250.0, "difference": 60.2, "low": -41.0, "high": 161.4,
               "total": 22274.0, "verdict": "NOT_ENOUGH_DATA",
               "sentence": "Not enough data: between −152 and +597."}],
    "funnel": [{"code": "SEGMENT", "label": "In the segment", "count": 412}],
    "skips": [{"code": "HOLDOUT", "label": "Held out at random", "count": 42}],
    "attributed_orders": 12, "attributed_revenue_cents": 23_800,
    "attribution_rule": "The last click of the 7 days before an order.",
}  # fmt: skip


class ResultEndpoint(Endpoint):
    @operation(
        "get_results", "What a campaign has caused", scope="results:read", tag="Campaigns",
        says="Against customers held out at random, with a 95\u00a0% interval.",
        gives=ResultSerializer, given=EXAMPLE, errors=(404,),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        of_whole_shop(self.key)
        return answer(ResultSerializer, campaign_report(one(Campaign.objects.all(), number)))


urlpatterns = [path("campaigns/<int:number>/results", ResultEndpoint.as_view({"get": "shown"}))]
