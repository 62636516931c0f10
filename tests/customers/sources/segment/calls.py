"""Calls and their translation, for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from customers.enums import Power
from customers.intake.translation import Item, Row, Translation
from customers.sources.segment import translate
from tests.factories.customers import NOW


EARLIER = NOW - timedelta(minutes=5)
SETTINGS = {"currency": "EUR"}


def call(type_: str = "track", **parts: Any) -> dict[str, Any]:
    base = {"type": type_, "userId": "u1", "messageId": "m1", "timestamp": EARLIER.isoformat()}
    return {name: value for name, value in {**base, **parts}.items() if value is not None}


def item(body: Any, *, number: int = 1, power: Power = Power.SERVER, topic: str = "batch") -> Item:
    return Item(request_id=1, number=number, topic=topic, body=body, received_at=NOW, power=power)


def translated(*bodies: Any, power: Power = Power.SERVER, **settings: Any) -> Translation:
    items = [item(body, number=n, power=power) for n, body in enumerate(bodies, start=1)]
    return translate(items, settings={**SETTINGS, **settings}, now=NOW)


def rows(translation: Translation, entity: str) -> list[Row]:
    assert translation.refused == []
    return [row for row in translation.rows if row.entity == entity]


def row(translation: Translation, entity: str) -> Row:
    (found,) = rows(translation, entity)
    return found


def reason(*bodies: Any, **rest: Any) -> str:
    translation = translated(*bodies, **rest)
    (refusal,) = translation.refused
    assert (translation.rows, translation.same, translation.seen) == ([], [], [])
    return refusal.reason
