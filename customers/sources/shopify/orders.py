"""Orders with their lines and products, and what was paid back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from customers.enums import EventKind, OrderStatus
from customers.intake.translation import Person, Row
from customers.sources.segment.fields import Fields, Refused, fields, text
from customers.sources.shopify import consents, people
from customers.sources.shopify.values import Exchange, header, number_of, shop_currency, shop_money
from customers.sources.webhooks import (
    Webhook,
    cents,
    channel_of,
    channel_of_url,
    currency_of,
    first_time,
    objects,
    quantity,
    required_id,
)


# An authorised payment is not yet taken; a partly paid order is a sale that is still owed.
_STATES = {
    "pending": OrderStatus.PENDING,
    "authorized": OrderStatus.PENDING,
    "unpaid": OrderStatus.PENDING,
    "expired": OrderStatus.PENDING,
    "paid": OrderStatus.PLACED,
    "partially_paid": OrderStatus.PLACED,
    "partially_refunded": OrderStatus.PLACED,
    "refunded": OrderStatus.PLACED,  # a sale of which nothing is left: its refunds say so
    "voided": OrderStatus.CANCELLED,
}


def order(webhook: Webhook) -> Iterator[Row] | None:
    """
    All topics of orders tell the whole order; `updated_at` says which is the last word.

    Only `orders/edited` tells no more than that something was edited; `orders/updated` follows it.
    """
    if "order_edit" in webhook.body:
        return None
    return _order(webhook)


def _order(webhook: Webhook) -> Iterator[Row]:
    said = webhook.body
    values = _values(said, webhook)
    order_id, placed_at = values["external_id"], values["placed_at"]
    person = people.buyer(said)
    if person is not None:
        yield from people.told_by_an_order(webhook, person=person, placed_at=placed_at)
    yield webhook.row("orders", values, person=person)
    yield from _lines(webhook, order_id=order_id, currency=values["currency"])
    if values["status"] != OrderStatus.TEST:
        for told in objects(said.get("refunds")):
            yield from _refund(webhook, told, order_id=order_id, exchange=Exchange(said))
        if person is not None:
            yield from _checkout_box(webhook, person=person, order_id=order_id, at=placed_at)


def notification(webhook: Webhook) -> Iterator[Row]:
    """The order that the button "Send test notification" makes up, without its buyer and products."""
    yield webhook.row("orders", {**_values(webhook.body, webhook), "status": str(OrderStatus.TEST)})


def _values(said: Fields, webhook: Webhook) -> dict[str, Any]:
    currency = currency_of(shop_currency(said, "total_price"), webhook.settings)
    total = cents(shop_money(said, "total_price"), currency=currency)
    if total is None:
        raise Refused("missing_amount")
    return {
        "external_id": required_id(number_of(said.get("id"))),
        "placed_at": first_time(said.get("processed_at"), said.get("created_at")),
        "changed_at": webhook.time(said.get("updated_at")) or webhook.received,
        "status": str(_status(said, total=total)),
        "currency": currency,
        "total_cents": total,
        "discount_cents": cents(shop_money(said, "total_discounts"), currency=currency),
        "channel": channel_of_url(said.get("landing_site")) or channel_of(said.get("source_name")),
    }


def _status(said: Fields, *, total: int) -> OrderStatus:
    if said.get("test") is True:
        return OrderStatus.TEST
    if said.get("cancelled_at"):
        return OrderStatus.CANCELLED
    told = text(said.get("financial_status"), limit=30).lower()
    if not told:  # nothing to pay, or nobody has tried to yet
        return OrderStatus.PENDING if total else OrderStatus.PLACED
    return _STATES.get(told, OrderStatus.PENDING)


def _lines(webhook: Webhook, *, order_id: str, currency: str) -> Iterator[Row]:
    """
    Lines at the price before discounts, as the order's discount is told beside its total.

    A line without a product (a custom item, a tip, a product that was deleted) gets one of its own,
    which is none of the catalogue.
    """
    for place, line in enumerate(objects(webhook.body.get("line_items")), start=1):
        product_id = number_of(line.get("product_id"))
        name = text(line.get("title") or line.get("name"), limit=500)
        described: dict[str, Any] = {"external_id": product_id, "name": name or None}
        if product_id:
            described["brand"] = text(line.get("vendor"), limit=200) or None
        else:
            product_id = f"custom:{text(line.get('sku'), limit=100) or name[:150] or 'item'}"
            described |= {"external_id": product_id, "is_product": False}
        yield webhook.row("products", described)
        yield webhook.row(
            "order_lines",
            {
                "order_external_id": order_id,
                "line_number": place,
                "product_external_id": product_id,
                "quantity": quantity(line.get("quantity")),
                "unit_price_cents": cents(shop_money(line, "price"), currency=currency),
            },
        )


def _checkout_box(
    webhook: Webhook, *, person: Person, order_id: str, at: int | None
) -> Iterator[Row]:
    """
    `buyer_accepts_marketing` is the box at that order's checkout: a claim, and never a grant.

    A shop may tick it beforehand, and with double opt-in it is only the first half. What the person
    really agreed to is what the customer's consent says. An empty box withdraws nothing.
    """
    if webhook.body.get("buyer_accepts_marketing") is True and at is not None:
        at = min(at, webhook.received)
        yield webhook.consent(
            EventKind.CONSENT_CLAIMED, person=person, external_id=f"consent:order:{order_id}",
            happened_at=at, method=consents.METHOD, form="checkout", order=order_id,
        )  # fmt: skip


def deleted(webhook: Webhook) -> Iterator[Row]:
    """Only its number is told. What was deleted is no sale; a shop can delete only what nobody paid."""
    at = webhook.time(header(webhook.headers, "triggered-at")) or webhook.received
    values = {
        "external_id": required_id(number_of(webhook.body.get("id"))),
        "status": str(OrderStatus.CANCELLED),
        "changed_at": at,
    }
    yield webhook.row("orders", values)


# ---------------------------------------------------------------- refunds
def refund(webhook: Webhook) -> Iterator[Row] | None:
    """`refunds/create`; None for a refund that gave no money back (goods were only put back in stock)."""
    said = webhook.body
    order_id = required_id(number_of(said.get("order_id")))
    found = list(_refund(webhook, said, order_id=order_id, exchange=Exchange(said)))
    return iter(found) if found else None


def _refund(webhook: Webhook, said: Fields, *, order_id: str, exchange: Exchange) -> Iterator[Row]:
    """What was paid back is in the transactions; the lines only say for what."""
    refund_id = required_id(number_of(said.get("id")))
    amount = 0
    for transaction in objects(said.get("transactions")):
        if (
            transaction.get("kind") == "refund"
            and transaction.get("status") == "success"
            and transaction.get("test") is not True
        ):
            amount += _paid_back(transaction, exchange)
    if amount:
        yield webhook.row(
            "refunds",
            {
                "external_id": refund_id,
                "order_external_id": order_id,
                "refunded_at": first_time(said.get("processed_at"), said.get("created_at")),
                "amount_cents": amount,
                "reason": text(said.get("note"), limit=200),
            },
        )


def _paid_back(transaction: Fields, exchange: Exchange) -> int:
    money = fields(fields(transaction.get("amount_set")).get("shop_money"))
    if money.get("amount") is not None:
        amount, currency = money["amount"], text(money.get("currency_code"), limit=10).upper()
        found = cents(amount, currency=currency)
    else:
        currency = text(transaction.get("currency"), limit=10).upper()
        found = exchange.into_shop_money(transaction.get("amount"), currency=currency)
    if found is None:
        raise Refused("missing_amount")
    return found
