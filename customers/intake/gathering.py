"""A translation's rows, with the customers' numbers, made ready for ingest: one row a key."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from customers.intake.order_words import Told as ToldOrders
from customers.intake.order_words import Values, Word
from customers.intake.translation import Person, Row


@dataclass(frozen=True, slots=True)
class Told:
    """A row for a table and the items that said it."""

    values: Values
    items: list[int]


class Rows:
    """
    orders, refunds: words still to be folded. of_visitors: events of nobody that is known. of_nobody:
    items with an event that names no person at all. again: items whose row another item said before.
    """

    def __init__(self, rows: Sequence[Row], *, names: Mapping[Person, str]) -> None:
        self.orders: list[Word] = []
        self.refunds: list[Word] = []
        self.of_visitors: list[Row] = []
        self.of_nobody: set[int] = set()
        self.again: set[int] = set()
        self._others: dict[str, list[tuple[Row, str]]] = {
            "customers": [], "products": [], "reviews": [], "events": [],
        }  # fmt: skip
        lines: dict[tuple[int, str], list[Values]] = {}
        for row in rows:
            if row.entity == "order_lines":
                lines.setdefault((row.item, row.values["order_external_id"]), []).append(
                    dict(row.values)
                )
        for row in rows:
            name = names[row.person] if row.person is not None else ""
            if row.entity == "orders":
                own = lines.pop((row.item, row.values["external_id"]), [])
                self.orders.append(Word(item=row.item, values=_with_customer(row, name), lines=own))
            elif row.entity == "refunds":
                self.refunds.append(
                    Word(
                        item=row.item,
                        values=_with_customer(row, name),
                        goods=row.goods,
                        at_most_the_rest=row.at_most_the_rest,
                    )
                )
            elif row.entity == "events" and not name:
                if row.person is not None and row.person.anonymous_id:
                    self.of_visitors.append(row)
                else:
                    self.of_nobody.add(row.item)
            elif row.entity != "order_lines" and (name or row.entity != "customers"):
                self._others[row.entity].append((row, name))

    def tables(self, told: ToldOrders, *, without: Container[int]) -> dict[str, list[Told]]:
        """Every entity's rows, less those of the items `without`."""
        rest = {
            entity: [(row, name) for row, name in rows if row.item not in without]
            for entity, rows in self._others.items()
        }
        return {
            "customers": self._folded(rest["customers"], fold=_later_customer),
            "products": self._folded(rest["products"], fold=_told_again),
            "orders": [Told(*entry) for entry in told.orders],
            "order_lines": [Told(*entry) for entry in told.lines],
            "refunds": [Told(*entry) for entry in told.refunds],
            "reviews": self._folded(rest["reviews"], fold=_last),
            "events": self._folded(rest["events"], fold=_last),
        }

    def _folded(
        self,
        rows: list[tuple[Row, str]],
        *,
        fold: Callable[[Values, Values], Values],
    ) -> list[Told]:
        found: dict[str, Told] = {}
        for row, name in rows:
            values = _with_customer(row, name)
            key = values["external_id"]
            if key in found:
                old = found[key]
                # the same message id is the same message
                if row.entity == "events" or old.values == values:
                    self.again.add(row.item)
                    continue
                found[key] = Told(fold(old.values, values), [*old.items, row.item])
            else:
                found[key] = Told(values, [row.item])
        return list(found.values())


def _with_customer(row: Row, name: str) -> Values:
    values = dict(row.values)
    if row.entity == "customers":
        values["external_id"] = name
    elif row.entity != "products":
        # nobody named is "not said": `order.deleted` tells no more than a number
        values["customer_external_id"] = name or None
    return values


def _told_again(old: Values, new: Values) -> Values:
    """What the later word leaves out stays."""
    return {**old, **{name: value for name, value in new.items() if value is not None}}


def _later_customer(old: Values, new: Values) -> Values:
    before, after = old.get("changed_at"), new.get("changed_at")
    if before is not None and after is not None and after < before:  # what is not dated is today's
        old, new = new, old
    merged = {**old, **{name: value for name, value in new.items() if value not in (None, "")}}
    times = [values["joined_at"] for values in (old, new) if values.get("joined_at") is not None]
    merged["joined_at"] = min(times, default=None)
    if old.get("traits") and new.get("traits"):
        merged["traits"] = json.dumps({**json.loads(old["traits"]), **json.loads(new["traits"])})
    return merged


def fill_only(word: Values, known: Values) -> None:
    """Make a customer's word that is older than what is known tell only what was never told."""
    for name in ("email", "first_name", "last_name", "country", "language", "phone"):
        if known[name]:
            word[name] = None
    if word.get("traits"):
        new = {k: v for k, v in json.loads(word["traits"]).items() if k not in known["traits"]}
        word["traits"] = json.dumps(new) if new else None
    word["changed_at"] = None  # else the upsert would not hear it at all


def _last(old: Values, new: Values) -> Values:
    return new
