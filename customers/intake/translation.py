"""What the protocols (Segment, Shopify, WooCommerce) and the reader of requests say to one another.

A protocol's translator is pure: it turns items into rows with the source's own ids and never looks
into the database. `reading` finds out who the people are, and brings the rows in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from customers.enums import Power


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing a client said: an element of a batch, or a whole webhook."""

    request_id: int
    number: int
    """Its place within the request, from 1."""
    topic: str
    """The request's: `batch`, `track`, `orders/create`, `order.updated`."""
    body: Mapping[str, Any]
    received_at: datetime
    power: Power
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """
    Whom an item is about, by the names that the source has for them; any may be empty, not all.

    email: only from where it can be trusted (a server key, a signed webhook); it may find a customer
    of another source. A person of an anonymous id alone is a visitor and no customer.
    """

    user_id: str = ""
    anonymous_id: str = ""
    email: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row for `entity` (a table of ShopBatch) and the item that it came from."""

    entity: str
    item: int
    """Index into the items translated."""
    values: Mapping[str, Any]
    """
    Columns of the entity's schema, less `customer_external_id` (and a customer's `external_id`).

    A column that is None or left out was not said. Of orders and products the reader takes it from what
    was said before; an order whose `total_cents` nobody ever said makes its item wait. A refund without
    `amount_cents` is of `goods`, or else of all that is left of its order's total.
    """
    person: Person | None = None
    """Whose the row is; None for a product, an order line, or a guest without any name."""
    goods: tuple[tuple[str, int], ...] = ()
    """Of a refund that names no amount: products given back and how many, at the order's prices."""
    at_most_the_rest: bool = False
    """Of a refund without a number of its own, which may be told twice: never more than is left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """An item is about this person and says nothing else: links their names to one another."""

    item: int
    person: Person


@dataclass(frozen=True, kw_only=True, slots=True)
class SamePerson:
    """The source says that both are one person (`alias`, a changed id)."""

    item: int
    absorbed: Person
    survivor: Person


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    item: int
    reason: str
    """A key of quality.REASONS."""


@dataclass(kw_only=True, slots=True)
class Translation:
    """
    rows: in the order in which they were said. seen: people named by items without a row of theirs.
    ignored: items that concern us in no way. An item that is in none of these lists and has no row is
    accepted (an `identify` that says nothing new). An item that refers to an order which has not come
    yet is no matter of the translator: the reader sees it and tries the item again later.
    """

    rows: list[Row] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    same: list[SamePerson] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: list[int] = field(default_factory=list)


class Translator(Protocol):
    def __call__(
        self, items: Sequence[Item], *, settings: Mapping[str, Any], now: datetime
    ) -> Translation: ...
