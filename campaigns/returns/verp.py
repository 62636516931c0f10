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
SERVICE_RETURN_PATH = "return-path of a service message"
TOKEN = re.compile(r"\+([a-z2-7]{40})@", re.IGNORECASE | re.ASCII)


def return_path(key: int, *, address: str, purpose: str = RETURN_PATH) -> str:
    """The envelope sender of a delivery, or of what `purpose` says; `address` is where bounces go to."""
    local, _, domain = address.rpartition("@")
    token = tokens.make(key, purpose=purpose)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return f"{local}+{base64.b32encode(raw).decode().rstrip('=').lower()}@{domain}"


def read(token: str, *, purpose: str = RETURN_PATH) -> int | None:
    """The delivery (or what `purpose` says) that a token of ours names, else None."""
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        text = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        (key,) = tokens.read(text, count=1, purpose=purpose)
    except (binascii.Error, tokens.BadTokenError):
        return None
    return key
