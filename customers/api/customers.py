"""Customers: list, read, create, change. Names and addresses only for keys with `customers:pii`."""

from __future__ import annotations

import json
import re
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers.api.visible import customer, customers, filtered, named, source_to_write
from customers.api.writing import bring_in, epoch
from customers.enums import AliasKind
from customers.models import Alias, Source
from customers.reports import ADDRESS
from gateway.fields import JsonObject, Moment, Number, StrictSerializer, Text
from gateway.models import ApiKey
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


PII = ("email", "first_name", "last_name", "phone", "traits")
_PII_HELP = "Null for keys without `customers:pii`."


class CustomerSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    source_id = serializers.IntegerField()
    external_id = serializers.CharField()
    email = serializers.CharField(allow_null=True, help_text=_PII_HELP)
    first_name = serializers.CharField(allow_null=True, help_text=_PII_HELP)
    last_name = serializers.CharField(allow_null=True, help_text=_PII_HELP)
    phone = serializers.CharField(allow_null=True, help_text=_PII_HELP)
    traits = serializers.DictField(allow_null=True, help_text=_PII_HELP)
    country = serializers.CharField()
    language = serializers.CharField()
    joined_at = serializers.DateTimeField()
    arrived_at = serializers.DateTimeField(help_text="When Coterie learned of the customer.")
    changed_at = serializers.DateTimeField(allow_null=True)


class CustomerWithoutPiiSerializer(CustomerSerializer):
    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {**super().to_representation(instance), **dict.fromkeys(PII)}


class CustomerPatchSerializer(StrictSerializer):
    """What may change. An address that is none is refused; what is left out stays as it is."""

    email = serializers.EmailField(max_length=320, required=False)
    first_name = Text(max_length=200, required=False)
    last_name = Text(max_length=200, required=False)
    phone = Text(max_length=50, required=False)
    country = Text(max_length=100, required=False)
    language = Text(max_length=20, required=False)
    traits = JsonObject(required=False, help_text="What else is known of the person.")
    changed_at = Moment(
        required=False,
        help_text="When this became true; an older word changes nothing. Default: now.",
    )

    def validate_email(self, value: str) -> str:
        if not re.fullmatch(ADDRESS, value):  # `ingest` would leave it empty without a word
            raise serializers.ValidationError("Enter a valid email address.", code="invalid")
        return Text().run_validation(value) or value


class CustomerInSerializer(CustomerPatchSerializer):
    source_id = Number(min_value=1, required=False, help_text="Default: the key's own source.")
    external_id = Text(max_length=200, help_text="The shop's number of the customer.")
    joined_at = Moment(required=False, help_text="Default: now.")


class CustomerFilters(PageFilters):
    source_id = Number(min_value=1, required=False)
    external_id = Text(max_length=200, required=False)
    arrived_from = Moment(required=False, help_text="Learned of at or after this time.")


EXAMPLE_IN = {
    "external_id": "c-1001", "email": "ada@example.com", "first_name": "Ada", "country": "DE",
    "language": "en", "traits": {"loyalty": "gold"},
}  # fmt: skip
EXAMPLE = {
    "id": 17, "source_id": 3, "external_id": "c-1001", "email": "ada@example.com",
    "first_name": "Ada", "last_name": "", "phone": "", "traits": {"loyalty": "gold"},
    "country": "DE", "language": "en", "joined_at": "2026-06-01T12:00:00Z",
    "arrived_at": "2026-06-01T12:00:00Z", "changed_at": "2026-06-01T12:00:00Z",
}  # fmt: skip


def shape(key: ApiKey) -> type[CustomerSerializer]:
    return CustomerSerializer if key.may("customers:pii") else CustomerWithoutPiiSerializer


class CustomerEndpoint(Endpoint):
    @operation(
        "list_customers", "List customers", scope="customers:read", tag="Customers",
        says="Erased and merged customers are left out. `source_id` and `external_id` together find one; "
        "a number that was merged finds the survivor.",
        filters=CustomerFilters, gives=CustomerSerializer, of_pages=True, given=EXAMPLE,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        asked = self.query(CustomerFilters)
        rows = customers(self.key)
        if {"source_id", "external_id"} <= set(asked):
            alias = Alias.objects.filter(
                source_id=asked["source_id"], kind=AliasKind.USER, value=asked["external_id"]
            ).first()
            if alias is not None and self.key.sees(asked["source_id"]):
                return Response(
                    page(rows.filter(pk=alias.customer_id), filters=asked, shape=shape(self.key))
                )
        rows = filtered(
            rows, asked, source_id="source_id", external_id="external_id",
            arrived_from="arrived_at__gte",
        )  # fmt: skip
        return Response(page(rows, filters=asked, shape=shape(self.key)))

    @operation(
        "create_customer", "Create or update a customer", scope="customers:write", tag="Customers",
        says="201 for a new one; 200 where the source already has the number, whose customer then takes "
        "over what is sent. What is left out or empty stays.",
        takes=CustomerInSerializer, gives=CustomerSerializer, statuses=(200, 201),
        sent=EXAMPLE_IN, given=EXAMPLE, errors=(410,),
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        said = self.said(CustomerInSerializer)
        now = clock.now()
        source = source_to_write(said.pop("source_id", None), key=self.key, now=now)
        joined_at = said.pop("joined_at", now)
        return self._write(source, said, joined_at=epoch(joined_at))

    @operation(
        "get_customer", "Read a customer", scope="customers:read", tag="Customers",
        gives=CustomerSerializer, given=EXAMPLE, errors=(404, 410),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        return answer(shape(self.key), customer(number, key=self.key))

    @operation(
        "update_customer", "Change a customer", scope="customers:write", tag="Customers",
        says="Only what is sent changes; an empty text changes nothing.",
        takes=CustomerPatchSerializer, gives=CustomerSerializer, sent={"country": "AT"},
        given={**EXAMPLE, "country": "AT"}, errors=(404, 410),
    )  # fmt: skip
    def changed(self, request: Request, number: int) -> Response:
        found = customer(number, key=self.key)
        said = self.said(CustomerPatchSerializer, partial=True)
        return self._write(
            found.source,
            {"external_id": found.external_id, **said},
            joined_at=epoch(found.joined_at),
        )

    def _write(self, source: Source, said: dict[str, Any], *, joined_at: int | None) -> Response:
        now = clock.now()
        row = {**said, "joined_at": joined_at, "changed_at": epoch(said.get("changed_at", now))}
        if "traits" in row:
            row["traits"] = json.dumps(row["traits"])
        counts = bring_in(source=source, now=now, customers=[row])["customers"]
        written = named(source, said["external_id"], key=self.key)
        return answer(shape(self.key), written, status=201 if counts.inserted else 200)
