"""`Authorization: Bearer <key>` and nothing else: no session, so no forged form can write."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from core import clock
from gateway import keys
from gateway.models import ApiKey


class KeyHolder(AnonymousUser):
    """Whoever holds a key: nobody of the staff, and no permissions but the key's scopes."""

    def __init__(self, key: ApiKey) -> None:
        super().__init__()
        self.key = key

    @property
    def is_authenticated(self) -> bool:  # type: ignore[override] # the stubs say Literal[False]
        return True


class BearerKey(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        """None without the header (then 401 by permission); raises AuthenticationFailed for a bad key."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        kind, _, secret = header.partition(" ")
        if not header:
            return None
        key = keys.find(secret.strip(), now=clock.now()) if kind.lower() == "bearer" else None
        if key is None:
            raise AuthenticationFailed(
                "This key is unknown, expired or revoked. Send a valid one as "
                "`Authorization: Bearer cot_…`; staff make keys under API keys in the admin."
            )
        return KeyHolder(key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="coterie"'
