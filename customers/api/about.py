"""What a key can find out about itself."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.visible import seen
from customers.enums import SourceKind
from customers.models import Source
from gateway.schema import operation
from gateway.views import ANY_KEY, Endpoint


class SourceSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=SourceKind.choices)


class KeySerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    sources = SourceSerializer(many=True, help_text="Those that the key sees.")
    is_restricted = serializers.BooleanField(help_text="Whether it sees these sources only.")
    requests_per_minute = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)


EXAMPLE = {
    "name": "Warehouse", "scopes": ["orders:read", "orders:write"],
    "sources": [{"id": 3, "name": "Web shop", "kind": "SHOPIFY"}], "is_restricted": True,
    "requests_per_minute": 600, "expires_at": None,
}  # fmt: skip


class KeyEndpoint(Endpoint):
    @operation(
        "get_key", "What this key may do", scope=ANY_KEY, tag="Key", gives=KeySerializer, given=EXAMPLE,
        says="Its scopes, and the sources that it sees with their ids.",
    )  # fmt: skip
    def shown(self, request: Request) -> Response:
        key = self.key
        sources = seen(Source.objects.order_by("pk"), key=key, source="pk")
        said = {
            "name": key.name,
            "scopes": key.scopes,
            "sources": sources,
            "is_restricted": key.is_restricted,
            "requests_per_minute": key.per_minute,
            "expires_at": key.expires_at,
        }
        return Response(KeySerializer(said).data)
