"""
Links that work once: a random number makes each, with our key, and only a hash of it is kept.

Who reads the database cannot make the link, and the message can still be written again after a crash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from django.conf import settings

from core import ids


def new_nonce() -> bytes:
    return secrets.token_bytes(16)


def make(nonce: bytes, *, purpose: str) -> str:
    """The URL-safe token of `nonce`, by the newest key; worth nothing for another purpose."""
    return _token(settings.LINK_KEY, nonce, purpose)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def known_as(nonce: bytes, *, purpose: str, sha256: str) -> str | None:
    """The token of `nonce` whose hash is kept, also by a retired key; None where no key makes it."""
    for key in (settings.LINK_KEY, *settings.LINK_KEYS_RETIRED):
        token = _token(key, nonce, purpose)
        if hmac.compare_digest(digest(token), sha256):
            return token
    return None


def _token(secret: bytes, nonce: bytes, purpose: str) -> str:
    key = ids.derive_key(secret, purpose=f"once/{purpose}")
    return base64.urlsafe_b64encode(hmac.digest(key, nonce, "sha256")).rstrip(b"=").decode()
