"""What the tables say already of a chunk's orders and keys: a handful of statements, whatever its size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from customers.intake.gathering import Told
from customers.intake.order_words import Stored, Values, Word
from customers.upserts import TABLES


Versions = Mapping[tuple[str, str], str]

_ORDER_COLUMNS = (
    "external_id", "status", "currency", "total_cents", "discount_cents", "channel",
)  # fmt: skip


def orders_said(
    cursor: Any, *, source_id: int, orders: Sequence[Word], refunds: Sequence[Word]
) -> Stored:
    """
    The orders that these words are about. Lines are looked up for words that leave them out, because an
    order's margin is computed from all of them, and for old words, which tell them if nobody did.
    """
    ids = {word.values["external_id"] for word in orders}
    ids |= {word.values["order_external_id"] for word in refunds}
    if not ids:
        return Stored()
    cursor.execute(
        f"""SELECT {", ".join(_ORDER_COLUMNS)}, extract(epoch FROM placed_at)::bigint,
                   extract(epoch FROM changed_at)::bigint
            FROM customers_order WHERE source_id = %s AND external_id = ANY(%s)""",
        [source_id, list(ids)],
    )
    names = (*_ORDER_COLUMNS, "placed_at", "changed_at")
    known = {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}
    silent = {
        word.values["external_id"] for word in orders if not word.lines or _is_old(word, known)
    }
    silent |= {word.values["order_external_id"] for word in refunds if word.goods}
    return Stored(
        orders=known,
        lines=_lines(cursor, source_id, sorted(silent & known.keys())),
        refunds=_refunds(
            cursor,
            source_id,
            sorted({word.values["order_external_id"] for word in refunds} & known.keys()),
        ),
    )


def _is_old(word: Word, known: Mapping[str, Values]) -> bool:
    order = known.get(word.values["external_id"])
    return order is not None and (word.values.get("changed_at") or 0) < (order["changed_at"] or 0)


def _lines(cursor: Any, source_id: int, ids: list[str]) -> dict[str, list[Values]]:
    found: dict[str, list[Values]] = {}
    if not ids:
        return found
    cursor.execute(
        """SELECT o.external_id, l.line_number, p.external_id, l.quantity, l.unit_price_cents, l.cost_cents
           FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
           JOIN customers_product p ON p.id = l.product_id
           WHERE o.source_id = %s AND o.external_id = ANY(%s) ORDER BY o.id, l.line_number""",
        [source_id, ids],
    )
    names = ("line_number", "product_external_id", "quantity", "unit_price_cents", "cost_cents")
    for order_id, *values in cursor.fetchall():
        found.setdefault(order_id, []).append(dict(zip(names, values, strict=True)))
    return found


def _refunds(cursor: Any, source_id: int, ids: list[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    if not ids:
        return found
    cursor.execute(
        """SELECT o.external_id, r.external_id, r.amount_cents
           FROM customers_order o JOIN customers_refund r ON r.order_id = o.id
           WHERE o.source_id = %s AND o.external_id = ANY(%s)""",
        [source_id, ids],
    )
    for order_id, refund_id, amount in cursor.fetchall():
        found.setdefault(order_id, {})[refund_id] = amount
    return found


_VERSION = """
    SELECT '{entity}', external_id, ctid::text FROM {table}
    WHERE source_id = %s AND external_id = ANY(%s)"""
# a customer is told under each of their numbers
_VERSIONS = {
    "customers": """
    SELECT 'customers', own.external_id, coalesce(survivor.ctid, own.ctid)::text
    FROM customers_customer own
    LEFT JOIN customers_alias alias ON alias.source_id = own.source_id AND alias.kind = 'USER'
          AND alias.value = own.external_id
    LEFT JOIN customers_customer survivor ON survivor.id = alias.customer_id
    WHERE own.source_id = %s AND own.external_id = ANY(%s)""",
}


def versions(cursor: Any, *, source_id: int, ids: Mapping[str, list[str]]) -> Versions:
    """
    Where each row lies: a row that is written anew lies elsewhere.

    Only comparable within one transaction that holds the source's lock.
    """
    if not ids:
        return {}
    parts = [
        _VERSIONS.get(entity, _VERSION.format(entity=entity, table=TABLES[entity]))
        for entity in ids
    ]
    values = [value for keys in ids.values() for value in (source_id, keys)]
    cursor.execute(" UNION ALL ".join(parts), values)
    return {(entity, key): version for entity, key, version in cursor.fetchall()}


def changed(before: Versions, after: Versions) -> set[tuple[str, str]]:
    return {key for key, version in after.items() if before.get(key) != version}


def outdated(cursor: Any, *, source_id: int, words: Sequence[Told]) -> dict[str, Values]:
    """Of the customers told of those who have told something later, and what we know of them."""
    dated = [word.values for word in words if word.values.get("changed_at") is not None]
    if not dated:
        return {}
    names = ("email", "first_name", "last_name", "country", "language", "phone", "traits")
    cursor.execute(
        f"""SELECT told.external_id, {", ".join(f"known.{name}" for name in names)}
            FROM unnest(%s::text[], %s::bigint[]) AS told (external_id, changed_at)
            JOIN customers_customer known
              ON known.source_id = %s AND known.external_id = told.external_id
            WHERE known.changed_at > to_timestamp(told.changed_at)""",
        [
            [values["external_id"] for values in dated],
            [values["changed_at"] for values in dated],
            source_id,
        ],
    )
    found = {key: dict(zip(names, values, strict=True)) for key, *values in cursor.fetchall()}
    for known in found.values():
        if isinstance(known["traits"], str):  # a bare cursor gives JSON as text
            known["traits"] = json.loads(known["traits"])
    return found


def known_events(cursor: Any, *, source_id: int, ids: list[str]) -> set[str]:
    """Of these events those that the ledger has."""
    if not ids:
        return set()
    cursor.execute(
        "SELECT external_id FROM customers_event WHERE source_id = %s AND external_id = ANY(%s)",
        [source_id, ids],
    )
    return {key for (key,) in cursor.fetchall()}
