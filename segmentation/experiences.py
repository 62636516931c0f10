"""Who had a bad experience lately: a bad review, a complaint, or a refund."""

from __future__ import annotations

from datetime import datetime

from segmentation.enums import Sentiment


_BAD = """
    SELECT r.customer_id FROM customers_review r
    LEFT JOIN segmentation_reviewsentiment s ON s.review_id = r.id
    WHERE r.customer_id IS NOT NULL AND r.written_at >= %s AND r.written_at < %s
      AND (r.rating <= 2 OR coalesce(r.rating, 3) = 3 AND s.label = '{negative}')
    UNION
    SELECT coalesce(f.customer_id, o.customer_id) FROM customers_refund f
    LEFT JOIN customers_order o ON o.id = f.order_id
    WHERE coalesce(f.customer_id, o.customer_id) IS NOT NULL
      AND f.refunded_at >= %s AND f.refunded_at < %s
"""


def bad_sql(*, since: datetime, until: datetime) -> tuple[str, list[datetime]]:
    """
    A SELECT of one column, the customers, and its parameters; nobody when `since` is `until`.

    Stars come before words: one or two of them are bad, four or five are not whatever the words look like,
    and three, or none (a complaint, a mention), are bad where the words are.
    """
    return _BAD.format(negative=Sentiment.NEGATIVE.value), [since, until, since, until]
