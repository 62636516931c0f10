"""Somebody wants a copy of their data, or to be forgotten: asked for here, carried out by staff."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from consent.desk import requests
from consent.desk.restricting import GROUNDS
from consent.enums import RequestKind, RequestStatus
from consent.models import DataRequest
from core import clock, ids
from customers.api.visible import customer, filtered, one, seen
from gateway.errors import Refused
from gateway.fields import Number, StrictSerializer, Text
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


AT_ONCE = (RequestKind.RESTRICTION, RequestKind.UNRESTRICTION)
ASKED = [(kind.value, kind.label) for kind in (RequestKind.ACCESS, RequestKind.ERASURE, *AT_ONCE)]


class DataRequestSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=RequestKind.choices)
    status = serializers.ChoiceField(choices=RequestStatus.choices)
    customer_id = serializers.IntegerField(allow_null=True)
    source_id = serializers.IntegerField(allow_null=True)
    reference = serializers.CharField()
    received_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(help_text="By law, a month after it was received.")
    done_at = serializers.DateTimeField(allow_null=True)
    rows = serializers.DictField(
        source="result.rows", default=dict, help_text="What was found or erased, by table."
    )


class DataRequestInSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=ASKED)
    customer_id = Number(min_value=1, required=False)
    email = serializers.EmailField(
        max_length=320,
        required=False,
        help_text="Of somebody whose number is not known; not for keys restricted to sources.",
    )
    reference = Text(
        max_length=100, required=False, help_text="Your number of it: the same one is one request."
    )
    ground = serializers.ChoiceField(
        choices=list(GROUNDS.items()),
        required=False,
        help_text="Of a restriction, which needs one (article 18(1)).",
    )
    note = Text(max_length=300, required=False, help_text="Why a restriction ends; name nobody.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("customer_id" in attrs) == ("email" in attrs):
            raise serializers.ValidationError(
                {
                    "customer_id": [
                        serializers.ErrorDetail("Name a customer or an address.", code="required")
                    ]
                }
            )
        if attrs["kind"] == RequestKind.RESTRICTION and "ground" not in attrs:
            raise serializers.ValidationError(
                {"ground": [serializers.ErrorDetail("Say on which ground.", code="required")]}
            )
        return attrs


class DataRequestFilters(PageFilters):
    kind = serializers.ChoiceField(choices=RequestKind.choices, required=False)
    status = serializers.ChoiceField(choices=RequestStatus.choices, required=False)


EXAMPLE = {
    "id": 2, "kind": "ERASURE", "status": "RECEIVED", "customer_id": 17, "source_id": 3,
    "reference": "ticket-4711", "received_at": "2026-06-01T12:00:00Z",
    "due_at": "2026-07-01T12:00:00Z", "done_at": None, "rows": {},
}  # fmt: skip


class DataRequestEndpoint(Endpoint):
    @operation(
        "list_data_requests", "List data requests", scope="requests:read", tag="Data requests",
        filters=DataRequestFilters, gives=DataRequestSerializer, of_pages=True, given=EXAMPLE,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        asked = self.query(DataRequestFilters)
        rows = filtered(
            seen(DataRequest.objects.all(), key=self.key), asked, kind="kind", status="status"
        )
        return Response(page(rows, filters=asked, shape=DataRequestSerializer))

    @operation(
        "create_data_request", "Make a data request", scope="requests:write", tag="Data requests",
        says="ACCESS prepares a copy that staff hand over; ERASURE waits for staff to confirm it; "
        "RESTRICTION and UNRESTRICTION are done when you have the answer.",
        takes=DataRequestInSerializer, gives=DataRequestSerializer, statuses=(201,),
        sent={"kind": "ERASURE", "customer_id": 17, "reference": "ticket-4711"}, given=EXAMPLE,
        errors=(404, 410),
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        said = self.said(DataRequestInSerializer)
        if "email" in said and self.key.is_restricted:
            raise Refused(
                403, "restricted_key",
                "An address may be known to every source, and this key is restricted to some.",
            )  # fmt: skip
        hmac = (
            ids.address_hmac(said["email"], pepper=settings.SUPPRESSION_PEPPER)
            if "email" in said
            else ""
        )
        row = requests.ask(
            kind=RequestKind(said["kind"]),
            requested_by=f"API key {self.key.name}",
            now=clock.now(),
            customer=customer(said["customer_id"], key=self.key) if "customer_id" in said else None,
            address_hmac=hmac,
            reference=said.get("reference", ""),
        )
        if row.kind in AT_ONCE and row.status in requests.OPEN:
            requests.because(row, ground=said.get("ground", ""), note=said.get("note", ""))
            row = requests.carry_out(row, now=clock.now())
        return answer(DataRequestSerializer, row, status=201)

    @operation(
        "get_data_request", "How far a data request is", scope="requests:read", tag="Data requests",
        gives=DataRequestSerializer, given=EXAMPLE, errors=(404,),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        return answer(
            DataRequestSerializer, one(seen(DataRequest.objects.all(), key=self.key), number)
        )
