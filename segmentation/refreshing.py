"""One turn of knowing: sentiment, mirror, features, scores, segments; in this order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from customers.models import Cursor
from segmentation import mirror, reviews, scoring, segments
from segmentation.enums import ModelStatus
from segmentation.expectation import READER
from segmentation.ml import features
from segmentation.ml.tables import FeatureTable
from segmentation.models import ModelVersion, ScoreGeneration


EVERY = timedelta(days=1)
NOT_SCORING = ("CLUSTERS",)


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """What one turn did."""

    customers: int
    reviews: int
    scores: dict[str, int]


def due(*, now: datetime) -> bool:
    """A day of the shop's time has passed, or a champion has not scored anybody yet."""
    cursor = Cursor.objects.filter(reader=READER).first()
    if cursor is None or cursor.moved_at is None or now - cursor.moved_at >= EVERY:
        return True
    serving = ModelVersion.objects.filter(status=ModelStatus.CHAMPION).exclude(task__in=NOT_SCORING)
    shown = ScoreGeneration.objects.filter(is_current=True).values_list("version_id", flat=True)
    return serving.exclude(pk__in=list(shown)).exists()


def refresh(*, now: datetime) -> Refreshed:
    """Bring scores and segments up to `now`. Repeating it at the same `now` changes nothing."""
    scored = reviews.score_new(now=now)
    mirror.refresh()
    with mirror.connect() as database:
        table = FeatureTable.from_arrow(features.compute(database, as_of=int(now.timestamp())))
    written = scoring.score_all(table, as_of=now, now=now) if len(table) else {}
    segments.refresh(table, now=now)
    Cursor.objects.update_or_create(
        reader=READER, defaults={"moved_at": now, "position": int(now.timestamp())}
    )
    return Refreshed(customers=len(table), reviews=scored, scores=written)


def refresh_if_due(*, now: datetime) -> Refreshed | None:
    """
    Refresh when due and no other process is at it.

    Returns None, having done nothing, when it is not due or another process holds the lock.
    """
    if not due(now=now):
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [READER])
        if not cursor.fetchone()[0]:
            return None
        try:
            return refresh(now=now)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [READER])
