"""Every night every rule over everybody: it must find what is stored."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection

from segmentation import rulebook
from segmentation.dynamic import flips
from segmentation.dynamic.computing import compute, tables, tell_problems
from segmentation.enums import SegmentKind, SegmentStatus
from segmentation.ml.features import FEATURES
from segmentation.models import MembershipChange, Segment
from segmentation.rulebook import Entry, Rulebook
from segmentation.rules import Rule, changes_with_time
from segmentation.rules.timing import DAILY


logger = logging.getLogger(__name__)

ONCE_A_DAY = (
    "“The highest n %” are worked out over all customers once a day; until the next time each customer is"
    " compared with that limit."
)
"""For the page of a rule that compares customers with one another."""

OF_THE_SHOP = frozenset({"home_market"})
"""Features beside those of the basket that change when others do."""


def rebuild(*, now: datetime, last: datetime | None) -> int:
    """
    Compute every rule segment over everybody; returns how many memberships changed.

    To be called in a full refresh, when features, scores and machine-made segments are as of `now`. last: when
    that was done before. Whoever moves without a mark and without a flip that was due is a mistake of ours: it
    is put right, logged, and told on the segment's page until a night finds nothing.
    """
    book = rulebook.read()
    tell_problems(book, now=now)
    exact = _followed_exactly(book)
    is_long_ago = last is None or now - last > flips.HORIZON
    changes = 0
    with _pending(now=now), tables(book) as database:
        for entry in book.entries:
            newest = MembershipChange.objects.order_by("-pk").values_list("pk", flat=True).first()
            done = compute(entry, database, now=now, since=now)
            if done is None:
                continue
            changes += done.change.joined + done.change.left
            is_blind = is_long_ago and changes_with_time(entry.rule)
            if entry.segment_id in exact and not is_blind:
                _check(entry, newest or 0, now=now)
    return changes


def _followed_exactly(book: Rulebook) -> frozenset[int]:
    """The segments in which nobody may move without a mark or a flip of their own."""
    found = set(
        Segment.objects.filter(kind__in=(SegmentKind.EVERYONE, SegmentKind.STATIC)).values_list(
            "pk", flat=True
        )
    )
    for entry in book.entries:
        is_ready = entry.status == SegmentStatus.OK and not entry.rule.uses.segments - found
        if is_ready and is_of_one_customer(entry.rule):
            found.add(entry.segment_id)
    return frozenset(found)


def is_of_one_customer(rule: Rule) -> bool:
    """
    Whether the rule asks only about what is followed customer by customer.

    Scores, the best n per cent, what products are called, prices of the whole shop and the features that
    are only looked at every day move without anything happening to a customer: with these the rebuild
    itself is what brings them up to date.
    """
    uses = rule.uses
    return not (
        uses.relative
        or uses.scores
        or uses.tables & {"products", "order_lines"}
        or uses.fields & (DAILY | OF_THE_SHOP)
        or any(FEATURES[one].theme == "basket" for one in uses.fields & FEATURES.keys())
    )


@contextmanager
def _pending(*, now: datetime) -> Iterator[None]:
    """A table of the customers whose turn had come anyway."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.pending")
        # with a key: a segment that has just been filled is thought to be empty, and each of its changes looks here
        cursor.execute("CREATE TEMPORARY TABLE pending (customer_id bigint PRIMARY KEY)")
        cursor.execute(
            """INSERT INTO pending SELECT customer_id FROM segmentation_dirtycustomer
            WHERE due_at IS NULL OR due_at <= %(now)s
            UNION SELECT customer_id FROM segmentation_segmentflip WHERE flips_at <= %(now)s""",
            {"now": now},
        )
        yield
        cursor.execute("DROP TABLE pending")


def _check(entry: Entry, newest: int, *, now: datetime) -> None:
    """Tell of whoever moved in this rebuild (changes after `newest`) though nothing had happened."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE joined), count(*) FILTER (WHERE NOT joined)
            FROM segmentation_membershipchange c WHERE segment_id = %s AND id > %s
            AND NOT EXISTS (SELECT FROM pending p WHERE p.customer_id = c.customer_id)""",
            [entry.segment_id, newest],
        )
        missing, extra = cursor.fetchone()
    if missing or extra:
        logger.error(
            "segment %s: %d were missing and %d too many before the rebuild",
            entry.segment_id, missing, extra,
        )  # fmt: skip
        Segment.objects.filter(pk=entry.segment_id).update(
            problem=f"The check of {now:%-d %b %Y, %H:%M} UTC found {missing} customers missing and {extra}"
            " too many, and put it right. That should not happen: please report it."
        )
