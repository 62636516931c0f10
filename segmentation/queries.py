"""Reused reads of segments and scores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from django.db.models import Max, QuerySet
from django.db.models.functions import Greatest

from customers.models import Customer
from segmentation import bulk
from segmentation.enums import ModelStatus
from segmentation.models import (
    FirstPurchase,
    Membership,
    ModelVersion,
    Score,
    ScoreGeneration,
    Segment,
)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The current scores of some customers, NaN where there is none."""

    values: npt.NDArray[np.float64]
    version: str
    version_id: int | None
    average: float


def members(segment: Segment) -> QuerySet[Customer]:
    """The customers in `segment` now."""
    ids = Membership.objects.filter(segment=segment).values("customer_id")
    return Customer.objects.filter(pk__in=ids, merged_into=None)


def member_ids_sql(segment: Segment) -> tuple[str, list[int]]:
    """A SELECT of one column, customer_id, and its parameters: for set-based statements."""
    return (
        # who was merged since the last refresh is a part of somebody else
        """SELECT customer_id FROM segmentation_membership WHERE segment_id = %s AND NOT EXISTS (
            SELECT FROM customers_customer c
            WHERE c.id = customer_id AND c.merged_into_id IS NOT NULL)""",
        [segment.pk],
    )


def champion(task: str) -> ModelVersion | None:
    """The version that serves, if any."""
    return ModelVersion.objects.filter(task=task, status=ModelStatus.CHAMPION).first()


def last_decided(task: str) -> datetime | None:
    """When a version was last trained, or put back by somebody; what is put back must not be replaced at the next tick."""
    found = ModelVersion.objects.filter(task=task).aggregate(
        last=Max(Greatest("trained_at", "decided_at"))  # one that is null does not count
    )
    last: datetime | None = found["last"]
    return last


def served_without_knowing(task: str, *, moment: datetime) -> ModelVersion | None:
    """The newest version that serves or served, and has learned from nothing after `moment`: it can be judged on that."""
    return (
        ModelVersion.objects.filter(
            task=task,
            status__in=[ModelStatus.CHAMPION, ModelStatus.RETIRED],
            window_ends_at__lte=moment,
        )
        .order_by("-number")
        .first()
    )


@dataclass(frozen=True, kw_only=True)
class FirstPurchaseView:
    """What the first order led us to expect. shares: segment and probability, the likeliest first; money in cents."""

    first_order_cents: int
    expected_cents: int
    horizon_days: int
    shares: tuple[tuple[str, float], ...]
    version: str


def first_purchase(customer_id: int) -> FirstPurchaseView | None:
    """The prediction for a customer with one order, if one is kept and current."""
    row = (
        FirstPurchase.objects.filter(customer_id=customer_id, generation__is_current=True)
        .select_related("generation__version")
        .first()
    )
    if row is None:
        return None
    version = row.generation.version
    score = Score.objects.filter(generation=row.generation, customer_id=customer_id).first()
    named = zip(version.metrics["segments"], row.shares, strict=True)
    return FirstPurchaseView(
        first_order_cents=row.first_order_cents,
        expected_cents=round(score.value) if score else 0,
        horizon_days=version.metrics["horizon_days"],
        shares=tuple(sorted(named, key=lambda share: -share[1])),
        version=str(version),
    )


def current_generation(task: str) -> ScoreGeneration | None:
    """The scores that are shown and used, if any."""
    return (
        ScoreGeneration.objects.filter(task=task, is_current=True).select_related("version").first()
    )


def current_scores(task: str, customer_ids: npt.NDArray[np.int64]) -> Scores:
    """The scores of `customer_ids` (sorted or not), aligned with them."""
    values = np.full(len(customer_ids), np.nan)
    generation = current_generation(task)
    if generation is None:
        return Scores(values=values, version="", version_id=None, average=float("nan"))
    known, scores = bulk.read_columns(
        "SELECT customer_id, value FROM segmentation_score"
        f" WHERE generation_id = {int(generation.pk)} ORDER BY 1",
        ["int8", "float8"],
    )
    if len(known):
        at = np.clip(np.searchsorted(known, customer_ids), 0, len(known) - 1)
        found = known[at] == customer_ids
        values[found] = scores[at[found]]
    return Scores(
        values=values,
        version=str(generation.version),
        version_id=generation.version_id,
        average=float(scores.mean()) if len(scores) else float("nan"),
    )


def scores_of(task: str, customer_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The current scores of a few customers (ascending), NaN where there is none; reads no others."""
    values = np.full(len(customer_ids), np.nan)
    generation = current_generation(task)
    if generation is not None:
        # an array and a number, not joins: they would read every part from its beginning to its end
        known, scores = bulk.read_columns(
            f"SELECT customer_id, value FROM segmentation_score WHERE generation_id = {int(generation.pk)}"
            f" AND customer_id = ANY('{bulk.as_array(customer_ids)}'::bigint[])",
            ["int8", "float8"],
        )
        values[np.searchsorted(customer_ids, known)] = scores
    return values
