"""A stored request into its items; an item that cannot be decoded spoils no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from customers.enums import SourceKind
from customers.intake import tolerant
from customers.intake.bodies import ITEM_BYTES, items_of_batch
from customers.intake.translation import Item
from customers.models import InboundRequest


_KEPT = 64 * 1024  # characters of a refused item that are kept to be looked at and tried again
_ENVELOPE = ("context", "integrations", "sentAt")
"""What a batch says of all its items; an item's own word goes before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """refused: number of an item to its reason. texts: every item as it came, number 1 first."""

    items: list[Item]
    texts: list[bytes]
    refused: dict[int, str] = field(default_factory=dict)


class _Envelope(msgspec.Struct):
    context: msgspec.Raw = msgspec.Raw(b"null")
    integrations: msgspec.Raw = msgspec.Raw(b"null")
    sentAt: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815 - the protocol's name


_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode  # a function of the module makes an encoder a call
_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def unpack(request: InboundRequest, *, kind: str) -> Unpacked:
    """kind: of the source. Only Segment's calls come in batches and have items of limited size."""
    body = bytes(request.body)
    is_call = kind == SourceKind.SEGMENT
    texts, shared = [body], {}
    if is_call and request.topic == "batch":
        try:
            texts, shared = items_of_batch(body), _envelope(body)
        except tolerant.NotJsonError:
            return Unpacked(items=[], texts=[body], refused={1: "no_batch"})
    out = Unpacked(items=[], texts=texts)
    for number, text in enumerate(texts, start=1):
        found = decode(text, limit=ITEM_BYTES if is_call else None)
        if isinstance(found, str):
            out.refused[number] = found
        else:
            out.items.append(item(request, number, with_envelope(found, shared)))
    return out


def item(request: InboundRequest, number: int, body: dict[str, Any]) -> Item:
    return Item(
        request_id=request.pk,
        number=number,
        topic=request.topic,
        body=body,
        received_at=request.received_at,
        power=request.power,  # type: ignore[arg-type] # a code of Power
        headers=request.headers,
    )


def decode(text: bytes, *, limit: int | None) -> dict[str, Any] | str:
    """The object, or the reason (of quality.REASONS) why it is none."""
    if limit is not None and len(text) > limit:
        return "too_large"
    try:
        found = _decode(text)
    except UnicodeDecodeError:
        return "bad_encoding"
    except RecursionError:
        return "too_deep"
    except msgspec.ValidationError:  # a number out of range
        return "bad_number"
    except msgspec.DecodeError:
        return "bad_text" if b"\\ud" in text.lower() else "not_json"
    return _judged(found, text)


def _judged(found: Any, text: bytes) -> dict[str, Any] | str:
    if not isinstance(found, dict):
        return "not_an_object"
    return "duplicate_name" if _says_twice(text, found) else found


class _TwiceError(Exception):
    pass


def _says_twice(text: bytes, found: dict[str, Any]) -> bool:
    """Whether an object in it has two fields of one name, of which a reader sees but one."""
    # said again it has as many quotation marks, unless one was dropped, or spelt another way
    if text.count(b'"') == _encode(found).count(b'"'):
        return False

    def members(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) < len(pairs):
            raise _TwiceError

    try:
        json.loads(text, object_pairs_hook=members)
    except _TwiceError:
        return True
    except (ValueError, RecursionError):  # msgspec could read it, and that is what counts
        pass
    return False


def with_envelope(body: dict[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    if not shared:
        return body
    merged = {**shared, **body}
    if isinstance(shared.get("context"), dict) and isinstance(body.get("context"), dict):
        merged["context"] = {**shared["context"], **body["context"]}
    return merged


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        found = _decode_envelope(body)
        texts = {name: getattr(found, name) for name in _ENVELOPE}
    except (msgspec.MsgspecError, RecursionError):
        members = tolerant.members(body)
        texts = {name: members.get(name, b"null") for name in _ENVELOPE}
    shared = {}
    for name, text in texts.items():
        try:
            value = _decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            continue
        if value is not None:
            shared[name] = value
    return shared


def as_text(item: bytes) -> str:
    """An item as RejectedRow keeps it."""
    return item.decode("utf-8", "replace").replace("\0", "␀")[:_KEPT]
