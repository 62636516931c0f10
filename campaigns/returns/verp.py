"""
Return paths that name their delivery (VERP), so that a bounce is understood without reading it.

    COTERIE_BOUNCE_ADDRESS=b@bounces.shop.example  ->  b+<token>@bounces.shop.example

The token is consent.tokens' in base32: mail servers may fold the case of a local part.
"""

from __future__ import annotations

import base64
import binascii
import re

from consent import tokens


RETURN_PATH = "return-path"
TOKEN = re.compile(r"\+([a-z2-7]{40})@", re.IGNORECASE | re.ASCII)


def return_path(delivery_id: int, *, address: str) -> str:
    """The envelope sender of a delivery; `address` is the mailbox that bounces go to."""
    local, _, domain = address.rpartition("@")
    token = tokens.make(delivery_id, purpose=RETURN_PATH)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return f"{local}+{base64.b32encode(raw).decode().rstrip('=').lower()}@{domain}"


def read(token: str) -> int | None:
    """The delivery that a token of ours names, else None."""
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        text = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        (delivery_id,) = tokens.read(text, count=1, purpose=RETURN_PATH)
    except (binascii.Error, tokens.BadTokenError):
        return None
    return delivery_id
