"""
The devices of a second factor: django-otp's own tables, with nothing in them that logs anybody in.

django-otp keeps keys and recovery codes as they are (its issues 67 and 68). These proxies change what is in the
two columns and leave the rest to the library: a key is sealed (AES-GCM) and bound to its owner, a recovery code is
only kept as a keyed hash. Both take their key from COTERIE_SOURCE_KEY, which is in no backup of the database.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from core import ids


logger = logging.getLogger(__name__)

_NONCE = 12
_MOST_COUNTED = 11
"""After so many wrong codes the wait (1, 2, 4 ... seconds) grows no more: 17 minutes. The library's own end is a
century, with which anybody who knows a password could keep its owner out for good."""


class SealError(RuntimeError):
    """A key cannot be opened: COTERIE_SOURCE_KEY is not the one it was sealed with, or the row was tampered with."""


class Authenticator(TOTPDevice):  # type: ignore[misc] # django-otp has no types
    """An app that shows a new code of six digits every 30 seconds (RFC 6238)."""

    class Meta:
        proxy = True
        # nobody has a list of them, so nobody needs permissions
        default_permissions = ()

    def seal(self, key: bytes) -> None:
        """Keep this key of 20 bytes: 64 characters, which fit into the library's column."""
        nonce = secrets.token_bytes(_NONCE)
        self.key = base64.b64encode(nonce + _cipher().encrypt(nonce, key, self._owner())).decode()

    @property
    def bin_key(self) -> bytes:
        """The key as bytes, as the library asks for it. Raises SealError."""
        try:
            sealed = base64.b64decode(self.key, validate=True)
            return _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], self._owner())
        except (InvalidTag, ValueError, binascii.Error):
            raise SealError(
                "the key of a second factor cannot be opened: restore COTERIE_SOURCE_KEY, or take the device "
                "away with `manage.py second_factor --reset LOGIN`"
            ) from None

    def can_be_opened(self) -> bool:
        """Whether COTERIE_SOURCE_KEY is still the one that the key was sealed with."""
        try:
            return bool(self.bin_key)
        except SealError:
            return False

    @property
    def key_text(self) -> str:
        """As it is typed into an app that cannot take a picture: base32 in fours."""
        text = base64.b32encode(self.bin_key).decode().rstrip("=")
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))

    def verify_token(self, token: str) -> bool:
        """Whether this is the code of now, and was not used before; waits grow with wrong ones."""
        try:
            return bool(super().verify_token(token))
        except SealError as error:
            logger.error("%s", error)  # noqa: TRY400 - the message says what to do
            return False

    def throttle_increment(self, commit: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's
        _count_wrong(super(), self, commit=commit)

    def _owner(self) -> bytes:
        return f"user {self.user_id}".encode()


class RecoveryCodes(StaticDevice):  # type: ignore[misc] # django-otp has no types
    """Codes on paper, each for one time."""

    class Meta:
        proxy = True
        default_permissions = ()

    def digest(self, code: str) -> str:
        """80 bits of a keyed hash, as many as the library's column takes: nobody can try codes without the key."""
        key = ids.derive_key(settings.SOURCE_KEY, purpose="recovery codes")
        found = hmac.new(key, f"{self.user_id} {code}".encode(), hashlib.sha256).digest()
        return base64.b32encode(found[:10]).decode().lower()

    def verify_token(self, token: str) -> bool:
        """Whether it is one of the codes; then it is gone."""
        return bool(super().verify_token(self.digest(token)))

    def throttle_increment(self, commit: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's
        _count_wrong(super(), self, commit=commit)


def _cipher() -> AESGCM:
    return AESGCM(ids.derive_key(settings.SOURCE_KEY, purpose="second factor"))


def _count_wrong(library: object, device: TOTPDevice | StaticDevice, *, commit: bool) -> None:
    library.throttle_increment(commit=False)  # type: ignore[attr-defined] # the parent, of two classes
    device.throttling_failure_count = min(device.throttling_failure_count, _MOST_COUNTED)
    if commit:
        device.save()
