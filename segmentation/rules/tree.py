"""The tree of a rule: groups of conditions, as plain values. `parsing.parse` makes it from JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias


Value: TypeAlias = str | int | float | tuple[str | int | float, ...] | None
"""What a condition compares with: one value, a list (`in`), two numbers (`between`), or nothing."""


@dataclass(frozen=True)
class Group:
    """All, any or none of the nodes hold. `quantifier` is "all", "any" or "none"."""

    quantifier: str
    nodes: tuple[Node, ...]

    def to_dict(self) -> dict[str, Any]:
        return {self.quantifier: [node.to_dict() for node in self.nodes]}


@dataclass(frozen=True)
class FieldIs:
    """A feature or a field of the profile compares so with a value."""

    field: str
    operator: str
    value: Value = None

    def to_dict(self) -> dict[str, Any]:
        return {"field": self.field, **_comparison(self.operator, self.value)}


@dataclass(frozen=True)
class ScoreIs:
    """A score compares so with a value."""

    score: str
    operator: str
    value: Value = None

    def to_dict(self) -> dict[str, Any]:
        return {"score": self.score, **_comparison(self.operator, self.value)}


@dataclass(frozen=True)
class PropertyIs:
    """A property of an order or an event compares so with a value."""

    property: str
    operator: str
    value: Value = None

    def to_dict(self) -> dict[str, Any]:
        return {"property": self.property, **_comparison(self.operator, self.value)}


@dataclass(frozen=True)
class Count:
    """How often: "at_least", "at_most" or "exactly" a number; a customer who never did it counts 0."""

    operator: str = "at_least"
    number: int = 1

    def to_dict(self) -> dict[str, Any]:
        return {} if self == Count() else {"count": {self.operator: self.number}}


@dataclass(frozen=True)
class Window:
    """
    When: "ever", "within_days", "older_than_days" (both with `days`) or "between" two dates.

    Half-open: the last n days are (now - n days, now], older are (..., now - n days]; between holds from
    the beginning of `start` to just before the beginning of `end`.
    """

    kind: str = "ever"
    days: int = 0
    start: date | None = None
    end: date | None = None

    def to_dict(self) -> dict[str, Any]:
        if self.start and self.end:
            return {"between": [self.start.isoformat(), self.end.isoformat()]}
        return {} if self.kind == "ever" else {self.kind: self.days}


@dataclass(frozen=True)
class Did:
    """
    The customer did (or did not) do something: `event` is "ORDER", a kind of event or the name of a
    custom event. `negated` turns the whole condition round.
    """

    event: str
    negated: bool = False
    count: Count = Count()
    window: Window = Window()
    where: tuple[PropertyIs, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        filters = {"where": [one.to_dict() for one in self.where]} if self.where else {}
        return {
            "did_not" if self.negated else "did": self.event,
            **self.count.to_dict(),
            **self.window.to_dict(),
            **filters,
        }


@dataclass(frozen=True)
class ConsentIs:
    """The customer gave (or did not give) consent to a purpose on a channel."""

    purpose: str
    channel: str
    given: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {
            "consent": {"purpose": self.purpose, "channel": self.channel},
            "is": "given" if self.given else "not_given",
        }


@dataclass(frozen=True)
class SegmentIs:
    """The customer is (or is not) a stored member of another segment."""

    segment: int
    inside: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {"segment": self.segment, "is": "in" if self.inside else "not_in"}


@dataclass(frozen=True)
class Bucket:
    """A stable random share of the customers: those from `start` up to `stop` per cent."""

    start: float
    stop: float
    salt: str

    def to_dict(self) -> dict[str, Any]:
        return {"bucket": {"from": self.start, "to": self.stop, "salt": self.salt}}


Leaf: TypeAlias = FieldIs | ScoreIs | Did | ConsentIs | SegmentIs | Bucket
Node: TypeAlias = Group | Leaf


def _comparison(operator: str, value: Value) -> dict[str, Any]:
    if value is None:
        return {"is": operator}
    return {"is": operator, "value": list(value) if isinstance(value, tuple) else value}
