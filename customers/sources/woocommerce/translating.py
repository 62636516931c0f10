"""Which topic says what. Pure; whatever comes in, nothing is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from customers.intake.translation import Item, Translation
from customers.sources import webhooks
from customers.sources.webhooks import Said, Webhook
from customers.sources.woocommerce import catalogue, orders, people


_READERS: dict[str, Callable[[Webhook], Iterable[Said] | None]] = {
    **dict.fromkeys(("order.created", "order.updated", "order.restored"), orders.order),
    "order.deleted": orders.deleted,
    **dict.fromkeys(("customer.created", "customer.updated", "customer.restored"), people.customer),
    "customer.deleted": people.deleted,
    **dict.fromkeys(("product.created", "product.updated", "product.restored"), catalogue.product),
    "review.updated": catalogue.review,  # only ever pulled
}


def translate(items: Sequence[Item], *, settings: Mapping[str, Any], now: datetime) -> Translation:
    """
    settings: `consent_meta_key`, the meta_data key of the box by which people agree to marketing;
    `currency` of products and `language` of reviews, which name none.

    What was pulled has `pull.` before its topic. A topic that is not read (coupons, `product.deleted`,
    `action.*`, one that is new) is ignored.
    """
    return webhooks.translate(items, settings=settings, reading=_read)


def _read(webhook: Webhook) -> Iterable[Said] | None:
    reader = _READERS.get(webhook.topic.removeprefix("pull."))
    return None if reader is None else reader(webhook)
