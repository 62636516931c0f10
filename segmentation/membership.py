"""
Who is in which segment: recomputed as a set, written as the difference, history kept.

The difference is worked out here and not by a join: what the database knows of a segment may be a tenth of what has
just been written to it, and a plan for nobody walks over everybody once for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction

from customers.importing.bulk import unchecked_references
from segmentation.bulk import as_array, as_ids, read_ids
from segmentation.enums import SegmentKind
from segmentation.ml.tables import Ints
from segmentation.models import Segment
from segmentation.rule_segments import free_name


@dataclass(frozen=True, kw_only=True)
class Change:
    """How many joined and left."""

    joined: int
    left: int
    size: int


_KEY = {SegmentKind.RFM: "group", SegmentKind.CLUSTER: "cluster", SegmentKind.SCORE: "task"}
"""What in the definition tells segments of one kind apart; of EVERYONE there is one."""


def ensure(
    *, name: str, kind: SegmentKind, definition: dict[str, object], description: str, now: datetime
) -> Segment:
    """
    The segment of this kind and key of the definition, made when it does not exist.

    Its words follow the code's; its name stays. A name that another segment has gets a number behind it.
    """
    key = _KEY.get(kind)
    same = {f"definition__{key}": definition[key]} if key else {}
    found = list(Segment.objects.filter(kind=kind, **same).order_by("pk"))
    if not found:
        return Segment.objects.create(
            name=free_name(name), kind=kind, definition=definition, description=description,
            created_at=now,
        )  # fmt: skip
    segment = next((one for one in found if one.name == name), found[0])
    if (segment.definition, segment.description) != (definition, description):
        segment.definition, segment.description = definition, description
        segment.save(update_fields=["definition", "description"])
    return segment


@transaction.atomic
def write(
    segment: Segment, customer_ids: Ints, *, now: datetime, rule_version: int | None = None
) -> Change:
    """
    Make `customer_ids` the members of `segment` and record who joined and who left.

    Only the difference is written. Customers erased, merged or removed in the meantime are left out.
    rule_version: the version of the rule that decided; None where there is no rule.
    """
    before = _members_alone(segment)
    stay = np.intersect1d(before, customer_ids)
    stay = np.concatenate([_living(part) for part in _parts(stay)])
    come = np.setdiff1d(customer_ids, before)
    return _write_difference(
        segment, before=before, stay=stay, come=come, now=now, rule_version=rule_version
    )


@transaction.atomic
def write_everyone(segment: Segment, *, now: datetime) -> Change:
    """Make every living customer a member of `segment`."""
    before = _members_alone(segment)
    living = read_ids(f"SELECT id FROM customers_customer WHERE {_LIVES}")
    stay, come = np.intersect1d(before, living), np.setdiff1d(living, before)
    return _write_difference(segment, before=before, stay=stay, come=come, now=now)


PART = 100_000
"""Customers a statement."""

_LIVES = "erased_at IS NULL AND merged_into_id IS NULL AND restricted_at IS NULL"


def _parts(customer_ids: Ints) -> Iterator[Ints]:
    """At least one, which may be empty."""
    for start in range(0, max(1, len(customer_ids)), PART):
        yield customer_ids[start : start + PART]


def _members_alone(segment: Segment) -> Ints:
    """Who is in it, until the end of the transaction: two refreshes at once would both see the same difference."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM segmentation_segment WHERE id = %s FOR UPDATE", [segment.pk])
    return read_ids(
        f"SELECT customer_id FROM segmentation_membership WHERE segment_id = {int(segment.pk)}"
    )


def _living(customer_ids: Ints, *, locked: bool = False) -> Ints:
    """Of these who are customers now; `locked`: and cannot be removed before the transaction ends."""
    asked = f"id = ANY('{as_array(customer_ids)}'::bigint[]) AND {_LIVES}"
    lock = " FOR KEY SHARE" if locked else ""
    return read_ids(f"SELECT id FROM customers_customer WHERE {asked}{lock}")


_LEAVE = """
    WITH gone AS (
        DELETE FROM segmentation_membership
        WHERE segment_id = %(segment)s AND customer_id = ANY(%(who)s::bigint[])
        RETURNING customer_id
    )
    INSERT INTO segmentation_membershipchange
        (segment_id, customer_id, joined, changed_at, rule_version)
    SELECT %(segment)s, customer_id, false, %(now)s, %(rule_version)s FROM gone
"""
_JOIN = """
    INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)
    SELECT %(segment)s, unnest(%(who)s::bigint[]), %(now)s
"""
_JOINED = """
    INSERT INTO segmentation_membershipchange
        (segment_id, customer_id, joined, changed_at, rule_version)
    SELECT %(segment)s, unnest(%(who)s::bigint[]), true, %(now)s, %(rule_version)s
"""


def _write_difference(
    segment: Segment,
    *,
    before: Ints,
    stay: Ints,
    come: Ints,
    now: datetime,
    rule_version: int | None = None,
) -> Change:
    said: dict[str, Any] = {"segment": segment.pk, "now": now, "rule_version": rule_version}
    left = joined = 0
    with connection.cursor() as cursor:
        for part in _parts(np.setdiff1d(before, stay)):
            if len(part):
                cursor.execute(_LEAVE, {**said, "who": as_array(part)})
                left += cursor.rowcount
        for part in _parts(come):
            living = np.sort(_living(part, locked=True))  # as the indexes are
            if len(living):
                told = {**said, "who": as_array(living)}
                # the segment and the customers are locked, so what they refer to is there
                with unchecked_references(cursor):
                    cursor.execute(_JOIN, told)
                cursor.execute(_JOINED, told)
                joined += len(living)
    segment.size, segment.refreshed_at = len(stay) + joined, now
    segment.save(update_fields=["size", "refreshed_at"])
    return Change(joined=joined, left=left, size=segment.size)


# ---------------------------------------------------------------- some customers
@transaction.atomic
def write_some(
    wanted: Mapping[int, Ints],
    *,
    touched: Ints,
    now: datetime,
    rule_versions: Mapping[int, int] | None = None,
    before: Mapping[int, Ints] | None = None,
) -> dict[int, Ints]:
    """
    Make `wanted` (segment id to customers) the memberships of the `touched` customers in those segments.

    Nobody else is looked at, so the cost does not depend on how large the segments are. Only the difference to
    `before` is written: to what this returned for the same customers, where somebody knows it, or else what is stored.
    Who was erased, merged or restricted since `wanted` was worked out is a member of none of them.
    Returns segment id to those of the touched who are in it now, of all segments.
    rule_versions: segment id to the version of the rule that decided; what was said by a version that is
    no longer the newest is left out.
    """
    rules = rule_versions or {}
    with connection.cursor() as cursor:
        # in one order, lest two writers wait for each other
        cursor.execute(
            "SELECT id, rule_version FROM segmentation_segment WHERE id = ANY(%s)"
            " AND archived_at IS NULL ORDER BY id FOR NO KEY UPDATE",
            [sorted(wanted)],
        )
        segments = [pk for pk, version in cursor.fetchall() if rules.get(pk, version) == version]
        before = _memberships_of(touched) if before is None else before
        wanted = _without_lost({one: wanted[one] for one in segments}, touched=touched)
        gone = {one: np.setdiff1d(before.get(one, _NOBODY), who) for one, who in wanted.items()}
        come = {one: np.setdiff1d(who, before.get(one, _NOBODY)) for one, who in wanted.items()}
        if any(len(who) for who in (*gone.values(), *come.values())):
            cursor.execute(
                _WRITE_SOME,
                {
                    **_pairs("gone", gone),
                    **_pairs("come", come),
                    "rules": sorted(rules),
                    "versions": [rules[one] for one in sorted(rules)],
                    "now": now,
                },
            )
    return {**before, **wanted}


_NOBODY: Ints = np.empty(0, dtype=np.int64)


def _without_lost(wanted: dict[int, Ints], *, touched: Ints) -> dict[int, Ints]:
    """`wanted` without those of the touched who are no customers to work with now: nearly always nobody."""
    asked = f"id = ANY('{as_array(touched)}'::bigint[]) AND NOT ({_LIVES})"
    lost = read_ids(f"SELECT id FROM customers_customer WHERE {asked}")
    return {one: np.setdiff1d(who, lost) for one, who in wanted.items()} if len(lost) else wanted


def _memberships_of(customer_ids: Ints) -> dict[int, Ints]:
    """Segment id to those of these customers who are in it."""
    with connection.cursor() as cursor:
        # where the planner can count them, it looks for many in each segment instead of for each at once
        cursor.execute(
            "SELECT segment_id, string_agg(int8send(customer_id), '') FROM segmentation_membership"
            " WHERE customer_id = ANY((SELECT %s::bigint[])::bigint[]) GROUP BY 1",
            [as_array(customer_ids)],
        )
        return {segment: as_ids(who) for segment, who in cursor.fetchall()}


def _pairs(name: str, of: Mapping[int, Ints]) -> dict[str, str]:
    """Segments and customers, aligned, as two parameters."""
    segments = np.repeat(np.array(list(of), dtype=np.int64), [len(who) for who in of.values()])
    customers = np.concatenate([_NOBODY, *of.values()])
    return {f"{name}_segments": as_array(segments), f"{name}_customers": as_array(customers)}


_WRITE_SOME = f"""
    WITH gone AS (
        DELETE FROM segmentation_membership m
        USING unnest(%(gone_segments)s::bigint[], %(gone_customers)s::bigint[])
            AS g (segment_id, customer_id)
        WHERE m.segment_id = g.segment_id AND m.customer_id = g.customer_id
        RETURNING m.segment_id, m.customer_id
    ), come AS (
        INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)
        SELECT w.segment_id, w.customer_id, %(now)s
        FROM unnest(%(come_segments)s::bigint[], %(come_customers)s::bigint[])
            AS w (segment_id, customer_id)
        JOIN customers_customer c ON c.id = w.customer_id
        WHERE {_LIVES}
        ON CONFLICT (segment_id, customer_id) DO NOTHING
        RETURNING segment_id, customer_id
    ), changes AS (
        SELECT segment_id, customer_id, false AS joined FROM gone
        UNION ALL SELECT segment_id, customer_id, true FROM come
    ), history AS (
        INSERT INTO segmentation_membershipchange
            (segment_id, customer_id, joined, changed_at, rule_version)
        SELECT segment_id, customer_id, joined, %(now)s, rules.version FROM changes
        LEFT JOIN unnest(%(rules)s::bigint[], %(versions)s::int[]) AS rules (segment_id, version)
            USING (segment_id)
    )
    UPDATE segmentation_segment s SET size = greatest(0, s.size + change.difference)
    FROM (SELECT segment_id, sum(CASE WHEN joined THEN 1 ELSE -1 END) AS difference
          FROM changes GROUP BY 1) change
    WHERE s.id = change.segment_id
"""
