"""Products and their reviews."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from customers.intake.translation import Person, Row
from customers.sources.amounts import AmountError, whole
from customers.sources.segment.calls import address
from customers.sources.segment.fields import Fields, Refused, ident, text
from customers.sources.webhooks import (
    UNCOUNTED,
    Webhook,
    cents,
    currency_of,
    first_time,
    objects,
    pieces,
    required_id,
)
from customers.sources.woocommerce.values import shop_id


_UNPUBLISHED = frozenset({"hold", "spam", "trash", "unapproved"})
_TAG = re.compile(r"<[/!a-zA-Z][^<>]{0,1000}>")
_BREAK = re.compile(r"<(?:/p|br)\b[^<>]{0,100}>", re.IGNORECASE)


def product(webhook: Webhook) -> Iterator[Row] | None:
    """None for a variation: orders name the product that it is one of."""
    return None if shop_id(webhook.body.get("parent_id")) else _product(webhook)


def _product(webhook: Webhook) -> Iterator[Row]:
    said = webhook.body
    images = (text(one.get("src"), limit=2000) for one in objects(said.get("images")))
    yield webhook.row(
        "products",
        {
            "external_id": required_id(shop_id(said.get("id"))),
            "name": unescape(text(said.get("name"), limit=500)) or None,
            "category": _first(said, "categories"),
            "price_cents": cents(said.get("price"), currency=currency_of(None, webhook.settings)),
            "brand": _first(said, "brands"),
            "url": text(said.get("permalink"), limit=2000) or None,
            "image_url": next(filter(None, images), None),
            "stock": _stock(said),
        },
    )


def _stock(said: Fields) -> int | None:
    """UNCOUNTED where it is sold whatever is left; None where nothing is told."""
    status = text(said.get("stock_status"), limit=30)
    if status == "outofstock":
        return 0
    if status == "onbackorder" or said.get("backorders_allowed") is True:
        return UNCOUNTED
    if said.get("manage_stock") is True:
        return pieces(said.get("stock_quantity"))
    return UNCOUNTED if status == "instock" else None


def _first(said: Fields, name: str) -> str | None:
    named = (text(one.get("name"), limit=200) for one in objects(said.get(name)))
    return next((unescape(found) for found in named if found), None)


def review(webhook: Webhook) -> Iterator[Row] | None:
    """
    A published review. None for one that waits to be looked at, or was thrown away.

    Whose it is follows from the address that the reviewer gave, as in the shop itself.
    """
    if text(webhook.body.get("status"), limit=30) in _UNPUBLISHED:
        return None
    return _review(webhook)


def _review(webhook: Webhook) -> Iterator[Row]:
    said = webhook.body
    product_id = ident(shop_id(said.get("product_id")))
    if product_id:
        name = text(said.get("product_name"), limit=500)
        yield webhook.row("products", {"external_id": product_id, "name": unescape(name) or None})
    email = address(said.get("reviewer_email"))
    yield webhook.row(
        "reviews",
        {
            "external_id": required_id(shop_id(said.get("id"))),
            "product_external_id": product_id,
            "written_at": first_time(said.get("date_created_gmt")),
            "rating": _rating(said),
            "title": "",
            "text": plain(said.get("review")),
            "language": text(webhook.settings.get("language"), limit=20),
        },
        person=Person(email=email) if email else None,
    )


def _rating(said: Fields) -> int | None:
    """0 is a review without stars. Raises Refused."""
    try:
        return whole(shop_id(said.get("rating")))
    except AmountError:
        raise Refused("bad_rating") from None


def plain(html: object) -> str:
    """The text of the few tags that a review may hold; not for showing as HTML."""
    if not isinstance(html, str):
        return ""
    return unescape(_TAG.sub("", _BREAK.sub("\n", html))).strip()
