"""Reviews nobody has scored yet: what TextBlob makes of their words."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from django.db import connection, transaction

from segmentation.bulk import copy_columns
from segmentation.ml.estimators import sentiment


def score_new(
    *, now: datetime, at_most: int = 20_000, customer_ids: list[int] | None = None
) -> int:
    """Score up to `at_most` reviews (of these customers) that have no sentiment yet; returns how many were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('review sentiment'))")
        cursor.execute(
            """
            SELECT r.id, concat_ws('. ', nullif(r.title, ''), r.text), r.language
            FROM customers_review r
            LEFT JOIN segmentation_reviewsentiment s ON s.review_id = r.id
            WHERE s.id IS NULL AND (%(whose)s::bigint[] IS NULL OR r.customer_id = ANY(%(whose)s))
            ORDER BY r.id LIMIT %(at_most)s
            """,
            {"whose": customer_ids, "at_most": at_most},
        )
        rows = cursor.fetchall()
        if not rows:
            return 0
        scored = sentiment.score_all(
            [text for _, text, _ in rows], languages=[language or None for *_, language in rows]
        )
        copy_columns(
            "segmentation_reviewsentiment",
            ["review_id", "label", "polarity", "subjectivity", "reason", "scored_at"],
            ["int8", "varchar", "float8", "float8", "varchar", "timestamptz"],
            [
                np.array([row[0] for row in rows]),
                np.array([one.label.value for one in scored]),
                np.array([one.polarity for one in scored], dtype=np.float64),
                np.array([one.subjectivity for one in scored], dtype=np.float64),
                np.array([one.reason[:100] for one in scored]),
                np.array([now] * len(scored), dtype=object),
            ],
        )
    return len(rows)
