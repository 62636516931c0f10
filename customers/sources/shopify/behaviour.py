"""Carts and checkouts: what somebody was about to buy."""

from __future__ import annotations

from collections.abc import Iterator

from customers.enums import EventKind
from customers.intake.translation import Person, Row
from customers.sources.segment.fields import Fields, ident, text
from customers.sources.shopify import people
from customers.sources.shopify.values import number_of, shop_currency, shop_money
from customers.sources.webhooks import Webhook, objects, quantity


def checkout(webhook: Webhook) -> Iterator[Row] | None:
    """
    One event a checkout, once it is known whose it is; None before.

    It carries the cart's token, which ties what was put into the cart before to the person.
    """
    said = webhook.body
    token = ident(said.get("token")) or number_of(said.get("id"))
    person = people.buyer(said)
    if person is None or not token:
        return None
    return _checkout(webhook, person=person, token=token)


def _checkout(webhook: Webhook, *, person: Person, token: str) -> Iterator[Row]:
    said = webhook.body
    at = webhook.time(said.get("created_at"), said.get("updated_at")) or webhook.received
    yield from people.told_by_an_order(webhook, person=person, placed_at=at)
    lines = objects(said.get("line_items"))[:50]
    yield webhook.event(
        EventKind.CHECKOUT,
        name="Checkout Started",
        person=Person(user_id=person.user_id, email=person.email, anonymous_id=_cart(said)),
        external_id=f"checkout:{token}",
        happened_at=at,
        properties={
            "checkout_id": token,
            "total": text(shop_money(said, "total_price"), limit=50),
            "currency": shop_currency(said, "total_price"),
            "product_ids": [
                found for line in lines if (found := number_of(line.get("product_id")))
            ],
        },
    )


def cart(webhook: Webhook) -> Iterator[Row] | None:
    """
    A product put into a cart, once a cart. A cart names nobody but itself, so it is a visitor's.

    None for an empty one, or one whose lines name no product: Shopify tells of every page that looks at a cart.
    """
    token = _cart({"cart_token": webhook.body.get("token") or webhook.body.get("id")})
    lines = [
        line
        for line in objects(webhook.body.get("line_items"))
        if number_of(line.get("product_id"))
    ]
    if not token or not lines:
        return None
    return _put_in(webhook, Person(anonymous_id=token), lines)


def _put_in(webhook: Webhook, person: Person, lines: list[Fields]) -> Iterator[Row]:
    at = webhook.time(webhook.body.get("updated_at")) or webhook.received
    for line in lines[:100]:
        product_id = number_of(line.get("product_id"))
        yield webhook.event(
            EventKind.CART,
            name="Product Added",
            person=person,
            external_id=f"{person.anonymous_id}:{product_id}",
            happened_at=at,
            properties={
                "product_id": product_id,
                "name": text(line.get("title"), limit=200),
                "quantity": quantity(line.get("quantity")),
                "price": text(shop_money(line, "price"), limit=50),
            },
        )


def _cart(said: Fields) -> str:
    token = ident(said.get("cart_token")).partition("?")[0]
    return f"cart:{token}"[:200] if token else ""
