"""Standard Webhooks (symmetric signatures, `v1`): the headers by which a receiver knows us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence


_PREFIX = "whsec_"


def new_secret() -> str:
    """24 random bytes, written as the specification says: whsec_ and base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def headers(
    *, message_id: str, timestamp: int, body: bytes, signing_secrets: Sequence[str]
) -> dict[str, str]:
    """
    webhook-id, webhook-timestamp (epoch seconds) and webhook-signature, one signature a secret.

    The signed content is `id.timestamp.body`; with two secrets a receiver may hold either, so that
    secrets can be changed without a gap.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [
        base64.b64encode(
            hmac.digest(base64.b64decode(secret.removeprefix(_PREFIX)), signed, hashlib.sha256)
        ).decode()
        for secret in signing_secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
