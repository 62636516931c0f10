"""Who is in which segment: recomputed as a set, written as the difference, history kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from segmentation.bulk import copy_columns
from segmentation.enums import SegmentKind
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
    segment: Segment,
    customer_ids: npt.NDArray[np.int64],
    *,
    now: datetime,
    rule_version: int | None = None,
) -> Change:
    """
    Make `customer_ids` the members of `segment` and record who joined and who left.

    Only the difference is written. Customers erased, merged or removed in the meantime are left out.
    rule_version: the version of the rule that decided; None where there is no rule.
    """
    with connection.cursor() as cursor:
        # two refreshes of one segment at once would both see the same difference
        cursor.execute("SELECT 1 FROM segmentation_segment WHERE id = %s FOR UPDATE", [segment.pk])
        cursor.execute("CREATE TEMP TABLE wanted (customer_id bigint PRIMARY KEY) ON COMMIT DROP")
    copy_columns("wanted", ["customer_id"], ["int8"], [np.unique(customer_ids)])
    return _write_difference(segment, now=now, rule_version=rule_version)


@transaction.atomic
def write_everyone(segment: Segment, *, now: datetime) -> Change:
    """Make every living customer a member of `segment`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM segmentation_segment WHERE id = %s FOR UPDATE", [segment.pk])
        cursor.execute(
            "CREATE TEMP TABLE wanted ON COMMIT DROP AS SELECT id AS customer_id FROM customers_customer"
        )
    return _write_difference(segment, now=now)


@transaction.atomic
def write_some(
    wanted: Mapping[int, npt.NDArray[np.int64]],
    *,
    touched: npt.NDArray[np.int64],
    now: datetime,
    rule_versions: Mapping[int, int] | None = None,
) -> None:
    """
    Make `wanted` (segment id to customers) the memberships of the `touched` customers in those segments.

    Nobody else is looked at, so the cost does not depend on how large the segments are.
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
        cursor.execute(
            _WRITE_SOME,
            {
                "segments": segments,
                "touched": touched.tolist(),
                "wanted_segments": np.repeat(
                    segments, [len(wanted[one]) for one in segments]
                ).tolist(),
                "wanted_customers": [int(who) for one in segments for who in wanted[one]],
                "rules": sorted(rules),
                "versions": [rules[one] for one in sorted(rules)],
                "now": now,
            },
        )


_WRITE_SOME = """
    WITH wanted AS MATERIALIZED (
        SELECT w.segment_id, w.customer_id
        FROM unnest(%(wanted_segments)s::bigint[], %(wanted_customers)s::bigint[])
            AS w (segment_id, customer_id)
        JOIN customers_customer c ON c.id = w.customer_id
        WHERE c.erased_at IS NULL AND c.merged_into_id IS NULL AND c.restricted_at IS NULL
    ), gone AS (
        DELETE FROM segmentation_membership m USING unnest(%(touched)s::bigint[]) AS t (customer_id)
        WHERE m.customer_id = t.customer_id AND m.segment_id = ANY(%(segments)s)
          AND NOT EXISTS (SELECT FROM wanted w
                          WHERE w.segment_id = m.segment_id AND w.customer_id = m.customer_id)
        RETURNING m.segment_id, m.customer_id
    ), come AS (
        INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)
        SELECT segment_id, customer_id, %(now)s FROM wanted
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


def _write_difference(
    segment: Segment, *, now: datetime, rule_version: int | None = None
) -> Change:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE wanted")  # else its size is guessed, and so is the way to join it
        cursor.execute(
            # also who is no longer there: an import was undone since they were read
            "DELETE FROM wanted w WHERE NOT EXISTS (SELECT FROM customers_customer c"
            " WHERE c.id = w.customer_id AND c.erased_at IS NULL AND c.merged_into_id IS NULL AND c.restricted_at IS NULL)"
        )
        cursor.execute(
            """
            WITH surplus AS MATERIALIZED (
                -- not NOT EXISTS: a table thought to be small would be met with a walk for each of its rows
                SELECT customer_id FROM segmentation_membership WHERE segment_id = %(segment)s
                EXCEPT SELECT customer_id FROM wanted
            ), gone AS (
                DELETE FROM segmentation_membership m
                WHERE segment_id = %(segment)s AND customer_id IN (SELECT customer_id FROM surplus)
                RETURNING customer_id
            )
            INSERT INTO segmentation_membershipchange
                (segment_id, customer_id, joined, changed_at, rule_version)
            SELECT %(segment)s, customer_id, false, %(now)s, %(rule_version)s FROM gone
            """,
            {"segment": segment.pk, "now": now, "rule_version": rule_version},
        )
        left = cursor.rowcount
        cursor.execute(
            """
            WITH missing AS MATERIALIZED (
                SELECT customer_id FROM wanted
                EXCEPT SELECT customer_id FROM segmentation_membership WHERE segment_id = %(segment)s
            ), come AS (
                INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)
                SELECT %(segment)s, customer_id, %(now)s FROM missing
                RETURNING customer_id
            )
            INSERT INTO segmentation_membershipchange
                (segment_id, customer_id, joined, changed_at, rule_version)
            SELECT %(segment)s, customer_id, true, %(now)s, %(rule_version)s FROM come
            """,
            {"segment": segment.pk, "now": now, "rule_version": rule_version},
        )
        joined = cursor.rowcount
        cursor.execute("SELECT count(*) FROM wanted")
        size = cursor.fetchone()[0]
        cursor.execute("DROP TABLE wanted")
    segment.size, segment.refreshed_at = size, now
    segment.save(update_fields=["size", "refreshed_at"])
    return Change(joined=joined, left=left, size=size)
