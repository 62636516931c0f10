"""
Several words about one order become one row; what a word leaves out is taken from what was said before.

Clients tell an order piece by piece: completed, updated, refunded, cancelled, each with what has changed,
in any order. The tables hold whole orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from customers.enums import OrderStatus


Values = dict[str, Any]

_STAGES = {status: stage for stage, status in enumerate(("PENDING", "PLACED", "CANCELLED", "TEST"))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """One item's row about an order or a refund, and the order's lines as that item told them."""

    item: int
    values: Values
    lines: list[Values] = field(default_factory=list)
    goods: tuple[tuple[str, int], ...] = ()
    at_most_the_rest: bool = False


@dataclass(kw_only=True, slots=True)
class Told:
    """
    rows: each with the items that said it. waiting: items about an order that is not known yet.
    again: items that say what was said already. refused: item to reason.
    """

    orders: list[tuple[Values, list[int]]] = field(default_factory=list)
    lines: list[tuple[Values, list[int]]] = field(default_factory=list)
    refunds: list[tuple[Values, list[int]]] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    again: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class Stored:
    """What the tables say, by the order's id. lines: of the orders that were asked for."""

    orders: Mapping[str, Values] = field(default_factory=dict)
    lines: Mapping[str, list[Values]] = field(default_factory=dict)
    refunds: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of an order: refund's id to its amount."""


def fold(orders: Sequence[Word], refunds: Sequence[Word], *, stored: Stored, currency: str) -> Told:
    """currency: of an order that never named one."""
    out = Told()
    told: dict[str, tuple[Values, list[Values]]] = {}
    for order_id, words in _by_order(orders, "external_id").items():
        known = stored.orders.get(order_id)
        row, lines, speakers = _one_order(words, known, stored.lines.get(order_id, []), out)
        if row is None:
            continue
        row["placed_at"] = row.get("placed_at") or row.get("changed_at")
        row["currency"] = row.get("currency") or currency
        row["status"] = row.get("status") or str(OrderStatus.PLACED)
        out.orders.append((row, speakers))
        out.lines += [({**line, "order_external_id": order_id}, speakers) for line in lines]
        told[order_id] = (row, lines)
    for order_id, words in _by_order(refunds, "order_external_id").items():
        if order_id in told:
            total, lines = told[order_id][0]["total_cents"], told[order_id][1]
        elif order_id in stored.orders:
            total = stored.orders[order_id]["total_cents"]
            lines = stored.lines.get(order_id, [])
        else:
            out.waiting.update(word.item for word in words)
            continue
        _refunds(words, total, lines, dict(stored.refunds.get(order_id, {})), out)
    return out


def _by_order(words: Iterable[Word], column: str) -> dict[str, list[Word]]:
    found: dict[str, list[Word]] = {}
    for word in words:
        found.setdefault(word.values[column], []).append(word)
    return found


def _one_order(
    words: list[Word], known: Values | None, known_lines: list[Values], out: Told
) -> tuple[Values | None, list[Values], list[int]]:
    """
    The order after all words, the latest last, its lines, and the items that said something new.

    None when nobody ever said what it costs, or when nothing is new.
    """
    words.sort(key=lambda word: (_date(word), _STAGES.get(word.values.get("status") or "", 0)))
    row, lines = dict(known or {}), known_lines
    heard: list[Word] = []
    for word in words:
        if known and word.values.get("changed_at") and _date(word) < (known["changed_at"] or 0):
            if lines or not word.lines:
                out.again.add(word.item)  # older than what is known: it changes nothing else
                continue
            heard.append(word)
            row.update(_never_told(word, row))
            lines = word.lines
            continue
        if any(word.values == other.values and word.lines == other.lines for other in heard):
            out.again.add(word.item)
            continue
        heard.append(word)
        row.update({name: value for name, value in word.values.items() if value is not None})
        lines = word.lines or lines
    if not heard:
        return None, [], []
    if row.get("total_cents") is None:
        out.waiting.update(word.item for word in words)
        return None, [], []
    return row, lines, [word.item for word in heard]


def _never_told(word: Word, row: Values) -> Values:
    """What the first word with goods adds, however old: `Order Updated` may come before `Order Completed`."""
    said = word.values
    return {
        name: said[name]
        for name in ("placed_at", "discount_cents", "channel")
        if said.get(name) is not None and (name == "placed_at" or row.get(name) in (None, "", 0))
    }


def _date(word: Word) -> int:
    return word.values.get("changed_at") or 0


def _refunds(
    words: list[Word], total: int, lines: list[Values], before: dict[str, int], out: Told
) -> None:
    """In the order of saying, since "all that is left" depends on those before."""
    rows: dict[str, tuple[Values, list[int]]] = {}
    for word in words:
        refund_id, amount = word.values["external_id"], word.values.get("amount_cents")
        if amount is None or word.at_most_the_rest:
            if refund_id in before:
                out.again.add(word.item)
                continue
            left = total - sum(before.values())
            if word.goods:
                found = _price(word.goods, lines)
                if found is None:
                    out.refused[word.item] = "unknown_product"
                    continue
                amount = min(found, max(left, 0))
            elif left <= 0:
                out.again.add(word.item)
                continue
            else:
                amount = left if amount is None else min(amount, left)
        values = {**word.values, "amount_cents": amount}
        if refund_id in rows and rows[refund_id][0] == values:
            out.again.add(word.item)
            continue
        before[refund_id] = amount
        rows[refund_id] = (values, [*rows.get(refund_id, ({}, []))[1], word.item])
        _shrink_the_rest(rows, before, word=word, total=total)
    out.refunds += rows.values()


def _shrink_the_rest(
    rows: dict[str, tuple[Values, list[int]]], before: dict[str, int], *, word: Word, total: int
) -> None:
    """All that was left was told first, and now what it consisted of: it is not given back twice."""
    rest = f"{word.values['order_external_id']}:rest"[-200:]
    too_much = sum(before.values()) - total
    if rest == word.values["external_id"] or not before.get(rest) or too_much <= 0:
        return
    before[rest] = max(0, before[rest] - too_much)
    known, speakers = rows.get(rest, ({**word.values, "external_id": rest}, [word.item]))
    rows[rest] = ({**known, "amount_cents": before[rest]}, speakers)


def _price(goods: Iterable[tuple[str, int]], lines: list[Values]) -> int | None:
    """What so many of these products cost in the order; None when one is not in it."""
    prices = {line["product_external_id"]: line["unit_price_cents"] for line in lines}
    if any(prices.get(product) is None for product, _ in goods):
        return None
    return sum(int(prices[product]) * quantity for product, quantity in goods)
