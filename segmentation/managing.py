"""Segments that staff made: renamed, copied, archived, brought back, deleted. Who was in them when is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.urls import reverse

from segmentation import fixed_lists, rule_segments, rulebook, usage
from segmentation.enums import MADE_BY_STAFF, SegmentKind, SegmentStatus
from segmentation.models import Segment, SegmentFlip
from segmentation.rules import RuleError, parse
from segmentation.words import words_of


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why something cannot be done with a segment: a sentence, and the page of what stands in the way."""

    words: str
    link: str = ""


class StandsInTheWayError(Exception):
    """It was not done, for `obstacles`."""

    def __init__(self, obstacles: tuple[Obstacle, ...]) -> None:
        super().__init__(" ".join(one.words for one in obstacles))
        self.obstacles = obstacles


def not_made_by_staff(segment: Segment) -> tuple[Obstacle, ...]:
    """That the segment is computed anew with every refresh, if it is."""
    if segment.kind in MADE_BY_STAFF:
        return ()
    return (
        Obstacle(words="Coterie makes this segment itself, and would make it again with the next scores."),
    )  # fmt: skip


def in_the_way(segment: Segment) -> tuple[Obstacle, ...]:
    """Everything for which `segment` can be neither archived nor deleted now."""
    if machine_made := not_made_by_staff(segment):
        return machine_made
    if segment.archived_at:  # nothing uses it: it was archived, and cannot be chosen since
        return ()
    named = tuple(
        Obstacle(
            words=f"The rule of the segment “{one.name}” names it. Change that rule first.",
            link=reverse("admin:segment_page", args=[one.pk]),
        )
        for one in rulebook.naming(segment.pk)
        if one.pk != segment.pk
    )
    used = tuple(
        Obstacle(
            words=f"The campaign “{use.name}” ({use.state.lower()}) is to reach it. Choose another segment there,"
            " cancel the campaign or let it finish.",
            link=use.link,
        )
        for use in usage.of_segments([segment.pk])[segment.pk]
        if not use.is_over
    )
    return named + used


# ------------------------------------------------------------------ each raises StandsInTheWayError
@transaction.atomic
def rename(segment: Segment, *, name: str, description: str) -> Segment:
    """Its new name and description. Raises IntegrityError for a name that is taken."""
    segment = _locked(segment)
    _refuse(not_made_by_staff(segment))
    segment.name, segment.description = name, description
    segment.save(update_fields=["name", "description"])
    return segment


def copy(segment: Segment, *, user_id: int | None, now: datetime, name: str = "") -> Segment:
    """
    A new segment with the rule, or with the members of a fixed list; without a name, one with a number behind it.

    Raises IntegrityError for a name that is taken.
    """
    _refuse(not_made_by_staff(segment))
    name = name or rule_segments.free_name(segment.name)
    if segment.kind == SegmentKind.STATIC:
        if segment.archived_at:
            _refuse((Obstacle(words="Nobody is in an archived list. Bring it back first."),))
        return rule_segments.freeze(segment, now=now, name=name, description=segment.description)
    try:
        rule = parse(segment.definition)
    except RuleError as error:
        raise StandsInTheWayError(
            (Obstacle(words=f"Its rule cannot be read any more: {error}"),)
        ) from error
    return rule_segments.save(
        segment=None, name=name, description=segment.description, rule=rule, words=words_of(rule),
        user_id=user_id, now=now,
    )  # fmt: skip


@transaction.atomic
def archive(segment: Segment, *, now: datetime) -> Segment:
    """From `now` on nobody is in it and nothing can choose it; rule and history stay. Twice is once."""
    segment = _locked(segment)
    _refuse(in_the_way(segment))
    if segment.archived_at is None:
        _empty(segment, now=now)
        segment.archived_at = segment.status_since = now
        segment.status, segment.problem = SegmentStatus.OK, ""
        segment.save()
    return segment


@transaction.atomic
def restore(segment: Segment, *, now: datetime) -> Segment:
    """Take it out of the archive: a rule is computed anew, a fixed list has again whom it had."""
    segment = _locked(segment)
    if segment.archived_at is None:
        return segment
    archived_at, segment.archived_at = segment.archived_at, None
    if segment.kind == SegmentKind.RULE:
        _refuse(_rule_problems(segment))
        segment.status, segment.status_since = SegmentStatus.STALE, now
    segment.save()
    if segment.kind == SegmentKind.STATIC:
        with connection.cursor() as cursor:
            cursor.execute(
                _COME_BACK, {"segment": segment.pk, "archived_at": archived_at, "now": now}
            )
        fixed_lists.follow(None, now=now)  # merges since
        segment.refresh_from_db()
    return segment


@transaction.atomic
def delete(segment: Segment, *, now: datetime) -> Segment:
    """
    For good: the rule as it stands, the description and the members go, the name becomes free.

    Kept are a name that says so, what the rule said in its versions, and who was in it when: past campaigns
    and the histories of customers name it.
    """
    segment = _locked(segment)
    _refuse(in_the_way(segment))
    _empty(segment, now=now)
    end = f" (deleted {now:%-d %b %Y})"
    kept = rule_segments.LONGEST_NAME - len(end) - 6  # room for a number
    segment.name = rule_segments.free_name(f"{segment.name[:kept]}{end}")
    segment.definition, segment.cutoffs = {}, []
    segment.description = segment.problem = ""
    segment.status = SegmentStatus.OK
    segment.deleted_at = segment.archived_at = now
    segment.save()
    return segment


def _locked(segment: Segment) -> Segment:
    # what refers to it waits until we are done: a campaign saved meanwhile is seen, or sees us
    found = Segment.objects.select_for_update().filter(pk=segment.pk).first()
    if found is None:  # by somebody else, since the page was shown
        raise StandsInTheWayError((Obstacle(words="The segment is deleted."),))
    return found


def _refuse(obstacles: tuple[Obstacle, ...]) -> None:
    if obstacles:
        raise StandsInTheWayError(obstacles)


def _rule_problems(segment: Segment) -> tuple[Obstacle, ...]:
    try:
        rule = parse(segment.definition)
    except RuleError as error:
        return (Obstacle(words=f"Its rule cannot be read any more: {error}"),)
    return tuple(
        Obstacle(words=f"Its rule names a segment that is archived or deleted ({one.path}).")
        for one in rule_segments.problems_of(rule, segment_id=segment.pk)
    )


def _empty(segment: Segment, *, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LEAVE, {"segment": segment.pk, "now": now})
    SegmentFlip.objects.filter(segment=segment).delete()
    segment.size = 0


_LEAVE = """
    WITH gone AS (
        DELETE FROM segmentation_membership WHERE segment_id = %(segment)s RETURNING customer_id
    )
    INSERT INTO segmentation_membershipchange (segment_id, customer_id, joined, changed_at)
    SELECT %(segment)s, customer_id, false, %(now)s FROM gone"""

_COME_BACK = """
    WITH come AS (
        INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)
        SELECT DISTINCT segment_id, customer_id, %(now)s::timestamptz FROM segmentation_membershipchange
        WHERE segment_id = %(segment)s AND changed_at = %(archived_at)s AND NOT joined
        ON CONFLICT (segment_id, customer_id) DO NOTHING
        RETURNING segment_id, customer_id
    ), history AS (
        INSERT INTO segmentation_membershipchange (segment_id, customer_id, joined, changed_at)
        SELECT segment_id, customer_id, true, %(now)s FROM come
    )
    UPDATE segmentation_segment SET size = (SELECT count(*) FROM come), refreshed_at = %(now)s
    WHERE id = %(segment)s"""
