"""What the database knows of the names that people are called by: read as sets, kept in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


_GUEST = re.compile(r"email:[0-9a-f]{32}")


def guest_name(address_hmac: str) -> str:
    """The number that we give to who is known by their address alone."""
    return f"email:{address_hmac[:32]}"


def is_guest_name(name: str) -> bool:
    return _GUEST.fullmatch(name) is not None


@dataclass(eq=False, kw_only=True, slots=True)
class Known:
    """A customer, or one about to be made (`id` is then None)."""

    id: int | None
    source_id: int
    external_id: str
    email: str = ""
    address_hmac: str = ""
    is_erased: bool = False
    name: str = ""
    """By which the source in question knows them; empty when it does not."""
    numbered_in: set[int] = field(default_factory=set)
    """Sources that gave them a number of their own."""

    part_of: Known | None = None
    """Whom they turned out to be, in the course of one call."""

    def take_name(self, name: str, *, source_id: int, here: int) -> None:
        if not is_guest_name(name):
            self.numbered_in.add(source_id)
        if source_id == here and not self.name:
            self.name = name

    @property
    def living(self) -> Known:
        return self.part_of.living if self.part_of else self


@dataclass(kw_only=True)
class Names:
    """Who is known by which name, before the people in question say anything new."""

    source_id: int
    by_number: dict[str, Known] = field(default_factory=dict)
    by_anonymous_id: dict[str, Known] = field(default_factory=dict)
    by_address: dict[str, list[Known]] = field(default_factory=dict)
    kept_apart: set[frozenset[int]] = field(default_factory=set)
    """Pairs whose merge was undone: only staff join them again."""


_COLUMNS = "c.id, c.source_id, c.external_id, c.email, c.email_hmac, c.erased_at IS NOT NULL"


def read(
    cursor: Any,
    *,
    source_id: int,
    numbers: Iterable[str],
    anonymous_ids: Iterable[str],
    addresses: Iterable[str],
) -> Names:
    """All that is known of the names; a handful of statements, however many there are."""
    names = Names(source_id=source_id)
    people: dict[int, Known] = {}

    def person(row: tuple[Any, ...]) -> Known:
        customer_id, source, external_id, email, address_hmac, is_erased = row
        if customer_id not in people:
            known = Known(
                id=customer_id, source_id=source, external_id=external_id, email=email,
                address_hmac=address_hmac, is_erased=is_erased,
            )  # fmt: skip
            known.take_name(external_id, source_id=source, here=source_id)
            people[customer_id] = known
        return people[customer_id]

    cursor.execute(
        f"""
        SELECT wanted.value, {_COLUMNS} FROM unnest(%s::text[]) AS wanted(value)
        LEFT JOIN customers_alias alias
            ON alias.source_id = %s AND alias.kind = 'USER' AND alias.value = wanted.value
        LEFT JOIN customers_customer own
            ON own.source_id = %s AND own.external_id = wanted.value
        JOIN customers_customer c ON c.id = coalesce(alias.customer_id, own.id)
        """,
        [list(numbers), source_id, source_id],
    )
    names.by_number = {value: person(row) for value, *row in cursor.fetchall()}
    cursor.execute(
        f"""
        SELECT alias.value, {_COLUMNS} FROM customers_alias alias
        JOIN customers_customer c ON c.id = alias.customer_id
        WHERE alias.source_id = %s AND alias.kind = 'ANONYMOUS' AND alias.value = ANY(%s)
        """,
        [source_id, list(anonymous_ids)],
    )
    names.by_anonymous_id = {value: person(row) for value, *row in cursor.fetchall()}
    cursor.execute(
        f"""
        SELECT {_COLUMNS} FROM customers_customer c
        WHERE c.email_hmac = ANY(%s) AND c.erased_at IS NULL AND c.merged_into_id IS NULL
        ORDER BY c.id
        """,
        [list(addresses)],
    )
    for row in cursor.fetchall():
        known = person(row)
        names.by_address.setdefault(known.address_hmac, []).append(known)
    _read_other_names(cursor, people, here=source_id)
    names.kept_apart = _read_kept_apart(cursor, people)
    return names


def _read_other_names(cursor: Any, people: dict[int, Known], *, here: int) -> None:
    cursor.execute(
        "SELECT customer_id, source_id, value FROM customers_alias"
        " WHERE kind = 'USER' AND customer_id = ANY(%s) ORDER BY id",
        [list(people)],
    )
    for customer_id, source_id, value in cursor.fetchall():
        people[customer_id].take_name(value, source_id=source_id, here=here)


def _read_kept_apart(cursor: Any, people: dict[int, Known]) -> set[frozenset[int]]:
    cursor.execute(
        "SELECT survivor_id, absorbed_id FROM customers_merge WHERE undone_at IS NOT NULL"
        " AND survivor_id = ANY(%s) AND absorbed_id = ANY(%s)",
        [list(people), list(people)],
    )
    return {frozenset(pair) for pair in cursor.fetchall()}
