"""Fixed lists after merges and erasures: the survivor takes the place of who was merged, the erased leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import connection, transaction

from segmentation.bulk import as_array
from segmentation.enums import SegmentKind


@transaction.atomic
def follow(customer_ids: Sequence[int] | None, *, now: datetime) -> int:
    """
    Bring the fixed lists that hold any of `customer_ids` (None: anybody) up to merges and erasures.

    Returns how many memberships ended. A merge that is undone later leaves the lists as they are: who of the two
    was meant is not known any more. Repeating it changes nothing.
    """
    asked = None if customer_ids is None else as_array(np.asarray(customer_ids, dtype=np.int64))
    with connection.cursor() as cursor:
        cursor.execute(_GONE, {"customers": asked})
        gone = cursor.fetchall()
        if not gone:
            return 0
        # in one order, lest two writers wait for each other
        cursor.execute(
            "SELECT 1 FROM segmentation_segment WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [sorted({segment for segment, _ in gone})],
        )
        cursor.execute(
            _FOLLOW,
            {
                "segments": [segment for segment, _ in gone],
                "customers": [customer for _, customer in gone],
                "now": now,
            },
        )
    return len(gone)


_GONE = f"""
    SELECT m.segment_id, m.customer_id FROM segmentation_membership m
    JOIN segmentation_segment s ON s.id = m.segment_id AND s.kind = '{SegmentKind.STATIC}'
    JOIN customers_customer c ON c.id = m.customer_id
    WHERE (c.erased_at IS NOT NULL OR c.merged_into_id IS NOT NULL)
      AND (%(customers)s::bigint[] IS NULL OR m.customer_id = ANY(%(customers)s::bigint[]))"""

_FOLLOW = """
    WITH RECURSIVE asked AS (
        SELECT * FROM unnest(%(segments)s::bigint[], %(customers)s::bigint[])
            AS a (segment_id, customer_id)
    ), lineage AS (
        SELECT a.segment_id, c.id, c.merged_into_id, c.erased_at FROM asked a
        JOIN customers_customer c ON c.id = a.customer_id
        UNION
        SELECT l.segment_id, c.id, c.merged_into_id, c.erased_at FROM lineage l
        JOIN customers_customer c ON c.id = l.merged_into_id
    ), gone AS (
        DELETE FROM segmentation_membership m USING asked a
        WHERE m.segment_id = a.segment_id AND m.customer_id = a.customer_id
        RETURNING m.segment_id, m.customer_id
    ), come AS (
        INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)
        SELECT DISTINCT segment_id, id, %(now)s::timestamptz FROM lineage
        WHERE merged_into_id IS NULL AND erased_at IS NULL
        ON CONFLICT (segment_id, customer_id) DO NOTHING
        RETURNING segment_id, customer_id
    ), changes AS (
        SELECT segment_id, customer_id, false AS joined FROM gone
        UNION ALL SELECT segment_id, customer_id, true FROM come
    ), history AS (
        INSERT INTO segmentation_membershipchange (segment_id, customer_id, joined, changed_at)
        SELECT segment_id, customer_id, joined, %(now)s FROM changes
    )
    -- what this statement deletes and adds is not seen by a count in it: the size before, and the difference
    UPDATE segmentation_segment s SET size = counted.size + change.difference
    FROM (SELECT segment_id, sum(CASE WHEN joined THEN 1 ELSE -1 END) AS difference
          FROM changes GROUP BY 1) change
    JOIN (SELECT segment_id, count(*) AS size FROM segmentation_membership
          WHERE segment_id = ANY(%(segments)s::bigint[]) GROUP BY 1) counted USING (segment_id)
    WHERE s.id = change.segment_id"""
