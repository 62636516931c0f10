"""Letting a translator read one object, and looking at what it made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from customers.enums import Power
from customers.intake.translation import Item, Row, Translation, Translator
from customers.sources.base import SCHEMAS


RECEIVED = datetime(2026, 6, 1, 12, tzinfo=UTC)


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def item(topic: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Item:
    return Item(
        request_id=1, number=1, topic=topic, body=body, received_at=RECEIVED, power=Power.SERVER,
        headers=headers or {},
    )  # fmt: skip


class Told:
    """What a translator made of one object."""

    def __init__(self, translator: Translator, topic: str, body: Any, **changes: Any) -> None:
        settings = changes.pop("settings", {})
        self.out: Translation = translator(
            [item(topic, body, **changes)], settings=settings, now=RECEIVED
        )
        for row in self.out.rows:
            unknown = set(row.values) - set(SCHEMAS[row.entity].names)
            assert not unknown, f"{row.entity} has no {unknown}"

    def rows(self, entity: str) -> list[Row]:
        return [row for row in self.out.rows if row.entity == entity]

    def row(self, entity: str) -> Row:
        (found,) = self.rows(entity)
        return found

    def values(self, entity: str) -> Mapping[str, Any]:
        return self.row(entity).values

    def events(self) -> list[tuple[str, int, dict[str, Any]]]:
        """Kind, time and properties of each."""
        return [
            (row.values["kind"], row.values["happened_at"], json.loads(row.values["properties"]))
            for row in self.rows("events")
        ]

    def event(self) -> tuple[str, int, dict[str, Any]]:
        (found,) = self.events()
        return found

    @property
    def reason(self) -> str | None:
        """Why it was refused; None when it was not."""
        return self.out.refused[0].reason if self.out.refused else None

    @property
    def ignored(self) -> bool:
        return self.out.ignored == [0]


def ends_once(out: Translation, count: int) -> bool:
    """Whether each of so many items either has a word of its own, or was refused, or ignored."""
    refused = [one.item for one in out.refused]
    said = {one.item for one in (*out.rows, *out.same, *out.seen)}
    ends = [*refused, *out.ignored, *said]
    return len(ends) == len(set(ends)) and set(ends) <= set(range(count))
