"""The keys with which a source's clients write, and the secrets that webhooks are signed with.

A key is shown once; its SHA-256 is kept. That is enough for a random key: nobody can try 192 bits.
A webhook's secret must be read again to check a signature, so it is kept sealed with a key from the
environment (COTERIE_SOURCE_KEY), which is in no backup of the database.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction

from core import ids
from customers.enums import Power, SourceKind
from customers.models import Source, SourceKey


BEGINNINGS = {Power.SERVER: "cs_", Power.BROWSER: "cb_"}
WEBHOOKS = {SourceKind.SHOPIFY: "shopify", SourceKind.WOOCOMMERCE: "woocommerce"}
_SHOWN = 10  # letters that staff see: 7 of 32 random ones, so 150 bits stay unknown
# WooCommerce signs with wp_specialchars_decode(secret)
_WORDPRESS_ENTITIES = {"&quot;": '"', "&#039;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}


class SealError(RuntimeError):
    """A sealed secret cannot be opened: COTERIE_SOURCE_KEY is not the one it was sealed with."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A new source, and what is shown of it only now. What does not apply to its kind is None."""

    source: Source
    write_key: str | None = None
    browser_key: str | None = None
    secret: str | None = None


def open_source(*, kind: str, name: str, now: datetime) -> Opened:
    """Make a source with the keys or the secret that its kind needs; IntegrityError for a taken name."""
    with transaction.atomic():
        source = Source.objects.create(kind=kind, name=name, created_at=now)
        if kind == SourceKind.SEGMENT:
            return Opened(
                source=source,
                write_key=make_key(source=source, power=Power.SERVER, now=now),
                browser_key=make_key(source=source, power=Power.BROWSER, now=now),
            )
        if kind in WEBHOOKS:
            secret = secrets.token_urlsafe(32)
            source.public_id = secrets.token_hex(16)
            source.sealed_secret = seal(secret)
            source.save(update_fields=["public_id", "sealed_secret"])
            return Opened(source=source, secret=secret)
    return Opened(source=source)


def address(source: Source) -> str | None:
    """Where the source's clients send to; None for a source that nothing is sent to."""
    if source.kind == SourceKind.SEGMENT:
        return str(settings.PUBLIC_URL)
    if source.kind in WEBHOOKS and source.public_id:
        return f"{settings.PUBLIC_URL}/in/{WEBHOOKS[SourceKind(source.kind)]}/{source.public_id}"
    return None


# ---------------------------------------------------------------- keys
def make_key(*, source: Source, power: str, now: datetime) -> str:
    """A new key of 192 random bits, to be shown once. Those that exist go on working."""
    key = BEGINNINGS[Power(power)] + secrets.token_urlsafe(24)
    SourceKey.objects.create(
        source=source, power=power, prefix=key[:_SHOWN], key_sha256=digest(key), created_at=now
    )
    return key


def rotate(*, source: Source, power: str, now: datetime, keep_for: timedelta = timedelta(0)) -> str:
    """A new key in place of the source's others of this power, which work for `keep_for` longer."""
    with transaction.atomic():
        old = SourceKey.objects.filter(source=source, power=power)
        old.filter(revoked_at=None).update(revoked_at=now + keep_for)
        old.filter(revoked_at__gt=now + keep_for).update(revoked_at=now + keep_for)
        return make_key(source=source, power=power, now=now)


def revoke(*, key: SourceKey, now: datetime) -> None:
    """Stop a key. Web servers remember keys for some seconds (intake.holders) and then refuse it."""
    SourceKey.objects.filter(pk=key.pk).update(revoked_at=now)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


# ---------------------------------------------------------------- webhooks' secrets
def set_secret(*, source: Source, secret: str) -> None:
    """
    Keep the secret that the source's webhooks are signed with.

    Raises ValueError for an empty one or a source without webhooks.
    """
    if source.kind not in WEBHOOKS:
        raise ValueError(f"{source.name} is no source of webhooks")
    secret = secret.strip()
    if source.kind == SourceKind.WOOCOMMERCE:
        for entity, character in _WORDPRESS_ENTITIES.items():
            secret = secret.replace(entity, character)
    if not secret:
        raise ValueError("the secret is empty")
    source.sealed_secret = seal(secret)
    source.public_id = source.public_id or secrets.token_hex(16)
    source.save(update_fields=["sealed_secret", "public_id"])


def seal(secret: str) -> str:
    return _fernet().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises SealError."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealError(
            "a webhook's secret cannot be opened: restore COTERIE_SOURCE_KEY, or set the secret again "
            "with `manage.py source secret`"
        ) from None


def _fernet() -> Fernet:
    key = ids.derive_key(settings.SOURCE_KEY, purpose="source secrets")
    return Fernet(base64.urlsafe_b64encode(key))
