"""Making, finding and revoking keys. The key is random and long, so a plain SHA-256 of it is enough."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from core import rows
from gateway.models import ApiKey
from gateway.scopes import SCOPES


_MARK = "cot_"
_USED_EVERY = timedelta(minutes=1)  # a write for every request would cost more than the request


class UnknownScopeError(ValueError):
    """A scope that does not exist; the message names those that do."""


def create(
    *,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    source_ids: Sequence[int] = (),
    expires_at: datetime | None = None,
    per_minute: int = 600,
) -> tuple[ApiKey, str]:
    """
    A new key and its secret, which is kept nowhere: show it once.

    Raises UnknownScopeError. IntegrityError when the name is taken.
    """
    key = ApiKey(
        name=name,
        scopes=sorted(set(scopes)),
        source_ids=sorted(set(source_ids)),
        expires_at=expires_at,
        per_minute=per_minute,
    )
    return key, issue(key, now=now)


def issue(key: ApiKey, *, now: datetime) -> str:
    """Give an unsaved key its secret and save it; returns the secret. Raises UnknownScopeError."""
    if unknown := sorted(set(key.scopes) - set(SCOPES)):
        raise UnknownScopeError(f"no scope {', '.join(unknown)}; known: {', '.join(SCOPES)}")
    secret = _MARK + secrets.token_urlsafe(32)
    key.prefix, key.key_sha256, key.created_at = secret[:10], _sha256(secret), now
    key.save(force_insert=True)
    return secret


def find(secret: str, *, now: datetime) -> ApiKey | None:
    """The valid key of this secret, noted as used; None for all others."""
    key = rows.find(ApiKey, "key_sha256 = %(hash)s", {"hash": _sha256(secret)})
    if key is None or not key.is_valid(now=now):
        return None
    long_ago = now - _USED_EVERY
    if key.last_used_at is None or key.last_used_at < long_ago:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=long_ago)
        ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)
    return key


def revoke(key: ApiKey, *, now: datetime) -> None:
    """From the next request on the key opens nothing. Revoking again changes nothing."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now)


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
