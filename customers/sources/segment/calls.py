"""One call as its parts use it: who, when, and how far its key may go."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from customers.enums import Power
from customers.intake.translation import Item, Person, Row
from customers.quality import EARLIEST
from customers.reports import ADDRESS
from customers.sources.segment.fields import (
    LONGEST_ID,
    Fields,
    Refused,
    encode,
    fields,
    ident,
    moment,
    pick,
    text,
)


OLD = int(timedelta(hours=48).total_seconds())
"""Seconds after which an event is history: it is told, and starts nothing."""
LONGEST_PROPERTIES = 8_000
_EARLIEST = int(EARLIEST.timestamp())
_ADDRESS = re.compile(ADDRESS)
# these two name campaigns and deliveries of ours; a shop's tool means its own by them
_OURS = ("campaign_id", "delivery_id")
_CALLS = {
    "identify": "identify", "i": "identify", "track": "track", "t": "track", "page": "page",
    "p": "page", "screen": "screen", "s": "screen", "group": "group", "g": "group",
    "alias": "alias", "a": "alias",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    index: int
    """Of the item among those translated."""
    type: str
    body: Fields
    context: Fields
    person: Person
    message_id: str
    happened_at: int
    historical: bool
    may_profile: bool
    trusted: bool
    """It came with a server key."""

    @property
    def names_somebody(self) -> bool:
        return bool(self.person.user_id or self.person.anonymous_id or self.person.email)

    def event(
        self,
        kind: str,
        *,
        name: str,
        properties: Mapping[str, Any],
        suffix: str = "",
        external_id: str = "",
        happened_at: int | None = None,
    ) -> Row:
        """A row for the ledger; `suffix` tells several events of one call apart."""
        return Row(
            entity="events",
            item=self.index,
            person=self.person,
            values={
                "external_id": external_id or f"{self.message_id}{suffix}",
                "kind": str(kind),
                "name": name[:200],
                "happened_at": self.happened_at if happened_at is None else happened_at,
                "properties": bounded(properties),
                "may_profile": self.may_profile,
                "historical": self.historical,
            },
        )


def read(item: Item, *, index: int) -> Call:
    """Raises Refused; the body has been examined."""
    body = item.body
    said = body.get("type")
    call = _CALLS.get(said.lower() if isinstance(said, str) else item.topic)
    if call is None:
        raise Refused("unknown_call")
    context = fields(body.get("context"))
    trusted = item.power == Power.SERVER
    received = int(item.received_at.timestamp())
    happened = _happened(body, received=received)
    return Call(
        index=index,
        type=call,
        body=body,
        context=context,
        person=Person(
            user_id=ident(pick(body, "user_id")),
            anonymous_id=ident(pick(body, "anonymous_id")),
            email=_email(body, context) if trusted else "",
        ),
        message_id=_message_id(body),
        happened_at=happened,
        historical=received - happened > OLD,
        may_profile=_may_profile(context),
        trusted=trusted,
    )


def _happened(body: Fields, *, received: int) -> int:
    """
    When it happened, in epoch seconds: `timestamp`, else `originalTimestamp`, else when it was received.

    A time in the future proves that the client's clock is fast; `sentAt` tells by how much. What is
    still in the future then happened when it was received.
    """
    happened = moment(body.get("timestamp"))
    if happened is None:
        happened = moment(pick(body, "original_timestamp"))
    if happened is None:
        return received
    if happened > received:
        sent = moment(pick(body, "sent_at"))
        if sent is not None and sent > received:
            happened += received - sent
    if happened < _EARLIEST:
        raise Refused("absurd_date")
    return min(happened, received)


def _message_id(body: Fields) -> str:
    """The client's, which a retry repeats; else a hash of what was said, so that a retry has the same."""
    found = ident(pick(body, "message_id"))
    if found and len(found) <= LONGEST_ID - 20:
        return found
    said = {key: value for key, value in body.items() if key not in _OF_THE_DELIVERY}
    try:
        canonical = msgspec.json.encode(said, order="deterministic")
    except TypeError:  # keys that do not compare
        canonical = msgspec.json.encode(said)
    return f"hash:{hashlib.sha256(canonical).hexdigest()}"


_OF_THE_DELIVERY = frozenset({"sentAt", "sent_at", "receivedAt", "writeKey", "write_key"})


def address(value: Any) -> str:
    """An e-mail address, or "" for what is none."""
    found = text(value, limit=321)
    return found if len(found) <= 320 and _ADDRESS.fullmatch(found) else ""


def _email(body: Fields, context: Fields) -> str:
    for traits in (body.get("traits"), context.get("traits"), body.get("properties")):
        if isinstance(traits, dict) and (found := address(traits.get("email"))):
            return found
    return ""


def _may_profile(context: Fields) -> bool:
    """No for an event of somebody who said no to analytics or advertising cookies when it happened."""
    answers = fields(fields(context.get("consent")).get("categoryPreferences"))
    return not any(
        value is False or (isinstance(value, str) and value.strip().lower() == "false")
        for name, value in answers.items()
        if name.lower() in {"analytics", "advertising"}
    )


def bounded(said: Mapping[str, Any]) -> str:
    """
    JSON of properties or traits of at most LONGEST_PROPERTIES bytes.

    What does not fit is left out and named in `_left_out`. Raises Refused for what no database keeps.
    """
    if any(name in said for name in _OURS):
        said = {f"shop_{name}" if name in _OURS else name: value for name, value in said.items()}
    whole = msgspec.json.encode(said)
    if len(whole) <= LONGEST_PROPERTIES:
        return whole.decode()
    kept: dict[str, Any] = {}
    left_out: list[str] = []
    room = LONGEST_PROPERTIES - 2_000
    for name, value in said.items():
        size = len(encode({name: value}, limit=10 * LONGEST_PROPERTIES))
        if size <= room:
            kept[name] = value
            room -= size
        elif len(left_out) < 20:
            left_out.append(name[:50])
    return msgspec.json.encode({**kept, "_left_out": left_out}).decode()
