"""Segments that staff define: saved with the history of their rule, copied, frozen; see dynamic for who is in."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from segmentation import rulebook
from segmentation.enums import SegmentKind, SegmentStatus
from segmentation.models import Segment, SegmentVersion
from segmentation.rules import Problem, Rule
from segmentation.rules.tree import SegmentIs


LONGEST_NAME = 100


# ------------------------------------------------------------------ what only the database knows
def problems_of(rule: Rule, *, segment_id: int | None) -> tuple[Problem, ...]:
    """Segments that `rule` names and that are not there, or that lead back to the segment itself."""
    known = set(Segment.objects.in_use().values_list("pk", flat=True))
    circular = frozenset[int]() if segment_id is None else rulebook.built_on(segment_id)
    found = []
    for placed in rule.leaves():
        leaf = placed.leaf
        if not isinstance(leaf, SegmentIs):
            continue
        if leaf.segment not in known:
            message = "choose a segment that exists and is not archived"
        elif leaf.segment in circular:
            message = (
                "choose another segment: this one depends on the segment that you are changing"
            )
        else:
            continue
        found.append(Problem(path=f"{placed.path}.segment", message=message))
    return tuple(found)


def needs_profiling(rule: Rule) -> bool:
    """Whether `rule`, or a segment that it names, asks about what only profiling knows."""
    return rule.uses.profiling or bool(
        rule.uses.segments and rule.uses.segments & rulebook.read().profiled
    )


# ------------------------------------------------------------------ made and changed
@transaction.atomic
def save(
    *, segment: Segment | None, name: str, description: str, rule: Rule, words: str,
    user_id: int | None, now: datetime,
) -> Segment:  # fmt: skip
    """
    The segment of `rule`, new or changed; a changed rule is a new version and waits to be computed.

    words: the rule as a sentence, kept with the version. Raises IntegrityError for a name that is taken.
    """
    definition = rule.to_dict()
    if segment is None:
        segment = Segment(kind=SegmentKind.RULE, created_at=now)
    else:
        segment = Segment.objects.select_for_update().get(pk=segment.pk)
    is_changed = segment.definition != definition
    segment.name, segment.description = name, description
    if is_changed:
        segment.definition = definition
        segment.rule_version += 1
        segment.status, segment.status_since, segment.problem = SegmentStatus.STALE, now, ""
    segment.save()
    if is_changed:
        SegmentVersion.objects.create(
            segment=segment, number=segment.rule_version, definition=definition, words=words,
            changed_at=now, changed_by_id=user_id,
        )  # fmt: skip
    return segment


def free_name(name: str, *, segment: Segment | None = None) -> str:
    """`name`, or with a number behind it when another segment than `segment` has it."""
    everything = Segment.everything.all()  # deleted ones keep theirs
    others = everything.exclude(pk=segment.pk) if segment else everything
    taken = set(others.values_list("name", flat=True))
    if name[:LONGEST_NAME] not in taken:
        return name[:LONGEST_NAME]
    stem, number = name[: LONGEST_NAME - 6], 2
    while f"{stem} ({number})" in taken:
        number += 1
    return f"{stem} ({number})"


@transaction.atomic
def freeze(
    segment: Segment, *, now: datetime, name: str = "", description: str = ""
) -> Segment:  # fmt: skip
    """
    A fixed list of who is in `segment` now; it changes only by erasure and merges.

    Without a name it is called after the segment and the day. Raises IntegrityError for a name that is taken.
    """
    frozen = Segment.objects.create(
        name=name or free_name(f"{segment.name[: LONGEST_NAME - 20]}, {now:%-d %b %Y}"),
        kind=SegmentKind.STATIC, created_at=now,
        description=description or f"Who was in “{segment.name}” on {now:%-d %B %Y}.", refreshed_at=now,
        definition={"frozen_from": segment.pk, "frozen_at": now.isoformat()}, status_since=now,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH come AS (
                INSERT INTO segmentation_membership (segment_id, customer_id, joined_at)
                SELECT %(frozen)s, customer_id, %(now)s FROM segmentation_membership
                WHERE segment_id = %(segment)s RETURNING customer_id
            )
            INSERT INTO segmentation_membershipchange (segment_id, customer_id, joined, changed_at)
            SELECT %(frozen)s, customer_id, true, %(now)s FROM come""",
            {"frozen": frozen.pk, "segment": segment.pk, "now": now},
        )
        frozen.size = cursor.rowcount
    frozen.save(update_fields=["size"])
    return frozen
