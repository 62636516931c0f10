"""
DKIM signatures (RFC 6376, RFC 8463): relaxed/relaxed, over headers that we wrote ourselves.

Not the dkimpy library, which reads the private key anew for each message and does RSA in Python: the
key is read once a sender here, and what a message costs is OpenSSL's signature. The tests verify every
signature with dkimpy.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from django.conf import settings


# Both headers of RFC 8058 must be signed, or receivers ignore the button. From is named once more than
# it occurs, so that nobody can add a second one.
SIGNED = (
    b"from", b"from", b"to", b"subject", b"date", b"message-id", b"list-id", b"list-unsubscribe",
    b"list-unsubscribe-post", b"feedback-id", b"mime-version", b"content-type",
)  # fmt: skip
_BLANKS = re.compile(rb"[ \t]+")
_SMALLEST_RSA = 1024  # RFC 8301; signers should use 2048


class DkimError(ValueError):
    """The key cannot sign; the message says why and holds none of it."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs for `domain` with the key whose public half is at `selector`._domainkey.`domain`."""

    domain: str
    selector: str
    algorithm: str
    _sign: Callable[[bytes], bytes]

    def sign(self, message: bytes, *, now: datetime) -> bytes:
        """`message` (lines ended by CRLF) with a DKIM-Signature at its top."""
        head, _, body = message.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = [name for name in SIGNED if name in fields]
        body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
        unsigned = (
            f"v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain}; s={self.selector};\r\n"
            f" t={int(now.timestamp())}; h={':'.join(name.decode() for name in names)};\r\n"
            f" bh={body_hash.decode()};\r\n b="
        ).encode("ascii")
        seen: set[bytes] = set()
        lines = []
        for name in names:
            if name not in seen:  # the second time there is none: it counts as empty
                lines.append(name + b":" + fields[name] + b"\r\n")
            seen.add(name)
        lines.append(b"dkim-signature:" + _relaxed(unsigned))
        signature = base64.b64encode(self._sign(b"".join(lines))).decode()
        folded = "\r\n ".join(signature[at : at + 72] for at in range(0, len(signature), 72))
        return b"".join([b"DKIM-Signature: ", unsigned, folded.encode(), b"\r\n", message])


def of_this_shop() -> Signer | None:
    """The signer that the settings name, None where they name none. Raises DkimError."""
    if not settings.DKIM_KEY:
        return None
    return signer(
        domain=settings.DKIM_DOMAIN, selector=settings.DKIM_SELECTOR, key=settings.DKIM_KEY
    )


@lru_cache(maxsize=4)
def signer(*, domain: str, selector: str, key: str) -> Signer:
    """
    key: PEM (PKCS 1 or 8), RSA or Ed25519. Raises DkimError.

    The cache makes the key be read once a process.
    """
    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DkimError("the DKIM key is not an unencrypted private key in PEM") from None
    if isinstance(private, ed25519.Ed25519PrivateKey):
        edwards = private
        return Signer(
            domain=domain, selector=selector, algorithm="ed25519-sha256",
            _sign=lambda data: edwards.sign(hashlib.sha256(data).digest()),
        )  # fmt: skip
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < _SMALLEST_RSA:
        raise DkimError(f"the DKIM key must be RSA of at least {_SMALLEST_RSA} bits, or Ed25519")
    known = private
    return Signer(
        domain=domain, selector=selector, algorithm="rsa-sha256",
        _sign=lambda data: known.sign(data, padding.PKCS1v15(), hashes.SHA256()),
    )  # fmt: skip


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4: blanks at the ends of lines and empty lines at the end do not count."""
    if b"\t" in body or b"  " in body:
        body = _BLANKS.sub(b" ", body)
    body = body.replace(b" \r\n", b"\r\n").removesuffix(b" ")
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _relaxed(value: bytes) -> bytes:
    """RFC 6376, 3.4.2: unfolded, blanks as one, none at the ends."""
    return _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip()


def _fields(head: bytes) -> dict[bytes, bytes]:
    """Relaxed values by name in lower case; our messages have each header once."""
    fields = {}
    for line in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = _relaxed(value)
    return fields
