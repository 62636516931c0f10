"""
Where data about a person is held: declared by each app, never hunted for.

An app declares its holders once, with what an erasure does to each table and what is shown to a person
who asks for a copy; apps above this one do so in their AppConfig.ready(). A test fails for a model with
a customer's key that nobody has declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any

from django.db.models import BinaryField, Model, QuerySet


@dataclass(frozen=True, kw_only=True)
class Person:
    """
    Everything by which rows about one person are known.

    customer_ids: their rows, with those merged into them. address_hmacs: keyed hashes of their
    addresses. numbers: the shops' numbers and logins for them, and phone numbers, as they may stand in
    raw text. visitors: (source id, anonymous id). source_ids: whose requests and files may name them.
    """

    customer_ids: tuple[int, ...] = ()
    address_hmacs: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    visitors: tuple[tuple[int, str], ...] = ()
    source_ids: tuple[int, ...] = ()


Rows = Callable[[Person], QuerySet[Any]]


def _shown(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    names = [one.attname for one in rows.model._meta.fields if not isinstance(one, BinaryField)]
    return rows.order_by("pk").values(*names)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """
    One table that holds data about people.

    `erase` is given the person and the moment and returns the number of rows it changed; doing it again
    changes none. `show` gives what the person gets to see. `waits` counts rows that cannot be emptied
    yet. `keeps` says in words what stays, and why.
    """

    model: type[Model]
    what: str
    rows: Rows
    erase: Callable[[Person, datetime], int]
    show: Callable[[QuerySet[Any]], Iterable[Mapping[str, Any]]] = _shown
    waits: Callable[[Person], int] = field(default=lambda person: 0)
    keeps: str = ""

    def export(self, person: Person) -> list[Mapping[str, Any]]:
        return list(self.show(self.rows(person)))


def deleting(model: type[Model], what: str, rows: Rows, **more: Any) -> Holder:
    """The rows go."""

    def erase(person: Person, now: datetime) -> int:
        return rows(person).delete()[1].get(model._meta.label, 0)

    return Holder(model=model, what=what, rows=rows, erase=erase, **more)


def blanking(
    model: type[Model], what: str, rows: Rows, *, fields: Mapping[str, Any], **more: Any
) -> Holder:
    """The rows stay, with `fields` as given: empty."""

    def erase(person: Person, now: datetime) -> int:
        return rows(person).exclude(**fields).update(**fields)

    return Holder(model=model, what=what, rows=rows, erase=erase, **more)


def keeping(model: type[Model], what: str, rows: Rows, *, keeps: str, **more: Any) -> Holder:
    """The rows stay as they are, for the reason that `keeps` says."""
    return Holder(
        model=model, what=what, rows=rows, erase=lambda person, now: 0, keeps=keeps, **more
    )


def of_customer(model: type[Model], key: str = "customer") -> Rows:
    """The rows of `model` whose foreign key `key` leads to the person."""

    def rows(person: Person) -> QuerySet[Any]:
        return model._default_manager.filter(**{f"{key}__in": person.customer_ids})

    return rows


# ---------------------------------------------------------------- the registry
_MODULES = ["consent.api_holders", "consent.desk.shop_holders", "consent.holders"]


def declare(module: str) -> None:
    """Add the HOLDERS of `module`, a dotted path; for AppConfig.ready() of the apps above."""
    if module not in _MODULES:
        _MODULES.append(module)


def holders() -> Sequence[Holder]:
    """Every declared holder, upper apps first: what hangs on a row goes before the row."""
    return [holder for module in reversed(_MODULES) for holder in import_module(module).HOLDERS]
