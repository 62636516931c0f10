"""Two customers become one: rows move, names lead on, and everything needed to undo it is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from customers import events, turns
from customers.enums import AliasKind, EventKind, MergeReason
from customers.models import Alias, Customer, Merge, Source


MOVED_TABLES = {
    "customers_order": "customer_id",
    "customers_refund": "customer_id",
    "customers_review": "customer_id",
    "customers_event": "customer_id",
    "customers_alias": "customer_id",
    "customers_customer": "merged_into_id",
}
"""Tables whose rows belong to a customer, and by which column; the last: who was absorbed before."""

FILLED = ("first_name", "last_name", "country", "language", "phone")
_KEPT = ("email", "email_hmac", *FILLED, "traits", "joined_at")


class MergeError(ValueError):
    """These two cannot be merged, or this merge cannot be undone; the message says why."""


@transaction.atomic
def merge(
    *,
    survivor: Customer,
    absorbed: Customer,
    reason: MergeReason,
    source: Source | None,
    now: datetime,
) -> Merge:
    """
    Make `absorbed` a part of `survivor`: rows, names and what the survivor did not know of itself.

    source: whose word it was; None for staff. Who was merged before stands for the customer they are
    part of now, and merging the same two again returns the merge there is. Waits until nobody writes
    to the sources of the two. The absorbed row stays, empty; ledger: MERGED on the survivor. Raises
    MergeError for one and the same customer and for an erased one.
    """
    with connection.cursor() as cursor:
        turns.wait(cursor, *sources_of([survivor.pk, absorbed.pk]))
        return merge_in_turn(
            cursor, survivor.pk, absorbed.pk, reason=reason, source=source, now=now
        )


def merge_in_turn(
    cursor: Any,
    survivor_id: int,
    absorbed_id: int,
    *,
    reason: MergeReason,
    source: Source | None,
    now: datetime,
) -> Merge:
    """`merge` for who has the turn of every source of the two."""
    into, gone = _living(survivor_id, absorbed_id)
    if into == gone:
        return _merged_already(survivor_id, absorbed_id)
    locked = lock([into, gone])
    survivor, absorbed = locked[into], locked[gone]
    if survivor.erased_at or absorbed.erased_at:
        raise MergeError("A customer who was erased cannot be merged.")
    addresses = {survivor.email_hmac, absorbed.email_hmac} - {""}
    if reason == MergeReason.SAME_ADDRESS and len(addresses) > 1:
        raise MergeError("Their addresses differ, and nobody said that they are one person.")
    before = {"survivor": fields(survivor), "absorbed": fields(absorbed)}
    moved = _move(cursor, of=gone, to=into)
    _fill(survivor, absorbed)
    row = Merge.objects.create(
        survivor=survivor,
        absorbed=absorbed,
        reason=reason,
        source=source,
        merged_at=now,
        moved=moved,
        before={**before, "after": fields(survivor)},
    )
    _empty(absorbed, into=survivor)
    _lead_on(cursor, row, now=now)
    tell(row, EventKind.MERGED, now=now)
    return row


def sources_of(customer_ids: list[int]) -> list[int]:
    """Every source that has a name for one of the customers: who writes there may write of them."""
    own = Customer.objects.filter(pk__in=customer_ids).values_list("source_id")
    others = Alias.objects.filter(customer__in=customer_ids).values_list("source_id")
    return [source_id for (source_id,) in own.union(others)]


def lock(customer_ids: list[int]) -> dict[int, Customer]:
    """Lock the rows in the order of their ids, so that two merges wait and do not deadlock."""
    rows = Customer.objects.filter(pk__in=customer_ids).order_by("pk")
    # rows that refer to a customer may go on being written: their writers take turns, or follow
    return {row.pk: row for row in rows.select_for_update(no_key=True)}


def tell(row: Merge, kind: EventKind, *, now: datetime) -> None:
    """Tell the layers above, through the ledger."""
    events.record(
        source=None,
        customer_id=row.survivor_id,
        kind=kind,
        happened_at=now,
        arrived_at=now,
        external_id=f"{kind.lower()}/{row.pk}",
        properties={"absorbed_customer_id": row.absorbed_id, "reason": row.reason},
    )


def fields(customer: Customer) -> dict[str, Any]:
    """What a merge may change of a customer, as JSON keeps it."""
    told = {name: getattr(customer, name) for name in _KEPT}
    return {**told, "joined_at": customer.joined_at.isoformat()}


def _living(*customer_ids: int) -> list[int]:
    into = dict(Customer.objects.filter(pk__in=customer_ids).values_list("pk", "merged_into_id"))
    return [into[pk] or pk for pk in customer_ids]


def _merged_already(survivor_id: int, absorbed_id: int) -> Merge:
    if survivor_id == absorbed_id:
        raise MergeError("A customer cannot be merged with themselves.")
    pair = [survivor_id, absorbed_id]
    standing = Merge.objects.filter(undone_at=None, absorbed__in=pair).order_by("-pk")
    return standing.filter(survivor__in=pair).first() or standing[0]


_MOVE = "WITH {updates} SELECT {ids}".format(
    updates=", ".join(
        f"{table} AS (UPDATE {table} SET {column} = %(to)s WHERE {column} = %(of)s RETURNING id)"
        for table, column in MOVED_TABLES.items()
    ),
    ids=", ".join(f"(SELECT array_agg(id ORDER BY id) FROM {table})" for table in MOVED_TABLES),
)


def _move(cursor: Any, *, of: int, to: int) -> dict[str, list[int]]:
    """Ids of the rows that moved, by table."""
    # the ledger's trigger lets this one change pass in a transaction that says so
    cursor.execute("SET LOCAL coterie.merging = 'on'")
    cursor.execute(_MOVE, {"of": of, "to": to})
    ids = cursor.fetchone()
    cursor.execute("SET LOCAL coterie.merging = 'off'")
    return {table: keys or [] for table, keys in zip(MOVED_TABLES, ids, strict=True)}


def _fill(survivor: Customer, absorbed: Customer) -> None:
    """The survivor's own word stands; where there is none, the other's does."""
    if not survivor.email:
        survivor.email, survivor.email_hmac = absorbed.email, absorbed.email_hmac
    for name in FILLED:
        if not getattr(survivor, name):
            setattr(survivor, name, getattr(absorbed, name))
    survivor.traits = {**absorbed.traits, **survivor.traits}
    survivor.joined_at = min(survivor.joined_at, absorbed.joined_at)
    survivor.save(update_fields=_KEPT)


def _empty(absorbed: Customer, *, into: Customer) -> None:
    absorbed.merged_into = into
    for name in ("email", "email_hmac", *FILLED):
        setattr(absorbed, name, "")
    absorbed.traits = {}
    absorbed.save(update_fields=[*_KEPT, "merged_into"])


def _lead_on(cursor: Any, row: Merge, *, now: datetime) -> None:
    """What still comes under the absorbed number is the survivor's."""
    cursor.execute(
        """
        INSERT INTO customers_alias (source_id, kind, value, customer_id, created_at, merge_id)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (source_id, kind, value) DO UPDATE
            SET customer_id = EXCLUDED.customer_id, merge_id = EXCLUDED.merge_id
        """,
        [
            row.absorbed.source_id, AliasKind.USER, row.absorbed.external_id, row.survivor_id, now,
            row.pk,
        ],
    )  # fmt: skip


def gather_strays() -> int:
    """
    Move the rows that a writer gave to a customer while they were being absorbed; how many.

    Such a writer (a sender that notes a delivery) saw the customer before the merge was committed.
    They came after the merge, so undoing it leaves them where they are.
    """
    moved = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL coterie.merging = 'on'")
        for table, column in MOVED_TABLES.items():
            if column != "customer_id":
                continue
            cursor.execute(
                f"""UPDATE {table} stray SET customer_id = absorbed.merged_into_id
                    FROM customers_customer absorbed
                    WHERE stray.customer_id = absorbed.id AND absorbed.merged_into_id IS NOT NULL"""
            )
            moved += cursor.rowcount
        cursor.execute("SET LOCAL coterie.merging = 'off'")
    return moved
