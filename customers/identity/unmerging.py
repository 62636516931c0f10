"""A merge undone: exactly what moved goes back, and what came since stays."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from customers import turns
from customers.enums import EventKind
from customers.identity.merging import (
    FILLED,
    MOVED_TABLES,
    MergeError,
    fields,
    lock,
    sources_of,
    tell,
)
from customers.models import Alias, Customer, Merge


@transaction.atomic
def unmerge(row: Merge, *, now: datetime) -> Merge:
    """
    Make two customers of one again; undoing twice changes nothing.

    Rows that came after the merge stay with the survivor, and so does a field that somebody changed
    since. Ledger: UNMERGED on the survivor. Raises MergeError when the survivor has been merged into
    somebody else since (undo that first), or when one of the two was erased.
    """
    with connection.cursor() as cursor:
        turns.wait(cursor, *sources_of([row.survivor_id, row.absorbed_id]))
        row = Merge.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if row.undone_at:
            return row
        later = Merge.objects.filter(undone_at=None, absorbed=row.survivor_id).first()
        if later:
            raise MergeError(
                f"{later.absorbed} has become a part of {later.survivor} since: undo that merge first."
            )
        both = lock([row.survivor_id, row.absorbed_id])
        survivor, absorbed = both[row.survivor_id], both[row.absorbed_id]
        if survivor.erased_at or absorbed.erased_at:
            raise MergeError("A customer was erased since; their data cannot be brought back.")
        Alias.objects.filter(merge=row).delete()
        cursor.execute("SET LOCAL coterie.merging = 'on'")
        for table, column in MOVED_TABLES.items():
            cursor.execute(
                f"UPDATE {table} SET {column} = %s WHERE id = ANY(%s) AND {column} = %s",
                [absorbed.pk, row.moved.get(table, []), survivor.pk],
            )
        cursor.execute("SET LOCAL coterie.merging = 'off'")
    before, after = row.before["survivor"], row.before["after"]
    _set(survivor, _reverted(now_is=fields(survivor), before=before, after=after))
    _set(absorbed, row.before["absorbed"])
    absorbed.merged_into = None
    absorbed.save(update_fields=["merged_into"])
    _forget_in_later_merges(row)
    row.undone_at, row.before = now, {}  # what was personal in it is the customers' again
    row.save(update_fields=["undone_at", "before"])
    tell(row, EventKind.UNMERGED, now=now)
    return row


def _reverted(
    *, now_is: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    """`now_is` with every field as it was `before`, unless it is no longer what the merge made of it."""
    fields = {
        name: before[name] if value == after[name] else value for name, value in now_is.items()
    }
    # trait by trait: those that came with the other go, those that were told since stay
    came = after["traits"].keys() - before["traits"].keys()
    fields["traits"] = {
        key: value
        for key, value in now_is["traits"].items()
        if key not in came or value != after["traits"][key]
    }
    return fields


def _set(customer: Customer, told: dict[str, Any]) -> None:
    for name in ("email", "email_hmac", *FILLED, "traits"):
        setattr(customer, name, told[name])
    customer.joined_at = datetime.fromisoformat(told["joined_at"])
    customer.save(update_fields=list(told))


def _forget_in_later_merges(row: Merge) -> None:
    """
    What this merge gave the survivor is no longer what a later one found.

    Else undoing that one too would bring the absorbed customer's address back.
    """
    before, after = row.before["survivor"], row.before["after"]
    standing = Merge.objects.filter(undone_at=None, survivor=row.survivor_id, pk__gt=row.pk)
    # an erasure empties what a merge remembers
    for later in standing.exclude(before={}):
        found, left = later.before["survivor"], later.before["after"]
        later.before["survivor"] = _reverted(now_is=found, before=before, after=after)
        untouched = {name: left[name] for name in left if left[name] == found[name]}
        later.before["after"] = {
            **left,
            **{name: later.before["survivor"][name] for name in untouched},
            "traits": _reverted(now_is=left, before=before, after=after)["traits"],
        }
        later.save(update_fields=["before"])
