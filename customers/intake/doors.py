"""What each door asks of a request before it is stored: a key or a signature, a size, JSON.

A door gets the WSGI environ, which Django's request.META is too, and gives a Reply or raises RefusedError.
Nothing of the request goes into the log but the source's number.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from customers.enums import Power, SourceKind
from customers.intake import bodies, cors, holders, keys, landing, replies, throttle
from customers.intake.holders import KeyHolder, WebhookHolder
from customers.intake.replies import RefusedError, Reply


log = logging.getLogger(__name__)
Environ = Mapping[str, Any]

# what a body was refused with -> why, as the source's page says it
_REASONS = {
    "too_large": "too_large",
    "not_json": "not_json",
    "not_gzip": "bad_compression",
    "unknown_encoding": "bad_compression",
    "cut_short": "not_json",
}
_PING = re.compile(rb"webhook_id=\d+")
# Those that say what the body is; nothing of the sender's machine or of a person.
SHOPIFY_HEADERS = ("shop-domain", "api-version", "webhook-id", "event-id", "triggered-at", "test")
WOOCOMMERCE_HEADERS = ("source", "resource", "event", "id", "delivery-id")


# ---------------------------------------------------------------- Segment's Tracking API
def call(environ: Environ, topic: str, *, now: datetime) -> Reply:
    """`/v1/batch` and the single calls."""
    key = _basic_name(environ.get("HTTP_AUTHORIZATION", ""))
    holder = holders.of_key(key, now=now) if key else None
    # who sent it is known: it is refused, and it can be seen that it was
    try:
        raw = bodies.read(environ, limit=bodies.CALL_BYTES)
        body = bodies.inflate(
            raw, encoding=environ.get("HTTP_CONTENT_ENCODING", ""), limit=bodies.CALL_BYTES
        )
        envelope = bodies.look_over(body)
    except RefusedError as error:
        if holder is not None:
            _leave_a_trace(holder, topic, reason=_REASONS[error.code], now=now)
        elif key:
            raise RefusedError(replies.UNKNOWN_KEY) from None
        raise
    if holder is None:
        key = key or envelope.write_key
        holder = _holder(key, now=now)
    extra = cors.headers(environ, holder)
    _count(f"key:{holder.key_id}")
    encoded = key.encode("utf-8", "surrogatepass")
    if encoded in body:  # many clients repeat the key in the body; only its hash may be kept
        body = body.replace(encoded, holder.shown.encode() + b"...")
    landing.land(
        source_id=holder.source_id, topic=topic, body=body, power=holder.power, headers={}, now=now
    )
    return replies.TAKEN.with_headers(extra)


def _holder(key: str, *, now: datetime) -> KeyHolder:
    holder = holders.of_key(key, now=now) if key else None
    if holder is None:
        raise RefusedError(replies.UNKNOWN_KEY)
    return holder


def _basic_name(authorization: str) -> str:
    """The user name of HTTP Basic; the empty text for any other header."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials.encode("latin-1"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return ""
    return decoded.partition(b":")[0].decode("utf-8", "replace")


def _leave_a_trace(holder: KeyHolder, topic: str, *, reason: str, now: datetime) -> None:
    _count(f"key:{holder.key_id}")
    landing.land(
        source_id=holder.source_id, topic=topic, body=b"", power=holder.power, headers={}, now=now,
        refused=reason,
    )  # fmt: skip


# ---------------------------------------------------------------- webhooks
def shopify(environ: Environ, public_id: str, *, now: datetime) -> Reply:
    """Shopify repeats a delivery under the same webhook id until it is answered 2xx."""
    holder = _webhook(SourceKind.SHOPIFY, public_id)
    raw = bodies.read(environ, limit=bodies.WEBHOOK_BYTES)
    topic = _shopify(environ, "topic")
    _check_signature(raw, holder, signature=_shopify(environ, "hmac-sha256"), topic=topic, now=now)
    headers = {
        f"x-shopify-{name}": value for name in SHOPIFY_HEADERS if (value := _shopify(environ, name))
    }
    repeats = headers.get("x-shopify-webhook-id") or _fingerprint(topic, raw)
    return _store(environ, holder, raw, topic=topic, headers=headers, dedupe_key=repeats, now=now)


def woocommerce(environ: Environ, public_id: str, *, now: datetime) -> Reply:
    """
    WooCommerce never repeats a delivery, and its delivery id is no id: two within a second share it.

    So only a body that was told before under the same topic is known already. Not so where a body says no
    more than a number: a product can be deleted, restored and deleted again, an action done twice.
    """
    holder = _webhook(SourceKind.WOOCOMMERCE, public_id)
    raw = bodies.read(environ, limit=bodies.WEBHOOK_BYTES)
    signature = environ.get("HTTP_X_WC_WEBHOOK_SIGNATURE", "")
    if not signature and _PING.fullmatch(raw.strip()):
        return replies.TAKEN  # the ping on creation: unsigned, and only a 200 activates the webhook
    topic = environ.get("HTTP_X_WC_WEBHOOK_TOPIC", "")
    _check_signature(raw, holder, signature=signature, topic=topic, now=now)
    headers = {
        f"x-wc-webhook-{name}": value
        for name in WOOCOMMERCE_HEADERS
        if (value := environ.get(f"HTTP_X_WC_WEBHOOK_{name.upper().replace('-', '_')}"))
    }
    may_repeat = topic.endswith(".deleted") or topic.startswith("action.")
    repeats = None if may_repeat else _fingerprint(topic, raw)
    return _store(environ, holder, raw, topic=topic, headers=headers, dedupe_key=repeats, now=now)


def _webhook(kind: SourceKind, public_id: str) -> WebhookHolder:
    holder = holders.of_webhook(str(kind), public_id)
    if holder is None:
        raise RefusedError(replies.UNKNOWN_ADDRESS)
    return holder


def _shopify(environ: Environ, name: str) -> str:
    """The newer "Events" carry the same headers without the X."""
    name = f"SHOPIFY_{name.upper().replace('-', '_')}"
    return str(environ.get(f"HTTP_X_{name}") or environ.get(f"HTTP_{name}") or "")


def _check_signature(
    raw: bytes, holder: WebhookHolder, *, signature: str, topic: str, now: datetime
) -> None:
    try:
        secret = keys.unseal(holder.sealed_secret)
    except keys.SealError:
        log.exception("source %s", holder.source_id)
        raise RefusedError(replies.SEALED) from None
    told = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
    if not hmac.compare_digest(
        base64.b64encode(told), signature.strip().encode("latin-1", "replace")
    ):
        log.warning("source %s: a webhook with a wrong signature", holder.source_id)
        # a wrong secret is everybody's first mistake: the source's page shows it, once a minute at most,
        # so that who only knows the address cannot fill the table
        landing.land(
            source_id=holder.source_id, topic=topic, body=b"", power=Power.SERVER, headers={},
            dedupe_key=f"bad signature {now:%Y-%m-%dT%H:%M}", now=now, refused="bad_signature",
        )  # fmt: skip
        raise RefusedError(replies.BAD_SIGNATURE)


def _fingerprint(topic: str, raw: bytes) -> str:
    return hashlib.sha256(topic.encode("utf-8", "replace") + b"\0" + raw).hexdigest()


def _store(
    environ: Environ,
    holder: WebhookHolder,
    raw: bytes,
    *,
    topic: str,
    headers: Mapping[str, str],
    dedupe_key: str | None,
    now: datetime,
) -> Reply:
    # what is signed is the shop's word: it is kept, also where it is no JSON; the reader says so
    _count(f"source:{holder.source_id}")
    body = bodies.inflate(
        raw, encoding=environ.get("HTTP_CONTENT_ENCODING", ""), limit=bodies.WEBHOOK_BYTES
    )
    landing.land(
        source_id=holder.source_id, topic=topic, body=body, power=Power.SERVER,
        headers={name: value[:200] for name, value in headers.items()}, dedupe_key=dedupe_key, now=now,
    )  # fmt: skip
    return replies.TAKEN


def _count(who: str) -> None:
    wait = throttle.seconds_to_wait(who)
    if wait:
        raise RefusedError(
            replies.come_again(
                429, "too_many_requests", "More requests than this key may make.", seconds=wait
            )
        )
