"""What happened to a customer: the ledger, read whole, and added to by behaviour only."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers.api.visible import customer, filtered, seen, written
from customers.api.writing import bring_in, epoch
from customers.enums import EventKind
from customers.models import Event
from gateway.fields import JsonObject, Moment, StrictSerializer, Text
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


HISTORICAL = timedelta(hours=48)
# Deliveries are ours to write, consents have an endpoint that asks for proof.
BEHAVIOUR = [
    (kind.value, kind.label)
    for kind in (
        EventKind.SITE_VISIT, EventKind.PRODUCT_VIEW, EventKind.CART, EventKind.CART_REMOVED,
        EventKind.CHECKOUT, EventKind.COUPON, EventKind.SEARCH, EventKind.WISHLIST, EventKind.OTHER,
    )
]  # fmt: skip


class EventSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    source_id = serializers.IntegerField(
        allow_null=True, help_text="Null for what Coterie noted itself."
    )
    external_id = serializers.CharField()
    customer_id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=EventKind.choices)
    name = serializers.CharField(help_text="What the source calls it.")
    happened_at = serializers.DateTimeField()
    arrived_at = serializers.DateTimeField()
    campaign_id = serializers.IntegerField(allow_null=True)
    properties = serializers.DictField()
    historical = serializers.BooleanField(
        help_text="Came long after it happened: starts no automation."
    )


class EventInSerializer(StrictSerializer):
    external_id = Text(
        max_length=200, required=False, help_text="Two events of one source and number are one."
    )
    kind = serializers.ChoiceField(choices=BEHAVIOUR, default=EventKind.OTHER)
    name = Text(max_length=200, required=False, help_text="Needed for OTHER: what to call it.")
    happened_at = Moment(required=False, help_text="Default: now; a time to come is taken as now.")
    properties = JsonObject(required=False)
    may_profile = serializers.BooleanField(
        default=True, help_text="False: the person said no to analytics. Kept, never learned from."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["kind"] == EventKind.OTHER and not attrs.get("name"):
            raise serializers.ValidationError(
                {"name": [serializers.ErrorDetail("Say what to call it.", code="required")]}
            )
        # by these a row would count as a reaction to a campaign
        for name in {"campaign_id", "delivery_id"} & set(attrs.get("properties", ())):
            raise serializers.ValidationError(
                {
                    f"properties.{name}": [
                        serializers.ErrorDetail("This name is ours.", code="reserved")
                    ]
                }
            )
        return attrs


class EventFilters(PageFilters):
    kind = serializers.ChoiceField(choices=EventKind.choices, required=False)
    happened_from = Moment(required=False)
    happened_before = Moment(required=False)


EXAMPLE_IN = {
    "external_id": "quiz-5", "name": "Tea quiz finished", "happened_at": "2026-06-02T09:00:00Z",
    "properties": {"result": "green"},
}  # fmt: skip
EXAMPLE = {
    "id": 901, "source_id": 3, "external_id": "quiz-5", "customer_id": 17, "kind": "OTHER",
    "name": "Tea quiz finished", "happened_at": "2026-06-02T09:00:00Z",
    "arrived_at": "2026-06-02T09:00:02Z", "campaign_id": None, "properties": {"result": "green"},
    "historical": False,
}  # fmt: skip


class EventEndpoint(Endpoint):
    @operation(
        "list_events", "List what happened to a customer", scope="events:read", tag="Events",
        filters=EventFilters, gives=EventSerializer, of_pages=True, given=EXAMPLE, errors=(404, 410),
    )  # fmt: skip
    def listed(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        asked = self.query(EventFilters)
        # of the customer's own source, of the key's others, and what Coterie noted itself
        rows = Event.objects.filter(customer=found)
        if self.key.is_restricted:
            rows = seen(rows, key=self.key) | rows.filter(source__isnull=True)
        rows = filtered(
            rows, asked, kind="kind", happened_from="happened_at__gte",
            happened_before="happened_at__lt",
        )  # fmt: skip
        return Response(page(rows, filters=asked, shape=EventSerializer))

    @operation(
        "create_event", "Add an event of a customer", scope="events:write", tag="Events",
        says="201; 200 where the source already has an event of this number, which stays as it is.",
        takes=EventInSerializer, gives=EventSerializer, statuses=(200, 201), sent=EXAMPLE_IN,
        given=EXAMPLE, errors=(404, 410),
    )  # fmt: skip
    def made(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        said = self.said(EventInSerializer)
        now = clock.now()
        happened_at = min(said.get("happened_at", now), now)
        row = {
            **said,
            "external_id": said.get("external_id") or f"api:{uuid.uuid4()}",
            "customer_external_id": found.external_id,
            "happened_at": epoch(happened_at),
            "properties": json.dumps(said.get("properties", {})),
            "historical": now - happened_at > HISTORICAL,
        }
        counts = bring_in(source=found.source, now=now, events=[row])["events"]
        event = written(Event, found.source, row["external_id"])
        return answer(EventSerializer, event, status=201 if counts.inserted else 200)
