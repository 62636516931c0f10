"""Calls of Segment's Tracking API into rows. Pure; whatever comes in, nothing is raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from customers.intake.translation import Item, Refusal, Row, SamePerson, Seen, Translation
from customers.sources.segment import behaviour, orders, people
from customers.sources.segment.calls import Call, read
from customers.sources.segment.fields import Refused, examine, fields
from customers.sources.segment.vocabulary import Meaning, find


Said = Row | SamePerson | Seen

_ORDERS = (Meaning.ORDER_COMPLETED, Meaning.ORDER_UPDATED, Meaning.ORDER_CANCELLED)


def translate(items: Sequence[Item], *, settings: Mapping[str, Any], now: datetime) -> Translation:
    """
    settings: `currency` of amounts that name none; `consent_trait`, the trait that holds the e-mail consent.

    An item of which one part cannot be read is refused as a whole.
    """
    out = Translation()
    for index, item in enumerate(items):
        try:
            examine(item.body)
            call = read(item, index=index)
            said = list(_said(call, settings=settings))
            if not call.names_somebody:
                _of_guests_only(said)
        except Refused as refused:
            out.refused.append(Refusal(item=index, reason=refused.reason))
            continue
        for one in said:
            if isinstance(one, Row):
                out.rows.append(one)
            elif isinstance(one, Seen):
                out.seen.append(one)
            else:
                out.same.append(one)
    return out


def _of_guests_only(said: list[Said]) -> None:
    """An order, a refund or a review may be nobody's; raises Refused for anything else."""
    if any(not isinstance(one, Row) or one.entity in {"customers", "events"} for one in said):
        raise Refused("no_person")


def _said(call: Call, *, settings: Mapping[str, Any]) -> Iterable[Said]:
    if call.type == "track":
        return _tracked(call, settings=settings)
    if call.type in {"page", "screen"}:
        return (behaviour.page(call),)
    if call.type == "identify":
        return people.identify(call, settings=settings)
    if call.type == "alias":
        return (people.alias(call),)
    return (behaviour.group(call),)


def _tracked(call: Call, *, settings: Mapping[str, Any]) -> Iterable[Said]:
    name, said = behaviour.name_of(call), fields(call.body.get("properties"))
    entry = find(name)
    if entry is None:
        return (behaviour.custom(call, name, said),)
    if entry.meaning is Meaning.BEHAVIOUR:
        return (behaviour.event(call, entry, said),)
    if not call.trusted:
        raise Refused("browser_key_may_not")
    if entry.meaning is Meaning.MESSAGE:
        return (behaviour.event(call, entry, said),)
    if entry.meaning in _ORDERS:
        return orders.order(call, said, meaning=entry.meaning, settings=settings)
    if entry.meaning is Meaning.REVIEW:
        return orders.review(call, said)
    return (orders.refund(call, said, settings=settings),)
