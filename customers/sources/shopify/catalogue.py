"""Products. One product of ours is one of Shopify's, with all its variants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from customers.intake.translation import Row
from customers.sources.segment.fields import Fields, fields, text
from customers.sources.shopify.values import header, number_of
from customers.sources.webhooks import (
    UNCOUNTED,
    Webhook,
    cents,
    currency_of,
    objects,
    pieces,
    required_id,
)


_DOMAIN = re.compile(r"[a-z0-9.-]{1,200}")
_HANDLE = re.compile(r"[\w-]{1,500}")


def product(webhook: Webhook) -> Iterator[Row]:
    """The price is the lowest of its variants'. What a product costs the shop is not told."""
    said = webhook.body
    images = [fields(said.get("image")), *objects(said.get("images"))]
    yield webhook.row(
        "products",
        {
            "external_id": required_id(number_of(said.get("id"))),
            "name": text(said.get("title"), limit=500) or None,
            "category": _category(said),
            "price_cents": _price(said, currency=currency_of(None, webhook.settings)),
            "brand": text(said.get("vendor"), limit=200) or None,
            "url": _url(webhook),
            "image_url": next(
                filter(None, (text(one.get("src"), limit=2000) for one in images)), None
            ),
            "stock": _stock(said),
        },
    )


def _stock(said: Fields) -> int | None:
    """Of all variants together; UNCOUNTED where one is sold whatever is left, None where none is told."""
    variants = objects(said.get("variants"))
    if any(
        one.get("inventory_policy") == "continue" or one.get("inventory_management", "") is None
        for one in variants
    ):
        return UNCOUNTED
    found = [pieces(one.get("inventory_quantity")) for one in variants]
    told = [max(left, 0) for left in found if left is not None]
    return sum(told) if told else None


def _category(said: Fields) -> str | None:
    own = text(said.get("product_type"), limit=200)
    return own or text(fields(said.get("category")).get("name"), limit=200) or None


def _price(said: Fields, *, currency: str) -> int | None:
    prices: list[Any] = [one.get("price") for one in objects(said.get("variants"))]
    found = [cents(price, currency=currency) for price in prices]
    return min((price for price in found if price is not None), default=None)


def _url(webhook: Webhook) -> str | None:
    domain = header(webhook.headers, "shop-domain").lower()
    handle = text(webhook.body.get("handle"), limit=500)
    if not _DOMAIN.fullmatch(domain) or not _HANDLE.fullmatch(handle):
        return None
    return f"https://{domain}/products/{handle}"
