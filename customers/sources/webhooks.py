"""What Shopify's and WooCommerce's webhooks have in common: one object a request, and when it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from customers.enums import EventKind
from customers.intake.translation import Item, Person, Refusal, Row, SamePerson, Seen, Translation
from customers.sources import amounts
from customers.sources.amounts import AmountError
from customers.sources.segment.calls import OLD, bounded
from customers.sources.segment.fields import (
    LONGEST_ID,
    Fields,
    Refused,
    encode,
    ident,
    moment,
    text,
)


Said = Row | SamePerson | Seen
UNCOUNTED = 1_000_000_000
"""Pieces in stock of what a shop sells without counting it, or before it has it."""
LARGEST_BODY = 8_000_000
"""Bytes; beyond what the doors let in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """One object as the shop told it. Its methods raise Refused for what cannot be read."""

    index: int
    """Of the item among those translated."""
    topic: str
    body: Fields
    headers: Mapping[str, str]
    settings: Mapping[str, Any]
    received: int
    """Epoch seconds."""

    def row(self, entity: str, values: Mapping[str, Any], *, person: Person | None = None) -> Row:
        return Row(entity=entity, item=self.index, values=values, person=person)

    def time(self, *values: Any) -> int | None:
        """The first of several that is there, in epoch seconds, at the latest when it was received."""
        found = first_time(*values)
        return None if found is None else min(found, self.received)

    def event(
        self,
        kind: EventKind,
        *,
        person: Person,
        external_id: str,
        happened_at: int,
        properties: Mapping[str, Any],
        name: str = "",
    ) -> Row:
        values = {
            "external_id": short(external_id),
            "kind": str(kind),
            "name": name[:200],
            "happened_at": happened_at,
            "properties": bounded(properties),
            "historical": self.received - happened_at > OLD,
        }
        return self.row("events", values, person=person)

    def consent(
        self,
        kind: EventKind,
        *,
        person: Person,
        external_id: str,
        happened_at: int,
        method: str,
        channel: str = "EMAIL",
        **evidence: Any,
    ) -> Row:
        """An act of consent to marketing, for the layer above to judge."""
        told = {name: value for name, value in evidence.items() if value not in (None, "")}
        properties = {
            "purpose": "MARKETING", "channel": channel, "provenance": "webhook", "method": method,
            **told,
        }  # fmt: skip
        return self.event(
            kind,
            person=person,
            external_id=external_id,
            happened_at=happened_at,
            properties=properties,
        )


Reading = Callable[[Webhook], Iterable[Said] | None]
"""What an object says; None when it concerns us in no way. Raises Refused."""


def translate(
    items: Sequence[Item], *, settings: Mapping[str, Any], reading: Reading
) -> Translation:
    """Let `reading` read each item by itself. An item of which one part cannot be read is refused whole."""
    out = Translation()
    for index, item in enumerate(items):
        try:
            _examine(item.body)
            webhook = Webhook(
                index=index,
                topic=item.topic.strip().lower(),
                body=item.body,
                headers=item.headers,
                settings=settings,
                received=int(item.received_at.timestamp()),
            )
            told = reading(webhook)
            said = None if told is None else list(told)
        except Refused as refused:
            out.refused.append(Refusal(item=index, reason=refused.reason))
            continue
        if said is None:
            out.ignored.append(index)
            continue
        for one in said:
            if isinstance(one, Row):
                out.rows.append(one)
            elif isinstance(one, Seen):
                out.seen.append(one)
            else:
                out.same.append(one)
    return out


def _examine(body: Any) -> None:
    """Refuse what no database of text keeps, before anything reads it."""
    if not isinstance(body, Mapping):
        raise Refused("not_an_object")
    if rb"\u0000" in encode(body, limit=LARGEST_BODY) and any("\0" in one for one in _texts(body)):
        raise Refused("nul_byte")


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, Mapping):
            waiting.extend(found)
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


# ---------------------------------------------------------------- values
def objects(value: Any) -> list[Fields]:
    """The objects of a list; nothing for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def first_time(*values: Any) -> int | None:
    """The first of several that is there, in epoch seconds; one in the future is left to `quality`."""
    return next((found for value in values if (found := moment(value)) is not None), None)


def required_id(value: Any) -> str:
    """Raises Refused."""
    found = ident(value)
    if not found:
        raise Refused("missing_id")
    return found


def cents(value: Any, *, currency: str) -> int | None:
    """Raises Refused."""
    try:
        return amounts.cents(value, currency=currency)
    except AmountError:
        raise Refused("bad_price") from None


def pieces(value: Any) -> int | None:
    """Pieces in stock; None where that cannot be read: a product is not refused for it."""
    try:
        return amounts.whole(value)
    except AmountError:
        return None


def quantity(value: Any) -> int:
    """1 where nothing is said. Raises Refused."""
    try:
        found = amounts.whole(value)
    except AmountError:
        raise Refused("bad_quantity") from None
    return 1 if found is None else found


def currency_of(value: Any, settings: Mapping[str, Any]) -> str:
    """The code as it was said, else the source's own."""
    return (text(value, limit=10) or str(settings.get("currency", "EUR"))).upper()


def channel_of(source: Any, medium: Any = None) -> str:
    """`newsletter/email`: where a visit came from, in lower case; "" when nothing is said."""
    parts = [text(part, limit=50).lower() for part in (source, medium)]
    return "/".join(part for part in parts if part)[:50]


def channel_of_url(url: Any) -> str:
    """The same from the utm_ parameters of an address."""
    try:
        query = parse_qs(urlsplit(text(url, limit=4000)).query)
    except ValueError:
        return ""
    found = [query.get(name, [""])[0] for name in ("utm_source", "utm_medium")]
    return channel_of(*found)


def short(external_id: str) -> str:
    """An id made of parts, of no more letters than an id may have."""
    if len(external_id) <= LONGEST_ID:
        return external_id
    return f"hash:{hashlib.sha256(external_id.encode()).hexdigest()}"
