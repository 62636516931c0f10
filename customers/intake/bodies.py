"""A request's body: read whatever its Content-Type says, inflated within a limit, and looked over once.

Only what is no JSON object at all is refused here. A body is first checked by msgspec, which is fast and
strict; what it refuses is looked over again by `tolerant`, because Python clients can send NaN, and one
bad item must not cost its neighbours. What is wrong within an item is the reader's to say.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from customers.intake import tolerant
from customers.intake.replies import RefusedError, refusal


ITEM_BYTES = 32 * 1024
"""An item of a Segment client; they refuse larger ones themselves. The reader's to enforce."""
CALL_BYTES = 528_000
"""A batch or a single call, inflated: 500 kB of items (clients stop at 475 to 500) and their envelope."""
WEBHOOK_BYTES = 12_000_000
"""A webhook's body. Shopify's largest orders are some megabytes; what is larger than that is kept and refused."""
_DRAIN_BYTES = 16_000_000  # read and thrown away, so that the client hears the answer
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the door needs of a call's body."""

    write_key: str


class _Input(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Call(msgspec.Struct):
    # Raw: checked, not built; three times as fast as decoding
    writeKey: msgspec.Raw = msgspec.Raw(b'""')  # noqa: N815 - the protocol's name


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]


_call = msgspec.json.Decoder(_Call)
_batch = msgspec.json.Decoder(_Batch)
_text = msgspec.json.Decoder(str | None)

TOO_LARGE = refusal(
    413, "too_large", f"A call may hold {CALL_BYTES:,} bytes, inflated. Send smaller batches."
)
WEBHOOK_TOO_LARGE = refusal(
    413, "too_large", f"A webhook may hold {WEBHOOK_BYTES:,} bytes, inflated."
)
NOT_JSON = refusal(
    400, "not_json", "The body is no JSON object. Send what the client made, unchanged."
)
NOT_GZIP = refusal(400, "not_gzip", "The body is not what Content-Encoding says.")
UNKNOWN_ENCODING = refusal(400, "unknown_encoding", "Content-Encoding may be gzip or deflate.")


def read(environ: Mapping[str, Any], *, limit: int) -> bytes:
    """
    The body as sent, of at most `limit` bytes; the Content-Type is not looked at.

    Raises RefusedError (413), and for a body that ends too early (400).
    """
    stream: _Input = environ["wsgi.input"]
    try:
        announced = int(environ.get("CONTENT_LENGTH") or -1)
    except ValueError:
        announced = -1
    if announced < 0 and "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", ""):
        return b""
    too_large = WEBHOOK_TOO_LARGE if limit == WEBHOOK_BYTES else TOO_LARGE
    if announced > limit:
        _drain(stream, min(announced, _DRAIN_BYTES))
        raise RefusedError(too_large)
    body = _read_up_to(stream, announced if announced >= 0 else limit + 1)
    if len(body) > limit:
        _drain(stream, _DRAIN_BYTES)
        raise RefusedError(too_large)
    if len(body) < announced:
        raise RefusedError(refusal(400, "cut_short", "The body ended too early. Send it again."))
    return body


def _read_up_to(stream: _Input, size: int) -> bytes:
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _drain(stream: _Input, size: int) -> None:
    while size > 0 and (part := stream.read(min(size, _CHUNK))):
        size -= len(part)


def inflate(raw: bytes, *, encoding: str, limit: int) -> bytes:
    """
    The body behind a Content-Encoding. Stops at `limit` bytes: a bomb is refused without its contents.

    Raises RefusedError (400, 413).
    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return raw
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise RefusedError(UNKNOWN_ENCODING)
    parts: list[bytes] = []
    size = 0
    while raw:  # gzip allows several members one after the other
        inflater = zlib.decompressobj(wbits=47)  # gzip or zlib, by the first bytes
        try:
            part = inflater.decompress(raw, limit + 1 - size)
        except zlib.error:
            raise RefusedError(NOT_GZIP) from None
        parts.append(part)
        size += len(part)
        if size > limit:
            raise RefusedError(TOO_LARGE)
        if not inflater.eof:
            raise RefusedError(NOT_GZIP)  # cut short
        raw = inflater.unused_data.lstrip(b"\0")  # padding is legal
    return b"".join(parts)


def look_over(body: bytes) -> Envelope:
    """Raises RefusedError (400) when the body is no JSON object."""
    try:
        found = _call.decode(body)
        return Envelope(_text.decode(found.writeKey) or "")
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass
    try:
        members = tolerant.members(body)
    except tolerant.NotJsonError:
        raise RefusedError(NOT_JSON) from None
    try:
        return Envelope(_text.decode(members.get("writeKey", b'""')) or "")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Envelope("")


def items_of_batch(body: bytes) -> list[bytes]:
    """
    The items of a stored batch, each as its own text, so that one that is no JSON spoils no other.

    Raises tolerant.NotJsonError when there is no list under `batch`.
    """
    if body.count(b'"batch"') < 2:  # a strict reader sees but the last of two lists
        try:
            return [bytes(item) for item in _batch.decode(body).batch]
        except (msgspec.MsgspecError, RecursionError):
            pass
    lists = [value for name, value in tolerant.pairs(body) if name == "batch"]
    if not lists:
        raise tolerant.NotJsonError("no batch")
    return [item for found in lists for item in tolerant.elements(found)]
