"""One turn of knowing: sentiment, mirror, features, scores, segments; in this order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.db.models import F, Max, Q

from consent.enums import Purpose
from consent.models import ConsentState
from customers.models import Cursor, Customer
from segmentation import (
    assigning,
    dirty,
    dynamic,
    engines,
    fixed_lists,
    membership,
    mirror,
    reviews,
    scoring,
    segments,
    withdrawn,
)
from segmentation.enums import ModelStatus, SegmentKind
from segmentation.expectation import READER
from segmentation.ml import features
from segmentation.ml.tables import FeatureTable, Ints
from segmentation.models import Membership, ModelVersion, ScoreGeneration, Segment


EVERY = timedelta(days=1)
SETTLED = timedelta(minutes=5)  # between refreshes because the shop has grown
GROWN = 1.05
PROFILED = "segmentation.refresh.profiled"
"""The cursor whose position is how many customers the last refresh profiled."""


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """What one turn did."""

    customers: int
    reviews: int
    scores: dict[str, int]


def due(*, now: datetime) -> bool:
    """A day of the shop's time has passed, a first import is in, the shop has grown, or a champion was not asked for scores yet."""
    cursor = Cursor.objects.filter(reader=READER).first()
    if cursor is None or cursor.moved_at is None or now - cursor.moved_at >= EVERY:
        return True
    if now > cursor.moved_at and _was_empty():
        return True
    if now - cursor.moved_at >= SETTLED and _has_grown():
        return True
    serving = ModelVersion.objects.filter(status=ModelStatus.CHAMPION, task__in=scoring.TASKS)
    # an empty one is of a champion that cannot be read: asked again every day, not every tick
    # and scores from before a version was put back are of another day
    asked = ScoreGeneration.objects.filter(Q(is_current=True) | Q(rows=0)).filter(
        Q(version__decided_at=None) | Q(written_at__gte=F("version__decided_at"))
    )
    return serving.exclude(pk__in=list(asked.values_list("version_id", flat=True))).exists()


def _has_grown() -> bool:
    """Many customers are new since the last refresh: a shop was connected, or a file came in."""
    everyone = Segment.objects.filter(kind=SegmentKind.EVERYONE).first()
    if everyone is None:
        return False
    # by the end of two indexes: this is asked every other second, and a count of all would read them all
    newest = Membership.objects.filter(segment=everyone).aggregate(Max("customer_id"))
    new = Customer.objects.filter(
        pk__gt=newest["customer_id__max"] or 0, erased_at=None, merged_into=None
    )
    return new.count() > everyone.size * (GROWN - 1)


def _was_empty() -> bool:
    """The last refresh found nobody (to profile), and now there is somebody."""
    members = Membership.objects.all()
    if not members.exists():
        return Customer.objects.filter(erased_at=None, merged_into=None).exists()
    profiled = ConsentState.objects.filter(purpose=Purpose.PROFILING, is_granted=True)
    nobody = not Cursor.objects.filter(reader=PROFILED, position__gt=0).exists()
    return nobody and profiled.exists()


def refresh(*, now: datetime) -> Refreshed:
    """Bring scores and segments up to `now`. Repeating it at the same `now` changes nothing."""
    with dirty.all_taken():
        return _refresh(now=now)


def _refresh(*, now: datetime) -> Refreshed:
    scored = 0
    while batch := reviews.score_new(now=now):
        scored += batch
    later = mirror.COMPUTED if mirror.exists() else ()
    mirror.refresh(tuple(name for name in mirror.TABLES if name not in later))
    with mirror.connect() as database:
        dirty.mark_for_later(database, as_of=scoring.seconds(now))
        # part by part: of all features, only those of one part are ever in memory
        profiled = mirror.write_features(
            engines.compute_everybody(database, as_of=scoring.seconds(now))
        )
    written = scoring.score_all(mirror.feature_parts(), as_of=now, now=now)
    narrow = mirror.feature_parts(segments.columns())
    segments.refresh(FeatureTable.joined(list(narrow)), now=now)
    fixed_lists.follow(None, now=now)
    mirror.refresh(mirror.COMPUTED)
    last = Cursor.objects.filter(reader=READER).values_list("moved_at", flat=True).first()
    if dynamic.rebuild(now=now, last=last):
        mirror.refresh(("memberships",))
    withdrawn.forget(now=now)
    Cursor.objects.update_or_create(
        reader=PROFILED, defaults={"moved_at": now, "position": profiled}
    )
    Cursor.objects.update_or_create(
        reader=READER, defaults={"moved_at": now, "position": scoring.seconds(now)}
    )
    return Refreshed(customers=profiled, reviews=scored, scores=written)


def refresh_if_due(*, now: datetime) -> Refreshed | None:
    """
    Refresh when due and no other process is at it.

    Returns None, having done nothing, when it is not due or another process holds the lock.
    """
    if not due(now=now):
        return None
    with dynamic.alone() as is_alone:
        # another process may have finished between our looking and our locking
        return refresh(now=now) if is_alone and due(now=now) else None


# ---------------------------------------------------------------- of whom something changed
def refresh_dirty(*, now: datetime) -> Refreshed | None:
    """
    Bring the customers of whom something changed up to `now`: features, scores, segments.

    To those belong the ones for whom a moment has come at which time alone may change a segment.
    By the same statements and models as `refresh`, over their rows alone. Fifths, clusters and models
    stay as they are. Returns None when nothing changed, before the first refresh, and while another
    process computes.
    """
    if not (dirty.any_marked(now=now) or dynamic.any_due(now=now)):
        return None
    if not Cursor.objects.filter(reader=READER).exists():
        return None
    with dynamic.alone() as is_alone:
        if not is_alone:
            return None
        dynamic.mark_due(now=now)
        if _is_most_of_the_shop(now=now) or not mirror.exists():
            return refresh(now=now)
        taken = dirty.take(now=now)
        done = _refresh_some(taken.customer_ids, now=now)
        dirty.forget(taken)
        return done


def _is_most_of_the_shop(*, now: datetime) -> bool:
    """Then everybody at once costs less than one part after the other."""
    profiled = Cursor.objects.filter(reader=PROFILED).values_list("position", flat=True).first()
    many = max(dirty.CUSTOMERS, (profiled or 0) // 4)
    return dirty.marked_customers(at_most=4 * many, now=now) > many


def _refresh_some(customer_ids: Ints, *, now: datetime) -> Refreshed:
    ids = customer_ids.tolist()
    scored = 0
    while batch := reviews.score_new(now=now, customer_ids=ids):
        scored += batch
    with mirror.of_customers(ids, stored=False) as database:
        dirty.mark_for_later(database, as_of=scoring.seconds(now))
        mirror.replace(database, "features", features.compute(database, as_of=scoring.seconds(now)))
        table = FeatureTable.from_arrow(database.sql("FROM features").to_arrow_table())
        living = database.sql("SELECT customer_id FROM people ORDER BY 1").fetchnumpy()
        fixed_lists.follow(ids, now=now)
        with transaction.atomic():
            written = scoring.score_some(table, touched=customer_ids, now=now)
            inside = membership.write_some(
                assigning.segments_of(table, living=np.asarray(living["customer_id"])),
                touched=customer_ids,
                now=now,
            )
        mirror.read_again(database, ids, ["scores"])
        dynamic.follow(database, ids, inside=inside, now=now)
        mirror.write_changes(database, ids)
    return Refreshed(customers=len(table), reviews=scored, scores=written)
