"""
Links that only we can make: a few numbers and a keyed hash, for one purpose.

No address travels in a URL, and a link made to unsubscribe is worth nothing as a click. The first
byte tells the key, so that links in mails already sent survive a rotation: put the old key into
COTERIE_LINK_KEYS_RETIRED.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from functools import lru_cache

from django.conf import settings

from core import ids


UNSUBSCRIBE = "unsubscribe"
CLICK = "click"
PREFERENCES = "preferences"
_MAC_BYTES = 16  # 128 bits


class BadTokenError(ValueError):
    """Not ours, cut short, or made for another purpose; the reader is told no more than that."""


@lru_cache(maxsize=32)
def _key(secret: bytes, purpose: str) -> tuple[int, bytes]:
    key = ids.derive_key(secret, purpose=f"link/{purpose}")
    return hashlib.sha256(key).digest()[0], key


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")[:_MAC_BYTES]


def make(*numbers: int, purpose: str) -> str:
    """A URL-safe token that carries `numbers` (each 0 to 2**63)."""
    key_id, key = _key(settings.LINK_KEY, purpose)
    message = struct.pack(f">B{len(numbers)}q", key_id, *numbers)
    return _text(message + _mac(key, message))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read(token: str, *, count: int, purpose: str) -> tuple[int, ...]:
    """The `count` numbers that `make` put in. Raises BadTokenError."""
    try:
        raw = base64.b64decode(
            token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError):
        raise BadTokenError("not a token") from None
    message, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    # several texts decode to the same bytes; only the one we made is a token
    if len(message) != 1 + 8 * count or _text(raw) != token:
        raise BadTokenError("not of this length")
    for secret in (settings.LINK_KEY, *settings.LINK_KEYS_RETIRED):
        key_id, key = _key(secret, purpose)
        if key_id == message[0] and hmac.compare_digest(mac, _mac(key, message)):
            return struct.unpack(f">{count}q", message[1:])
    raise BadTokenError("not signed by us for this")
