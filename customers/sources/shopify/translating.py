"""Which topic says what. Pure; whatever comes in, nothing is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from customers.intake.translation import Item, Translation
from customers.sources import webhooks
from customers.sources.shopify import behaviour, catalogue, consents, orders, people
from customers.sources.shopify.values import header
from customers.sources.webhooks import Said, Webhook


PRIVACY_TOPICS = frozenset({"customers/data_request", "customers/redact", "shop/redact"})
"""Not shop data: requests of people, which `consent` carries out."""

_READERS: dict[str, Callable[[Webhook], Iterable[Said] | None]] = {
    **dict.fromkeys(
        (
            "orders/create", "orders/updated", "orders/paid", "orders/cancelled",
            "orders/fulfilled", "orders/partially_fulfilled", "orders/edited",
        ),
        orders.order,
    ),
    "orders/delete": orders.deleted,
    "refunds/create": orders.refund,
    **dict.fromkeys(
        ("customers/create", "customers/update", "customers/enable", "customers/disable"),
        people.customer,
    ),
    "customers/delete": people.deleted,
    "customers/merge": people.merged,
    "customers/purchasing_summary": people.purchasing_summary,
    "customer.tags_added": people.tags_added,
    "customer.tags_removed": people.tags_removed,
    "customers_email_marketing_consent/update": consents.of_email,
    "customers_marketing_consent/update": consents.of_sms,
    **dict.fromkeys(("products/create", "products/update"), catalogue.product),
    **dict.fromkeys(("checkouts/create", "checkouts/update"), behaviour.checkout),
    **dict.fromkeys(("carts/create", "carts/update"), behaviour.cart),
}  # fmt: skip


def translate(items: Sequence[Item], *, settings: Mapping[str, Any], now: datetime) -> Translation:
    """
    settings: `currency` of products, which name none.

    A topic that is not read (`app/uninstalled`, `shop/update`, `products/delete`, one that is new) is
    ignored, and so is a test notification: it tells of nothing that exists. Only its order is kept, as a
    test order, so that whoever pressed the button sees that it came.
    """
    return webhooks.translate(items, settings=settings, reading=_read)


def _read(webhook: Webhook) -> Iterator[Said] | None:
    reader = _READERS.get(webhook.topic)
    if reader is None:
        return None
    if header(webhook.headers, "test").lower() == "true":
        reader = orders.notification if reader is orders.order else _ignore
    said = reader(webhook)
    return None if said is None else iter(said)


def _ignore(webhook: Webhook) -> None:
    return None
