"""Names of a delivery that travel with its message: the Message-ID and the addresses of its links."""

from __future__ import annotations

import hmac

from django.conf import settings

from consent import tokens
from core import ids


def message_id(delivery_id: int) -> str:
    """The same for every attempt of a delivery, so that a receiver can recognise a second copy."""
    key = ids.derive_key(settings.LINK_KEY, purpose="message-id")
    mark = hmac.digest(key, str(delivery_id).encode(), "sha256").hex()[:8]
    return f"<d.{delivery_id}.{mark}@{settings.MESSAGE_ID_DOMAIN}>"


def click_url(delivery_id: int, number: int) -> str:
    token = tokens.make(delivery_id, purpose=tokens.CLICK)
    return f"{settings.PUBLIC_URL}/m/c/{token}/{number}"
