"""Orders with their lines, products and refunds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from customers.enums import OrderStatus
from customers.intake.translation import Row
from customers.sources.amounts import AmountError, number
from customers.sources.segment.fields import Fields, Refused, fields, ident, text
from customers.sources.webhooks import (
    Webhook,
    cents,
    channel_of,
    currency_of,
    objects,
    quantity,
    required_id,
)
from customers.sources.woocommerce import people
from customers.sources.woocommerce.values import gmt, meta, shop_id


_STATES = {
    "processing": OrderStatus.PLACED,
    "completed": OrderStatus.PLACED,
    "refunded": OrderStatus.PLACED,  # a sale of which nothing is left: its refunds say so
    "cancelled": OrderStatus.CANCELLED,
    "trash": OrderStatus.CANCELLED,
}
_DRAFTS = frozenset({"checkout-draft", "auto-draft", "draft"})
_ATTRIBUTION = "_wc_order_attribution_utm_"


def order(webhook: Webhook) -> Iterator[Row] | None:
    """Every message tells the whole order, with all its refunds. None for one that nobody has placed yet."""
    if text(webhook.body.get("status"), limit=30) in _DRAFTS:
        return None
    return _order(webhook)


def _order(webhook: Webhook) -> Iterator[Row]:
    said = webhook.body
    order_id = required_id(shop_id(said.get("id")))
    currency = currency_of(said.get("currency"), webhook.settings)
    total = cents(said.get("total"), currency=currency)
    if total is None:
        raise Refused("missing_amount")
    placed_at = gmt(said, "date_created")
    changed_at = webhook.time(said.get("date_modified_gmt")) or webhook.received
    person = people.buyer(said)
    if person is not None:
        yield from people.told_by_an_order(webhook, person=person, placed_at=placed_at)
    yield webhook.row(
        "orders",
        {
            "external_id": order_id,
            "placed_at": placed_at,
            "changed_at": changed_at,
            "status": str(_status(said)),
            "currency": currency,
            "total_cents": total,
            "discount_cents": _discount(said, currency=currency),
            "channel": channel_of(
                meta(said, f"{_ATTRIBUTION}source"), meta(said, f"{_ATTRIBUTION}medium")
            )
            or channel_of(said.get("created_via")),
        },
        person=person,
    )
    yield from _lines(webhook, order_id=order_id, currency=currency)
    yield from _refunds(webhook, order_id=order_id, currency=currency, at=changed_at)


def _status(said: Fields) -> OrderStatus:
    """A shop's own status (`shipped`) is a sale once it is paid. A failed payment may be tried again."""
    status = text(said.get("status"), limit=30).lower().removeprefix("wc-")
    if status in _STATES:
        return _STATES[status]
    is_paid = bool(said.get("date_paid_gmt") or said.get("date_paid"))
    return OrderStatus.PLACED if is_paid and status != "failed" else OrderStatus.PENDING


def _discount(said: Fields, *, currency: str) -> int | None:
    found = cents(said.get("discount_total"), currency=currency)
    if found is None:
        return None
    return found + (cents(said.get("discount_tax"), currency=currency) or 0)


def _lines(webhook: Webhook, *, order_id: str, currency: str) -> Iterator[Row]:
    """
    Lines at the price before discounts and without tax, as WooCommerce keeps them.

    A line whose product was deleted gets one of its own, which is none of the catalogue.
    """
    for place, line in enumerate(objects(webhook.body.get("line_items")), start=1):
        product_id = ident(shop_id(line.get("product_id")))
        name = text(line.get("parent_name") or line.get("name"), limit=500)
        described: dict[str, Any] = {"external_id": product_id, "name": name or None}
        if product_id:
            described["image_url"] = text(fields(line.get("image")).get("src"), limit=2000) or None
        else:
            product_id = f"custom:{text(line.get('sku'), limit=100) or name[:150] or 'item'}"
            described |= {"external_id": product_id, "is_product": False}
        yield webhook.row("products", described)
        count = quantity(line.get("quantity"))
        yield webhook.row(
            "order_lines",
            {
                "order_external_id": order_id,
                "line_number": place,
                "product_external_id": product_id,
                "quantity": count,
                "unit_price_cents": _price(line, count=count, currency=currency),
            },
        )


def _price(line: Fields, *, count: int, currency: str) -> int | None:
    """`price` is after discounts and has all its digits; `subtotal` is the line's before them."""
    try:
        subtotal = number(line.get("subtotal"))
    except AmountError:
        raise Refused("bad_price") from None
    if subtotal is None or count < 1:
        return cents(line.get("price"), currency=currency)
    return cents(subtotal / Decimal(count), currency=currency)


def _refunds(webhook: Webhook, *, order_id: str, currency: str, at: int) -> Iterator[Row]:
    """
    Refunds are told without a date: that of the order's change by which we hear of them stands.

    An order whose status was set to refunded by hand may list none: then all of it was paid back.
    """
    said = webhook.body
    found = objects(said.get("refunds"))
    for refund in found:
        amount = cents(refund.get("total"), currency=currency)
        yield webhook.row(
            "refunds",
            {
                "external_id": required_id(shop_id(refund.get("id"))),
                "order_external_id": order_id,
                "refunded_at": at,
                "amount_cents": None if amount is None else abs(amount),
                "reason": text(refund.get("reason"), limit=200),
            },
        )
    if not found and text(said.get("status"), limit=30) == "refunded":
        values = {
            "external_id": f"{order_id}:rest",
            "order_external_id": order_id,
            "refunded_at": at,
        }
        yield webhook.row("refunds", values)


def deleted(webhook: Webhook) -> Iterator[Row]:
    """Put into the bin or removed; only its number is told. It is no sale any more."""
    values = {
        "external_id": required_id(shop_id(webhook.body.get("id"))),
        "status": str(OrderStatus.CANCELLED),
        "changed_at": webhook.received,
    }
    yield webhook.row("orders", values)
