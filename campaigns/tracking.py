"""Names of a delivery that travel with its message, and what a click on them does."""

from __future__ import annotations

import hmac
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

from campaigns.models import Delivery, Link
from consent import queries, tokens
from core import ids
from customers import events
from customers.enums import EventKind


def message_id(delivery_id: int) -> str:
    """The same for every attempt of a delivery, so that a receiver can recognise a second copy."""
    return f"<d.{delivery_id}.{_mark(settings.LINK_KEY, delivery_id)}@{settings.MESSAGE_ID_DOMAIN}>"


@lru_cache(maxsize=1024)  # asked twice: at the intent and when the message is made
def _mark(secret: bytes, delivery_id: int) -> str:
    return hmac.digest(_message_key(secret), str(delivery_id).encode(), "sha256").hex()[:8]


@lru_cache(maxsize=4)
def _message_key(secret: bytes) -> bytes:
    return ids.derive_key(secret, purpose="message-id")


def click_url(delivery_id: int, number: int) -> str:
    token = tokens.make(delivery_id, purpose=tokens.CLICK)
    return f"{settings.PUBLIC_URL}/m/c/{token}/{number}"


def destination(token: str, number: int) -> tuple[Delivery, str] | None:
    """The delivery and the stored address that a click URL stands for; None if we did not make it."""
    try:
        (delivery_id,) = tokens.read(token, count=1, purpose=tokens.CLICK)
    except tokens.BadTokenError:
        return None
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if delivery is None:
        return None
    link = Link.objects.filter(campaign=delivery.campaign_id, position=number).first()
    return (delivery, link.url) if link else None


def record_click(delivery: Delivery, number: int, *, now: datetime) -> bool:
    """
    Note the first click on a link, if the customer still lets us; returns whether it was noted.

    Asked at the click and not only when the message was made: a withdrawal also silences links
    that are already in somebody's mailbox.
    """
    if not queries.may_track_clicks(delivery.customer_id):
        return False
    return events.record(
        source=None, customer_id=delivery.customer_id, kind=EventKind.CLICKED, happened_at=now,
        arrived_at=now, external_id=f"delivery:{delivery.pk}:CLICKED:{number}",
        campaign_id=delivery.campaign_id, delivery_id=delivery.pk, properties={"link": number},
    )  # fmt: skip


def delivered_properties(*, discount_percent: int) -> dict[str, Any]:
    """What a DELIVERED event says about the message, for readers who must not look upwards."""
    return {"discount_percent": discount_percent}
