"""What each event becomes. docs/reference/event-vocabulary.md is written from these tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from customers.enums import EventKind


class Meaning(StrEnum):
    """What an event is besides a line in the ledger."""

    BEHAVIOUR = "behaviour"
    MESSAGE = "message"
    ORDER_COMPLETED = "order completed"
    ORDER_UPDATED = "order updated"
    ORDER_CANCELLED = "order cancelled"
    ORDER_REFUNDED = "order refunded"
    REVIEW = "review"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    name: str
    """As Segment's Ecommerce specification (version 2) or e-mail specification spells it."""
    meaning: Meaning
    kind: EventKind = EventKind.OTHER
    also: tuple[str, ...] = ()
    """Other names: of version 1, and common spellings."""


def _behaviour(name: str, kind: EventKind, *also: str) -> Entry:
    return Entry(name=name, meaning=Meaning.BEHAVIOUR, kind=kind, also=also)


def _message(name: str, kind: EventKind, *also: str) -> Entry:
    return Entry(name=name, meaning=Meaning.MESSAGE, kind=kind, also=also)


ENTRIES = (
    _behaviour("Products Searched", EventKind.SEARCH, "Searched Products", "Product Searched"),
    _behaviour(
        "Product List Viewed", EventKind.SITE_VISIT, "Viewed Product List", "Viewed Product Category"
    ),
    _behaviour("Product List Filtered", EventKind.SITE_VISIT, "Filtered Product List"),
    _behaviour("Product Clicked", EventKind.PRODUCT_VIEW, "Clicked Product"),
    _behaviour("Product Viewed", EventKind.PRODUCT_VIEW, "Viewed Product"),
    _behaviour("Product Added", EventKind.CART, "Added Product"),
    _behaviour("Product Removed", EventKind.CART_REMOVED, "Removed Product"),
    _behaviour("Cart Viewed", EventKind.SITE_VISIT, "Viewed Cart"),
    _behaviour("Wishlist Product Added to Cart", EventKind.CART),
    _behaviour("Checkout Started", EventKind.CHECKOUT, "Started Checkout", "Started Order"),
    _behaviour("Checkout Step Viewed", EventKind.CHECKOUT, "Viewed Checkout Step"),
    _behaviour("Checkout Step Completed", EventKind.CHECKOUT, "Completed Checkout Step"),
    _behaviour("Payment Info Entered", EventKind.CHECKOUT, "Entered Payment Info"),
    _behaviour("Coupon Entered", EventKind.COUPON, "Entered Coupon"),
    _behaviour("Coupon Applied", EventKind.COUPON, "Applied Coupon"),
    _behaviour("Coupon Denied", EventKind.COUPON, "Denied Coupon"),
    _behaviour("Coupon Removed", EventKind.COUPON, "Removed Coupon"),
    _behaviour("Product Added to Wishlist", EventKind.WISHLIST, "Added Product to Wishlist"),
    Entry(name="Order Completed", meaning=Meaning.ORDER_COMPLETED, also=("Completed Order",)),
    Entry(name="Order Updated", meaning=Meaning.ORDER_UPDATED, also=("Updated Order",)),
    Entry(
        name="Order Cancelled", meaning=Meaning.ORDER_CANCELLED,
        also=("Cancelled Order", "Order Canceled", "Canceled Order"),
    ),
    Entry(name="Order Refunded", meaning=Meaning.ORDER_REFUNDED, also=("Refunded Order",)),
    Entry(name="Product Reviewed", meaning=Meaning.REVIEW, also=("Reviewed Product",)),
    _message("Email Delivered", EventKind.DELIVERED),
    _message("Email Opened", EventKind.OPENED),
    _message("Email Link Clicked", EventKind.CLICKED),
    _message("Email Bounced", EventKind.BOUNCED),
    _message("Email Marked as Spam", EventKind.COMPLAINED),
    _message("Unsubscribed", EventKind.UNSUBSCRIBED, "Email Unsubscribed"),
)  # fmt: skip

SAFE = (
    "product_id", "sku", "name", "category", "brand", "variant", "price", "quantity", "currency",
    "position", "query", "list_id", "cart_id", "checkout_id", "order_id", "step", "wishlist_id",
    "wishlist_name", "coupon", "coupon_id", "coupon_name", "discount", "reason", "value",
)  # fmt: skip
"""What is kept of the properties of behaviour; the rest of a known event may name persons."""

SAFE_OF_MESSAGE = ("email_id", "email_subject", "campaign_name", "link_id", "bounce_type", "reason")


@lru_cache(maxsize=10_000)
def find(name: str) -> Entry | None:
    """The entry of a name, whatever its case and whatever stands between its words; None: a custom event."""
    return _BY_KEY.get(_key(name)) if len(name) < 100 else None


def _key(name: str) -> str:
    return re.sub(r"[\s_\-:.]+", "", name).lower()


_BY_KEY = {_key(name): entry for entry in ENTRIES for name in (entry.name, *entry.also)}
