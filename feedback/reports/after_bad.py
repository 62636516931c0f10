"""What offers earned from customers with and without a bad experience before them: by the shop's own holdouts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import sqrt
from typing import Any

from django.db import connection

from campaigns.enums import Arm, SkipReason
from campaigns.models import Delivery
from feedback.lift import MIN_HELD_OUT
from feedback.models import OutcomeWindow
from segmentation import experiences


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


_CELLS = """
    WITH bad AS ({bad})
    SELECT b.customer_id IS NOT NULL, d.arm = %s, count(*), avg(u.profit_cents)::float8,
        coalesce(var_samp(u.profit_cents), 0)::float8
    FROM feedback_outcome u
    JOIN campaigns_delivery d ON d.id = u.delivery_id
    LEFT JOIN bad b ON b.customer_id = d.customer_id
    WHERE u.window_id = %s
    GROUP BY 1, 2 ORDER BY 1, 2"""


def measure_closed(*, at_most: int = 100) -> int:
    """
    Sum up closed windows that are not yet; returns how many were.

    Once for each: a closed window does not change, and the page must not read all outcomes of all times.
    """
    closed = OutcomeWindow.objects.filter(closed_at__isnull=False, after_bad__isnull=True)
    windows = list(closed.order_by("pk")[:at_most])
    for window in windows:
        bad, parameters = experiences.bad_sql(
            since=window.starts_at - timedelta(days=DAYS), until=window.starts_at
        )
        with connection.cursor() as cursor:
            cursor.execute(_CELLS.format(bad=bad), [*parameters, Arm.HOLDOUT, window.pk])
            cells = [list(row) for row in cursor.fetchall()]
        rested = Delivery.objects.filter(
            campaign=window.campaign_id, reason=SkipReason.BAD_EXPERIENCE
        )
        window.after_bad = {"cells": cells, "rested": rested.count()}
        window.save(update_fields=["after_bad"])
    return len(windows)


def gains() -> Gains:
    """Of all closed campaigns, each compared with its own holdout and then put together."""
    measured = OutcomeWindow.objects.filter(after_bad__isnull=False).values_list("pk", "after_bad")
    rows = [(window, told) for window, told in measured.order_by("pk") if told is not None]
    cells = [(window, *cell) for window, told in rows for cell in told["cells"]]
    return Gains(
        after_bad=_together([(window, *rest) for window, is_bad, *rest in cells if is_bad]),
        others=_together([(window, *rest) for window, is_bad, *rest in cells if not is_bad]),
        rested=sum(told["rested"] for _, told in rows),
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
