"""
Article 20: what a person gave us and what we saw of them, to be taken along to somebody else.

The shape is that of the public API's requests, so that another installation takes each entry as it stands;
docs/reference/portable-copy.md describes it, its JSON Schema is beside that page. What we concluded about a
person, and their consents to us, are in the copy but not in this part: they are not the person's to carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Model

from consent.desk.personal_data import Person
from customers.api.events import BEHAVIOUR
from customers.models import Customer, Event, Order, Product, Refund, Review


FORMAT = "coterie-portable/1"
"""Raised with every change after which an old reader would read it wrong."""
_OURS = {"campaign_id", "delivery_id"}


def portable(person: Person) -> dict[str, Any]:
    """The part of a copy that can be brought in elsewhere; lists are in the order in which to bring them in."""
    mine = {"customer__in": person.customer_ids}
    orders = Order.objects.filter(**mine).select_related("customer").order_by("placed_at", "pk")
    reviews = Review.objects.filter(**mine).select_related("customer", "product")
    products = Product.objects.filter(order_lines__order__in=orders) | Product.objects.filter(
        reviews__in=reviews
    )
    refunds = Refund.objects.filter(order__in=orders).select_related("order")
    events = Event.objects.filter(**mine, kind__in=[code for code, _ in BEHAVIOUR])
    living = Customer.objects.filter(pk__in=person.customer_ids, merged_into=None)
    return {
        "format": FORMAT,
        "customers": [_customer(one) for one in living.order_by("pk")],
        "products": [_product(one) for one in products.distinct().order_by("pk")],
        "orders": [_order(one) for one in orders.prefetch_related("lines__product")],
        "refunds": [
            {"order": one.order.external_id, "refund": _refund(one)}
            for one in refunds.order_by("refunded_at", "pk")
            if one.order is not None
        ],
        "reviews": [_review(one) for one in reviews.order_by("written_at", "pk")],
        "events": [
            {"customer": one.customer.external_id, "event": _event(one)}
            for one in events.select_related("customer").order_by("happened_at", "pk")
        ],
    }


def _said(row: Model, *names: str, **more: Any) -> dict[str, Any]:
    """The named fields that say something."""
    return _full({name: getattr(row, name) for name in names} | more)


def _full(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", None, {})}


def _customer(row: Customer) -> dict[str, Any]:
    return _said(
        row, "external_id", "email", "first_name", "last_name", "phone", "country", "language",
        "traits", "joined_at",
    )  # fmt: skip


def _product(row: Product) -> dict[str, Any]:
    return _said(row, "external_id", "name", "category", "brand", "url")


def _order(row: Order) -> dict[str, Any]:
    lines: Iterable[Any] = sorted(row.lines.all(), key=lambda one: one.line_number)
    return _said(
        row, "external_id", "status", "placed_at", "currency", "total_cents", "discount_cents",
        "channel",
        customer=row.customer.external_id if row.customer else None,
        lines=[
            {
                "product": line.product.external_id,
                "quantity": line.quantity,
                "unit_price_cents": line.unit_price_cents,
            }
            for line in lines
        ],
    )  # fmt: skip


def _refund(row: Refund) -> dict[str, Any]:
    return _said(row, "external_id", "refunded_at", "amount_cents", "reason")


def _review(row: Review) -> dict[str, Any]:
    return _said(
        row, "external_id", "kind", "written_at", "rating", "title", "text", "language", "origin",
        "url",
        customer=row.customer.external_id if row.customer else None,
        product=row.product.external_id if row.product else None,
    )  # fmt: skip


def _event(row: Event) -> dict[str, Any]:
    properties = {key: value for key, value in row.properties.items() if key not in _OURS}
    said = _said(row, "external_id", "kind", "name", "happened_at", properties=properties)
    if row.kind == "OTHER" and not row.name:
        said["name"] = "other"
    return said if row.may_profile else {**said, "may_profile": False}
