"""Products."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers.api.visible import filtered, one, seen, source_to_write, written
from customers.api.writing import bring_in
from customers.models import Product
from gateway.fields import Cents, Number, StrictSerializer, Text
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


class ProductSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    source_id = serializers.IntegerField()
    external_id = serializers.CharField()
    name = serializers.CharField()
    category = serializers.CharField()
    brand = serializers.CharField()
    price_cents = serializers.IntegerField(allow_null=True)
    cost_cents = serializers.IntegerField(allow_null=True)
    is_product = serializers.BooleanField()
    url = serializers.CharField()
    image_url = serializers.CharField()
    stock = serializers.IntegerField(allow_null=True)


class ProductInSerializer(StrictSerializer):
    source_id = Number(min_value=1, required=False, help_text="Default: the key's own source.")
    external_id = Text(max_length=200, help_text="The shop's number of the product.")
    name = Text(max_length=500, required=False)
    category = Text(max_length=200, required=False)
    brand = Text(max_length=200, required=False)
    price_cents = Cents(required=False, help_text="In minor units of the shop's currency.")
    cost_cents = Cents(required=False, help_text="Unit cost.")
    is_product = serializers.BooleanField(
        required=False, help_text="False for postage, fees and corrections. Default: true."
    )
    url = Text(max_length=2000, required=False)
    image_url = Text(max_length=2000, required=False)
    stock = Number(
        min_value=0, required=False,
        help_text="Pieces that may be sold; of 0 none is recommended. Leave it out where you do not count.",
    )  # fmt: skip


class ProductFilters(PageFilters):
    source_id = Number(min_value=1, required=False)
    external_id = Text(max_length=200, required=False)
    category = Text(max_length=200, required=False)


EXAMPLE_IN = {"external_id": "tea-1", "name": "Green tea", "category": "Tea", "price_cents": 990}
EXAMPLE = {
    "id": 5, "source_id": 3, "external_id": "tea-1", "name": "Green tea", "category": "Tea",
    "brand": "", "price_cents": 990, "cost_cents": None, "is_product": True, "url": "",
    "image_url": "", "stock": 120,
}  # fmt: skip


class ProductEndpoint(Endpoint):
    @operation(
        "list_products", "List products", scope="orders:read", tag="Products",
        filters=ProductFilters, gives=ProductSerializer, of_pages=True, given=EXAMPLE,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        asked = self.query(ProductFilters)
        rows = filtered(
            seen(Product.objects.all(), key=self.key), asked,
            source_id="source_id", external_id="external_id", category="category",
        )  # fmt: skip
        return Response(page(rows, filters=asked, shape=ProductSerializer))

    @operation(
        "create_product", "Create or update a product", scope="orders:write", tag="Products",
        says="201 for a new one; 200 where the source already has the number, which then says what is sent.",
        takes=ProductInSerializer, gives=ProductSerializer, statuses=(200, 201), sent=EXAMPLE_IN,
        given=EXAMPLE,
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        said = self.said(ProductInSerializer)
        now = clock.now()
        source = source_to_write(said.pop("source_id", None), key=self.key, now=now)
        counts = bring_in(source=source, now=now, products=[said])["products"]
        product = written(Product, source, said["external_id"])
        return answer(ProductSerializer, product, status=201 if counts.inserted else 200)

    @operation(
        "get_product", "Read a product", scope="orders:read", tag="Products",
        gives=ProductSerializer, given=EXAMPLE, errors=(404,),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        return answer(ProductSerializer, one(seen(Product.objects.all(), key=self.key), number))
