"""Who withdrew from being profiled leaves what was computed about them, also where nothing is computed any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from consent.enums import Purpose
from segmentation import rulebook
from segmentation.enums import SegmentKind
from segmentation.models import Segment


RECOMMENDED = ("segmentation_recommendation", "segmentation_suppressedcategory")
"""Gone with the agreement to recommendations, too."""

TABLES = (
    "segmentation_score",
    "segmentation_firstpurchase",
    "segmentation_judgedcase",
    *RECOMMENDED,
)
"""What models say of customers, by `customer_id`: gone with the agreement to be profiled."""

_WITHDREW = """
    SELECT s.customer_id FROM consent_consentstate s
    WHERE s.purpose = %(purpose)s AND NOT s.is_granted
"""
_SCORES = "DELETE FROM {table} WHERE customer_id IN (" + _WITHDREW + ")"
_MEMBERSHIPS = (
    """
    WITH gone AS (
        DELETE FROM segmentation_membership m
        WHERE m.segment_id = ANY(%(segments)s) AND m.customer_id IN ("""
    + _WITHDREW
    + """)
        RETURNING m.segment_id, m.customer_id
    ), told AS (
        INSERT INTO segmentation_membershipchange (segment_id, customer_id, joined, changed_at, rule_version)
        SELECT g.segment_id, g.customer_id, false, %(now)s, nullif(s.rule_version, 0)
        FROM gone g JOIN segmentation_segment s ON s.id = g.segment_id
    )
    UPDATE segmentation_segment s SET size = greatest(s.size - g.left_it, 0)
    FROM (SELECT segment_id, count(*) AS left_it FROM gone GROUP BY 1) g WHERE g.segment_id = s.id
"""
)


@transaction.atomic
def forget(*, now: datetime) -> None:
    """
    Remove scores, first purchases and memberships of everybody who withdrew.

    A run over everybody writes anew only what can be computed; a model that cannot be read, or a rule that
    fails, must not keep anybody.
    """
    book = rulebook.read()
    computed = Segment.objects.filter(
        kind__in=[SegmentKind.RFM, SegmentKind.CLUSTER, SegmentKind.SCORE]
    )
    of_profiled = {*computed.values_list("pk", flat=True), *book.profiled, *book.problems}
    asked: dict[str, Any] = {
        "purpose": Purpose.PROFILING.value, "segments": sorted(of_profiled), "now": now,
    }  # fmt: skip
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(_SCORES.format(table=table), asked)
        for table in RECOMMENDED:
            cursor.execute(_SCORES.format(table=table), {"purpose": Purpose.RECOMMENDATIONS.value})
        cursor.execute(_MEMBERSHIPS, asked)
