"""What offers earned from customers with and without a bad experience before them: by the shop's own holdouts."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

from django.db import connection

from campaigns.enums import Arm
from feedback.lift import MIN_HELD_OUT
from segmentation.enums import Sentiment


DAYS = 30
"""A bad experience counts for an offer when it came within so many days before it."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """
    Profit a customer of a campaign against mailing nobody, in cents, with a 95 % interval.

    The interval is None where fewer than MIN_HELD_OUT customers were held out.
    """

    mailed: int
    held_out: int
    cents: float
    bounds: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Gains:
    """after_bad: those with a bad experience in the days before; others: those without; rested: left out by the guard."""

    after_bad: Gain
    others: Gain
    rested: int

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """What an offer earns less after a bad experience, with its bounds; None while it cannot be said."""
        if self.after_bad.bounds is None or self.others.bounds is None:
            return None
        less = self.others.cents - self.after_bad.cents
        widths = [
            (one.bounds[1] - one.cents) for one in (self.after_bad, self.others) if one.bounds
        ]
        wide = sqrt(sum(width**2 for width in widths))
        return less, less - wide, less + wide


_STATEMENT = f"""
    WITH bad AS (
        SELECT r.customer_id, r.written_at AS at FROM customers_review r
        LEFT JOIN segmentation_reviewsentiment s ON s.review_id = r.id
        WHERE r.customer_id IS NOT NULL
          AND (r.rating <= 2 OR coalesce(r.rating, 3) = 3 AND s.label = '{Sentiment.NEGATIVE}')
        UNION ALL
        SELECT coalesce(f.customer_id, o.customer_id), f.refunded_at FROM customers_refund f
        LEFT JOIN customers_order o ON o.id = f.order_id
    ), touched AS (
        SELECT DISTINCT w.id AS window_id, bad.customer_id FROM feedback_outcomewindow w
        JOIN bad ON bad.at >= w.starts_at - interval '{DAYS} days' AND bad.at < w.starts_at
        WHERE w.closed_at IS NOT NULL
    )
    SELECT t.customer_id IS NOT NULL AS after_bad, u.window_id, d.arm = '{Arm.HOLDOUT}' AS held_out,
        count(*), avg(u.profit_cents)::float8, coalesce(var_samp(u.profit_cents), 0)::float8
    FROM feedback_outcome u
    JOIN campaigns_delivery d ON d.id = u.delivery_id
    LEFT JOIN touched t ON t.window_id = u.window_id AND t.customer_id = d.customer_id
    GROUP BY 1, 2, 3"""


def gains() -> Gains:
    """Of all closed campaigns, each compared with its own holdout and then put together."""
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT)
        rows = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM campaigns_delivery WHERE reason = 'BAD_EXPERIENCE'")
        rested = int(cursor.fetchone()[0])
    return Gains(
        after_bad=_together([row[1:] for row in rows if row[0]]),
        others=_together([row[1:] for row in rows if not row[0]]),
        rested=rested,
    )


def _together(rows: list[tuple[Any, ...]]) -> Gain:
    """
    The differences of the campaigns, weighed by n m / (n + m): as a regression with a term a campaign does.

    Campaigns with nobody on one side say nothing and are left out.
    """
    cells: dict[int, dict[bool, tuple[int, float, float]]] = {}
    for window, held_out, count, mean, variance in rows:
        cells.setdefault(window, {})[held_out] = (count, mean, variance)
    total = weights = variance = 0.0
    mailed = held = 0
    for cell in cells.values():
        if len(cell) < 2:
            continue
        (n, mean, spread), (m, other, its_spread) = cell[False], cell[True]
        weight = n * m / (n + m)
        total += weight * (mean - other)
        variance += weight**2 * (spread / n + its_spread / m)
        weights += weight
        mailed, held = mailed + n, held + m
    if not weights:
        return Gain(mailed=mailed, held_out=held, cents=0.0, bounds=None)
    cents, deviation = total / weights, sqrt(variance) / weights
    enough = held >= MIN_HELD_OUT and mailed >= MIN_HELD_OUT
    return Gain(
        mailed=mailed,
        held_out=held,
        cents=cents,
        bounds=(cents - 1.96 * deviation, cents + 1.96 * deviation) if enough else None,
    )
