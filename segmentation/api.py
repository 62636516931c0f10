"""Segments with their members, and the scores of a customer. Writing segments is in `managing_api`."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import path
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers.api.visible import customer, filtered, one, seen
from customers.queries import known_until
from gateway.models import ApiKey
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer
from segmentation import explaining, withheld
from segmentation.enums import Measure, SegmentKind, SegmentStatus, Task
from segmentation.models import Membership, Score, Segment


class SegmentSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=SegmentKind.choices)
    description = serializers.CharField()
    size = serializers.IntegerField(source="seen_size", help_text="Members that the key sees.")
    refreshed_at = serializers.DateTimeField(allow_null=True)
    status = serializers.ChoiceField(
        choices=SegmentStatus.choices, help_text="FAILED: the members are those of `refreshed_at`."
    )
    problem = serializers.CharField(help_text="Why it failed, or what the nightly check found.")
    archived_at = serializers.DateTimeField(allow_null=True, help_text="Nobody is in it since.")
    rule = serializers.SerializerMethodField(help_text="Of a RULE; else null.")

    @extend_schema_field({"type": "object", "nullable": True})
    def get_rule(self, segment: Segment) -> Any:
        return (segment.definition or None) if segment.kind == SegmentKind.RULE else None


class SegmentFilters(PageFilters):
    kind = serializers.ChoiceField(choices=SegmentKind.choices, required=False)
    archived = serializers.BooleanField(
        required=False, help_text="true: only the archived; else those in use."
    )


class MemberSerializer(serializers.Serializer[Any]):
    customer_id = serializers.IntegerField()
    source_id = serializers.IntegerField(source="customer.source_id")
    external_id = serializers.CharField(source="customer.external_id")
    joined_at = serializers.DateTimeField()


class ScoreSerializer(serializers.Serializer[Any]):
    task = serializers.ChoiceField(
        choices=[*Task.choices, *Measure.choices], source="generation.task"
    )
    value = serializers.FloatField(
        help_text="CHURN, PURCHASE, RESPONSE: a probability. UPLIFT: what a message adds to it. "
        "FIRST: expected spend in cents after the first order. LIFETIME: expected spend in cents, ORDERS: "
        "expected orders, both in the next 365 days. NEXT_ORDER: days from `as_of` until an order is as likely as not."
    )
    sd = serializers.FloatField(allow_null=True, help_text="Standard deviation, where known.")
    median = serializers.FloatField(allow_null=True, help_text="As likely to be passed as not.")
    low = serializers.FloatField(
        allow_null=True, help_text="From low to high: where four in five such customers end."
    )
    high = serializers.FloatField(allow_null=True)
    model = serializers.CharField(source="generation.version", help_text="Name and version.")
    trained_at = serializers.DateTimeField(source="generation.version.trained_at")
    as_of = serializers.DateTimeField(
        source="generation.as_of", help_text="Nothing later was seen."
    )


class ScoresSerializer(serializers.Serializer[Any]):
    """Empty where there is no model yet, or the customer does not allow profiling."""

    customer_id = serializers.IntegerField()
    says = serializers.CharField(
        help_text="Why none are shown of somebody restricted or under age; else empty."
    )
    scores = ScoreSerializer(many=True)


class ReasonSerializer(serializers.Serializer[Any]):
    topic = serializers.CharField()
    words = serializers.CharField(help_text="What is known of the customer.")
    effect = serializers.FloatField(
        help_text="What it adds to the log-odds of what the task predicts."
    )
    share = serializers.FloatField(help_text="Of all effects, by size; 0 to 1.")
    features = serializers.ListField(child=serializers.CharField())


class ExplainedSerializer(serializers.Serializer[Any]):
    task = serializers.ChoiceField(choices=Task.choices)
    model = serializers.CharField(help_text="Name and version.")
    says = serializers.CharField(help_text="Why there are no reasons, where there are none.")
    reasons = ReasonSerializer(many=True)


class ReasonsSerializer(serializers.Serializer[Any]):
    """Empty where there are no scores."""

    customer_id = serializers.IntegerField()
    says = serializers.CharField(
        help_text="Why none are shown of somebody restricted or under age; else empty."
    )
    scores = ExplainedSerializer(many=True)


SEGMENT = {
    "id": 2, "name": "Champions", "kind": "RFM", "description": "Bought lately, often and much.",
    "size": 412, "refreshed_at": "2026-06-01T03:00:00Z", "status": "OK", "problem": "",
    "archived_at": None, "rule": None,
}  # fmt: skip
MEMBER = {
    "customer_id": 17,
    "source_id": 3,
    "external_id": "c-1001",
    "joined_at": "2026-05-30T03:00:00Z",
}
SCORES = {
    "customer_id": 17,
    "says": "",
    "scores": [{"task": "CHURN", "value": 0.31, "sd": None, "median": None, "low": None,
                "high": None, "model": "churn v4",
                "trained_at": "2026-05-20T02:00:00Z", "as_of": "2026-06-01T00:00:00Z"}],
}  # fmt: skip
REASONS = {
    "customer_id": 17,
    "says": "",
    "scores": [{"task": "CHURN", "model": "churn v4", "says": "", "reasons": [
        {"topic": "rhythm", "words": "Last order 143 days ago, usual gap 41 days", "effect": 1.21,
         "share": 0.46, "features": ["recency_to_gap", "recency_days"]}]}],
}  # fmt: skip


def _members(key: ApiKey) -> QuerySet[Membership]:
    living = Membership.objects.filter(
        customer__erased_at__isnull=True,
        customer__merged_into__isnull=True,
    ).exclude(withheld.memberships())
    return seen(living, key=key, source="customer__source_id")


def _segments(key: ApiKey) -> QuerySet[Segment, Any]:
    if not key.is_restricted:
        return Segment.objects.annotate(seen_size=F("size"))
    counts = (
        _members(key).filter(segment=OuterRef("pk")).order_by().values("segment")
        .annotate(n=Count("pk")).values("n")
    )  # fmt: skip
    return Segment.objects.annotate(seen_size=Coalesce(Subquery(counts), 0))


class SegmentEndpoint(Endpoint):
    @operation(
        "list_segments", "List segments", scope="segments:read", tag="Segments",
        filters=SegmentFilters, gives=SegmentSerializer, of_pages=True, given=SEGMENT,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        asked = self.query(SegmentFilters)
        rows = _segments(self.key).filter(archived_at__isnull=not asked.pop("archived", False))
        rows = filtered(rows, asked, kind="kind")
        return Response(page(rows, filters=asked, shape=SegmentSerializer))

    @operation(
        "get_segment", "Read a segment", scope="segments:read", tag="Segments",
        gives=SegmentSerializer, given=SEGMENT, errors=(404,),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        return answer(SegmentSerializer, one(_segments(self.key), number))

    @operation(
        "list_segment_members", "List who is in a segment", scope="segments:read", tag="Segments",
        filters=PageFilters, gives=MemberSerializer, of_pages=True, given=MEMBER, errors=(404,),
    )  # fmt: skip
    def members(self, request: Request, number: int) -> Response:
        segment = one(Segment.objects.all(), number)
        rows = _members(self.key).filter(segment=segment).select_related("customer")
        return Response(page(rows, filters=self.query(PageFilters), shape=MemberSerializer))


class ScoreEndpoint(Endpoint):
    @operation(
        "get_scores", "What the models expect of a customer", scope="scores:read", tag="Scores",
        says="By the model that serves now, with its version and date. Why: `get_score_reasons`.",
        gives=ScoresSerializer, given=SCORES, errors=(404, 410),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        if says := withheld.why(found):
            nothing = {"customer_id": found.pk, "says": says, "scores": []}
            return answer(ScoresSerializer, nothing)
        rows = (
            Score.objects.filter(Q(generation__is_current=True), customer=found)
            .select_related("generation__version")
            .order_by("generation__task")
        )
        return answer(ScoresSerializer, {"customer_id": found.pk, "says": "", "scores": rows})

    @operation(
        "get_score_reasons", "Why a customer has these scores", scope="scores:read", tag="Scores",
        says="What the models of churn and purchase make of this customer, the weightiest first. "
        "Computed when you ask, which costs some hundred times a score: ask for customers that "
        "somebody looks at, not for all.",
        gives=ReasonsSerializer, given=REASONS, errors=(404, 410),
    )  # fmt: skip
    def reasons(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        if says := withheld.why(found):
            nothing = {"customer_id": found.pk, "says": says, "scores": []}
            return answer(ReasonsSerializer, nothing)
        told = explaining.of_customer(found.pk, now=known_until(now=clock.now()))
        rows = [
            {"task": task, "model": str(one.version), "says": one.told, "reasons": one.reasons}
            for task, one in told.items()
        ]
        return answer(ReasonsSerializer, {"customer_id": found.pk, "says": "", "scores": rows})


urlpatterns = [
    path("customers/<int:number>/scores", ScoreEndpoint.as_view({"get": "shown"})),
    path("customers/<int:number>/scores/reasons", ScoreEndpoint.as_view({"get": "reasons"})),
]
