"""Rule segments over everybody: those whose rule changed, and what is built on them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import Q

from customers.models import Cursor
from segmentation import membership, mirror, rulebook
from segmentation.dynamic import flips, storing
from segmentation.dynamic.turn import alone
from segmentation.enums import SegmentKind, SegmentStatus
from segmentation.expectation import READER
from segmentation.limits import in_words
from segmentation.models import Segment
from segmentation.rulebook import Entry, Rulebook
from segmentation.rules import cutoffs


logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Computed:
    """A segment that was computed over everybody, and how many joined and left."""

    entry: Entry
    change: membership.Change


def compute_due(*, now: datetime) -> list[int]:
    """
    Compute every rule segment that waits to be, and those built on it; returns their ids.

    One that is said to be computing was left so by a process that died: here nobody else is at it.
    """
    waits = Q(status__in=(SegmentStatus.STALE, SegmentStatus.REFRESHING)) | Q(
        refreshed_at=None, status=SegmentStatus.OK
    )
    due = Segment.objects.in_use().filter(waits, kind=SegmentKind.RULE).values_list("pk", flat=True)
    if not due.exists():
        return []
    with alone() as is_alone:
        if not is_alone:
            return []
        book = rulebook.read()
        asked = book.with_dependents(due)
        done = [pk for pk in asked if pk in book.problems]
        tell_problems(book, now=now, segment_ids=asked)
        changes = 0
        with tables(book) as database:
            for entry in book.entries:
                if entry.segment_id not in asked:
                    continue
                done.append(entry.segment_id)
                computed = compute(entry, database, now=now, since=_known_since(entry, now=now))
                changes += computed.change.joined + computed.change.left if computed else 0
        if changes:
            mirror.refresh(("memberships",))
        return done


@contextmanager
def tables(book: Rulebook) -> Iterator[duckdb.DuckDBPyConnection]:
    """The mirror, with a table of the memberships in the segments that are named by rules."""
    with mirror.connect() as database:
        named = ", ".join(str(int(one)) for one in sorted(book.named)) or "NULL"
        database.execute(f"CREATE TABLE named AS FROM memberships WHERE segment_id IN ({named})")
        database.execute("DROP VIEW memberships")
        database.execute("ALTER TABLE named RENAME TO memberships")
        yield database


def compute(
    entry: Entry, database: duckdb.DuckDBPyConnection, *, now: datetime, since: datetime
) -> Computed | None:
    """
    Bring one segment up to `now`; None when it failed, which is told, or when its rule changed meanwhile.

    since: as of when the features in `database` are: what time has changed since then is due at once.
    """
    storing.begin(entry.segment_id, version=entry.version, now=now)
    try:
        limits = cutoffs(entry.rule, database)
        members = entry.members(database, now=now, cutoffs=limits)
        coming = flips.of(entry.rule, database, since=since)
        with transaction.atomic():
            segment = (
                Segment.objects.in_use()
                .select_for_update(no_key=True)
                .filter(pk=entry.segment_id, rule_version=entry.version)
                .first()
            )
            if segment is None:  # changed or archived while it was computed
                return None
            change = membership.write(segment, members, now=now, rule_version=entry.version)
            flips.replace(entry.segment_id, coming)
            segment.cutoffs = [[name, percent, at] for (name, percent), at in limits.items()]
            segment.status, segment.status_since, segment.problem = SegmentStatus.OK, now, ""
            segment.save(update_fields=["cutoffs", "status", "status_since", "problem"])
    except (
        SoftTimeLimitExceeded
    ):  # the worker's time is up: it is left waiting, and none of the others is begun
        raise
    except Exception as error:  # whatever it is, the page has to tell it, and the others go on
        logger.exception("segment %s could not be computed", entry.segment_id)
        storing.failed(entry.segment_id, version=entry.version, problem=in_words(error), now=now)
        return None
    storing.remember(database, entry.segment_id, members)
    return Computed(entry=entry, change=change)


def tell_problems(
    book: Rulebook, *, now: datetime, segment_ids: frozenset[int] | None = None
) -> None:
    """Say FAILED of every segment (of these) whose rule cannot even be begun."""
    for segment_id, problem in book.problems.items():
        if segment_ids is None or segment_id in segment_ids:
            storing.failed(segment_id, version=book.versions[segment_id], problem=problem, now=now)


def _known_since(entry: Entry, *, now: datetime) -> datetime:
    """As of when what the rule reads is, where time matters: features are those of the last refresh."""
    cursor = Cursor.objects.filter(reader=READER).first()
    if "features" not in entry.rule.uses.tables or cursor is None or cursor.moved_at is None:
        return now
    return min(now, cursor.moved_at.astimezone(UTC))
