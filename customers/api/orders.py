"""Orders with their lines, and refunds. Money is whole minor units (cents) of the order's currency."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet, Sum, prefetch_related_objects
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from customers.api.visible import filtered, one, seen, source_to_write, written
from customers.api.writing import bring_in, epoch
from customers.enums import OrderStatus
from customers.models import Order, OrderLine, Refund
from customers.quality import MAX_QUANTITY
from gateway.errors import invalid
from gateway.fields import Cents, Moment, Number, StrictSerializer, Text
from gateway.models import ApiKey
from gateway.paging import PageFilters, page
from gateway.schema import operation
from gateway.views import Endpoint, answer


class OrderLineSerializer(serializers.Serializer[Any]):
    line_number = serializers.IntegerField()
    product_id = serializers.IntegerField()
    product = serializers.CharField(source="product.external_id")
    quantity = serializers.IntegerField()
    unit_price_cents = serializers.IntegerField()
    cost_cents = serializers.IntegerField(allow_null=True)


class OrderSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    source_id = serializers.IntegerField()
    external_id = serializers.CharField()
    customer_id = serializers.IntegerField(allow_null=True, help_text="Null for a guest.")
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    placed_at = serializers.DateTimeField()
    arrived_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField(allow_null=True)
    currency = serializers.CharField()
    total_cents = serializers.IntegerField(help_text="After discount, before refunds.")
    discount_cents = serializers.IntegerField()
    channel = serializers.CharField()
    lines = OrderLineSerializer(many=True)


class OrderLineInSerializer(StrictSerializer):
    product = Text(max_length=200, help_text="The shop's number of the product.")
    quantity = Number(min_value=0, max_value=MAX_QUANTITY)
    unit_price_cents = Cents()
    cost_cents = Cents(required=False)


class OrderInSerializer(StrictSerializer):
    source_id = Number(min_value=1, required=False, help_text="Default: the key's own source.")
    external_id = Text(max_length=200, help_text="The shop's number of the order.")
    customer = Text(
        max_length=200,
        required=False,
        help_text="The shop's number of the customer; none: a guest.",
    )
    status = serializers.ChoiceField(choices=OrderStatus.choices, default=OrderStatus.PLACED)
    placed_at = Moment()
    changed_at = Moment(
        required=False,
        help_text="When this became true; an older word changes nothing. Default: now.",
    )
    currency = Text(max_length=3, min_length=3, help_text="A code of ISO 4217.")
    total_cents = Cents(help_text="Tax and shipping included, after discount, before refunds.")
    discount_cents = Cents(default=0)
    channel = Text(max_length=50, required=False)
    lines = serializers.ListField(child=OrderLineInSerializer(), required=False, max_length=500)


class OrderFilters(PageFilters):
    source_id = Number(min_value=1, required=False)
    external_id = Text(max_length=200, required=False)
    customer_id = Number(min_value=1, required=False)
    status = serializers.ChoiceField(choices=OrderStatus.choices, required=False)
    placed_from = Moment(required=False)
    placed_before = Moment(required=False)


class RefundSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    source_id = serializers.IntegerField()
    external_id = serializers.CharField()
    order_id = serializers.IntegerField(allow_null=True)
    customer_id = serializers.IntegerField(allow_null=True)
    refunded_at = serializers.DateTimeField()
    amount_cents = serializers.IntegerField()
    reason = serializers.CharField()


class RefundInSerializer(StrictSerializer):
    external_id = Text(max_length=200, help_text="The shop's number of the refund.")
    refunded_at = Moment()
    amount_cents = Cents(
        help_text="In the order's currency; all refunds of it not above its total."
    )
    reason = Text(max_length=200, required=False)


ORDER_IN = {
    "external_id": "o-2001", "customer": "c-1001", "placed_at": "2026-06-01T12:00:00Z",
    "currency": "EUR", "total_cents": 1980,
    "lines": [{"product": "tea-1", "quantity": 2, "unit_price_cents": 990}],
}  # fmt: skip
ORDER = {
    "id": 41, "source_id": 3, "external_id": "o-2001", "customer_id": 17, "status": "PLACED",
    "placed_at": "2026-06-01T12:00:00Z", "arrived_at": "2026-06-01T12:00:01Z",
    "changed_at": "2026-06-01T12:00:01Z", "currency": "EUR", "total_cents": 1980,
    "discount_cents": 0, "channel": "",
    "lines": [{"line_number": 1, "product_id": 5, "product": "tea-1", "quantity": 2,
               "unit_price_cents": 990, "cost_cents": None}],
}  # fmt: skip
REFUND_IN = {"external_id": "r-1", "refunded_at": "2026-06-03T09:00:00Z", "amount_cents": 990}
REFUND = {
    "id": 9, "source_id": 3, "external_id": "r-1", "order_id": 41, "customer_id": 17,
    "refunded_at": "2026-06-03T09:00:00Z", "amount_cents": 990, "reason": "",
}  # fmt: skip


_LINES = Prefetch("lines", OrderLine.objects.select_related("product").order_by("line_number"))


def _orders(key: ApiKey) -> QuerySet[Order]:
    return seen(Order.objects.prefetch_related(_LINES), key=key)


class OrderEndpoint(Endpoint):
    @operation(
        "list_orders", "List orders", scope="orders:read", tag="Orders",
        filters=OrderFilters, gives=OrderSerializer, of_pages=True, given=ORDER,
    )  # fmt: skip
    def listed(self, request: Request) -> Response:
        asked = self.query(OrderFilters)
        rows = filtered(
            _orders(self.key), asked, source_id="source_id", external_id="external_id",
            customer_id="customer_id", status="status", placed_from="placed_at__gte",
            placed_before="placed_at__lt",
        )  # fmt: skip
        return Response(page(rows, filters=asked, shape=OrderSerializer))

    @operation(
        "create_order", "Create or update an order", scope="orders:write", tag="Orders",
        says="201 for a new one; 200 where the source already has the number, whose order then says what "
        "is sent. A cancelled order stays cancelled. Customer and products must be known already.",
        takes=OrderInSerializer, gives=OrderSerializer, statuses=(200, 201), sent=ORDER_IN, given=ORDER,
    )  # fmt: skip
    def made(self, request: Request) -> Response:
        said = self.said(OrderInSerializer)
        now = clock.now()
        source = source_to_write(said.pop("source_id", None), key=self.key, now=now)
        lines = [
            {
                **line,
                "order_external_id": said["external_id"],
                "line_number": number,
                "product_external_id": line["product"],
            }
            for number, line in enumerate(said.pop("lines", ()), start=1)
        ]
        row = {
            **said,
            "customer_external_id": said.get("customer", ""),
            "placed_at": epoch(said["placed_at"]),
            "changed_at": epoch(said.get("changed_at", now)),
        }
        counts = bring_in(source=source, now=now, orders=[row], order_lines=lines)["orders"]
        order = written(Order, source, said["external_id"])
        prefetch_related_objects([order], _LINES)
        return answer(OrderSerializer, order, status=201 if counts.inserted else 200)

    @operation(
        "get_order", "Read an order", scope="orders:read", tag="Orders",
        gives=OrderSerializer, given=ORDER, errors=(404,),
    )  # fmt: skip
    def shown(self, request: Request, number: int) -> Response:
        return answer(OrderSerializer, one(_orders(self.key), number))


class RefundEndpoint(Endpoint):
    @operation(
        "list_refunds", "List the refunds of an order", scope="orders:read", tag="Orders",
        filters=PageFilters, gives=RefundSerializer, of_pages=True, given=REFUND, errors=(404,),
    )  # fmt: skip
    def listed(self, request: Request, number: int) -> Response:
        order = one(seen(Order.objects.all(), key=self.key), number)
        asked = self.query(PageFilters)
        rows = seen(Refund.objects.filter(order=order), key=self.key)
        return Response(page(rows, filters=asked, shape=RefundSerializer))

    @operation(
        "create_refund", "Refund an order, in part or whole", scope="orders:write", tag="Orders",
        takes=RefundInSerializer, gives=RefundSerializer, statuses=(200, 201), sent=REFUND_IN,
        given=REFUND, errors=(404,),
    )  # fmt: skip
    def made(self, request: Request, number: int) -> Response:
        order = one(seen(Order.objects.select_related("source"), key=self.key), number)
        said = self.said(RefundInSerializer)
        row = {
            **said,
            "order_external_id": order.external_id,
            "refunded_at": epoch(said["refunded_at"]),
        }
        counts = bring_in(source=order.source, now=clock.now(), refunds=[row])["refunds"]
        # writers of one source take turns until they commit: no other refund comes in between
        refunded = Refund.objects.filter(order=order).aggregate(s=Sum("amount_cents"))["s"] or 0
        if refunded > order.total_cents:
            raise invalid(
                "amount_cents", "more_than_the_order",
                f"The refunds of this order would come to {refunded} of {order.total_cents} cents.",
            )  # fmt: skip
        refund = written(Refund, order.source, said["external_id"])
        return answer(RefundSerializer, refund, status=201 if counts.inserted else 200)
