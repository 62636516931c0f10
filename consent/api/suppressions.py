"""Addresses that nobody may be mailed at, known by a keyed hash only."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from consent import ledger
from consent.enums import Channel, SuppressionReason
from consent.models import Suppression
from core import clock, ids
from customers.api.visible import filtered, seen
from customers.models import Customer
from gateway.fields import StrictSerializer, Text
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


class SuppressionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    address_hmac = serializers.CharField(help_text="A keyed hash; the address itself is not kept.")
    channel = serializers.ChoiceField(choices=Channel.choices)
    reason = serializers.ChoiceField(choices=SuppressionReason.choices)
    created_at = serializers.DateTimeField()
    lifted_at = serializers.DateTimeField(allow_null=True)


class SuppressedSerializer(serializers.Serializer[Any]):
    address_hmac = serializers.CharField()
    channel = serializers.ChoiceField(choices=Channel.choices)


class SuppressSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=320)
    detail = Text(max_length=300, default="", allow_blank=True, help_text="Why; no personal data.")


class SuppressionFilters(PageFilters):
    reason = serializers.ChoiceField(choices=SuppressionReason.choices, required=False)


HASH = "9f0c2d1e" * 8
EXAMPLE = {
    "id": 6, "address_hmac": HASH, "channel": "EMAIL", "reason": "MANUAL",
    "created_at": "2026-06-01T12:00:00Z", "lifted_at": None,
}  # fmt: skip


class SuppressionEndpoint(Endpoint):
    @operation(
        "list_suppressions", "List suppressed addresses", scope="consent:read", tag="Suppressions",
        says="A key restricted to sources sees the addresses of their customers.",
        filters=SuppressionFilters, gives=SuppressionSerializer, of_pages=True, given=EXAMPLE,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        asked = self.query(SuppressionFilters)
        rows = Suppression.objects.all()
        if self.key.is_restricted:
            of_ours = Customer.objects.filter(email_hmac=OuterRef("address_hmac"))
            rows = rows.filter(Exists(seen(of_ours, key=self.key)))
        rows = filtered(rows, asked, reason="reason")
        return Response(page(rows, filters=asked, shape=SuppressionSerializer))

    @operation(
        "suppress", "Never mail an address again", scope="consent:write", tag="Suppressions",
        says="Says the same whether or not it was suppressed before, or is known at all.",
        takes=SuppressSerializer, gives=SuppressedSerializer, statuses=(201,),
        sent={"email": "ada@example.com", "detail": "asked by telephone"},
        given={"address_hmac": HASH, "channel": "EMAIL"},
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        said = self.said(SuppressSerializer)
        address_hmac = ids.address_hmac(said["email"], pepper=settings.SUPPRESSION_PEPPER)
        ledger.suppress(
            address_hmac=address_hmac, reason=SuppressionReason.MANUAL, detail=said["detail"],
            now=clock.now(),
        )  # fmt: skip
        given = {"address_hmac": address_hmac, "channel": Channel.EMAIL}
        return answer(SuppressedSerializer, given, status=201)
