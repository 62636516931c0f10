"""A CreateAPIView with a ModelSerializer for each row that the product's API writes, into the same tables."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from django.urls import path
from rest_framework import generics, serializers
from rest_framework.exceptions import APIException
from rest_framework.parsers import JSONParser
from rest_framework.response import Response

from config.urls import urlpatterns as of_the_product
from consent.models import ConsentEvent
from customers.models import Customer, Order, OrderLine, Review


class OrderLineSerializer(serializers.ModelSerializer[OrderLine]):
    class Meta:
        model = OrderLine
        fields = ["line_number", "product", "quantity", "unit_price_cents"]


class OrderSerializer(serializers.ModelSerializer[Order]):
    """Nested lines as DRF's documentation writes them: the parent, then the children, in a transaction."""

    lines = OrderLineSerializer(many=True)

    class Meta:
        model = Order
        fields = [
            "id", "source", "external_id", "customer", "status", "placed_at", "arrived_at",
            "currency", "total_cents", "discount_cents", "margin_cents", "channel", "lines",
        ]  # fmt: skip
        # in favour of the reference: without it DRF asks the database whether the number is taken
        validators: ClassVar = []

    def create(self, validated_data: Any) -> Order:
        lines = validated_data.pop("lines")
        with transaction.atomic():
            order = Order.objects.create(**validated_data)
            OrderLine.objects.bulk_create([OrderLine(order=order, **line) for line in lines])
        return order


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = [
            "id", "source", "external_id", "email", "email_hmac", "first_name", "last_name",
            "country", "language", "traits", "joined_at", "arrived_at",
        ]  # fmt: skip
        validators: ClassVar = []


class ReviewSerializer(serializers.ModelSerializer[Review]):
    class Meta:
        model = Review
        fields = [
            "id", "source", "external_id", "customer", "product", "written_at", "arrived_at",
            "rating", "title", "text", "language", "kind",
        ]  # fmt: skip
        validators: ClassVar = []


class ConsentSerializer(serializers.ModelSerializer[ConsentEvent]):
    class Meta:
        model = ConsentEvent
        fields = [
            "id", "customer", "purpose", "channel", "act", "basis", "wording", "method",
            "evidence", "happened_at", "recorded_at",
        ]  # fmt: skip


def _told(error: Exception, context: Any) -> Response:
    if isinstance(error, APIException):
        return Response(error.detail, status=error.status_code)
    raise error


class Plain(generics.CreateAPIView[Any]):
    """No key, no throttle, no permission: all in favour of the reference."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = (JSONParser,)

    def get_exception_handler(self) -> Any:
        return _told


def _create(serializer: type[serializers.ModelSerializer[Any]]) -> Any:
    return Plain.as_view(
        queryset=serializer.Meta.model._default_manager.all(),  # type: ignore[attr-defined] # DRF's own
        serializer_class=serializer,
    )


urlpatterns = [
    path("drf/orders", _create(OrderSerializer)),
    path("drf/customers", _create(CustomerSerializer)),
    path("drf/reviews", _create(ReviewSerializer)),
    path("drf/consents", _create(ConsentSerializer)),
    *of_the_product,
]
