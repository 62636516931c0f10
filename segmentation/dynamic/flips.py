"""
The calendar: at which second time alone may change whether a customer is in a segment.

Only what comes within HORIZON is kept, and every rebuild fills it anew. A window of ninety days changes for one
customer in forty-five within two days: a million customers and ten such rules are some 200,000 rows, where a
row a customer and rule would be ten million, written anew every night. Two days, because the night's rebuild
may be late by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import duckdb
import numpy as np
from django.db import connection

from segmentation.bulk import as_array, copy_columns
from segmentation.limits import limited
from segmentation.ml.features import FEATURES
from segmentation.ml.tables import Ints
from segmentation.rules import Rule, changes_with_time, next_flip
from segmentation.rules.timing import DAILY
from segmentation.rules.tree import FieldIs, Group


HORIZON = timedelta(days=2)

Flips = tuple[Ints, Ints]
"""Customer ids and epoch seconds, one flip a customer."""


def followed(rule: Rule) -> Rule | None:
    """
    The conditions of `rule` whose flips are kept; None when there are none.

    The features of `DAILY` flip at midnight for everybody; the daily rebuild does the same once.
    """
    leaves = tuple(
        placed.leaf
        for placed in rule.leaves()
        if not (isinstance(placed.leaf, FieldIs) and placed.leaf.field in DAILY)
    )
    timed = Rule(Group(quantifier="any", nodes=leaves))
    return timed if changes_with_time(timed) else None


def of(rule: Rule, database: duckdb.DuckDBPyConnection, *, since: datetime) -> Flips:
    """The first flip after `since`, of each of the people in `database` who have one within HORIZON of it."""
    timed = followed(rule)
    if timed is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    start = int(since.timestamp())
    with limited(database):
        found = next_flip(timed, database, now=start)
    ids, at = (np.asarray(found[name], dtype=np.int64) for name in ("customer_id", "flips_at"))
    if timed.uses.fields & FEATURES.keys():
        # features know the second that has begun (scoring.seconds), so what they wait for is there a second sooner
        at = np.maximum(at - 1, start + 1)
    near = at <= start + int(HORIZON.total_seconds())
    return ids[near], at[near]


def replace(segment_id: int, flips: Flips) -> None:
    """Make `flips` all that are kept of one segment."""
    ids, at = flips
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM segmentation_segmentflip WHERE segment_id = %s", [segment_id])
        cursor.execute(
            "CREATE TEMP TABLE coming (customer_id bigint, flips_at bigint) ON COMMIT DROP"
        )
        copy_columns("coming", ["customer_id", "flips_at"], ["int8", "int8"], [ids, at])
        cursor.execute(
            "INSERT INTO segmentation_segmentflip (segment_id, customer_id, flips_at)"
            " SELECT %s, customer_id, to_timestamp(flips_at) FROM coming",
            [segment_id],
        )
        cursor.execute("DROP TABLE coming")


def replace_some(flips: Mapping[int, Flips], *, touched: Ints) -> None:
    """Make `flips` (by segment) all that are kept of the touched customers in those segments."""
    segments = sorted(flips)
    if not segments:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM segmentation_segmentflip"
            " WHERE customer_id = ANY(%s::bigint[]) AND segment_id = ANY(%s)",
            [as_array(touched), segments],
        )
        cursor.execute(
            "INSERT INTO segmentation_segmentflip (segment_id, customer_id, flips_at)"
            " SELECT segment_id, customer_id, to_timestamp(flips_at)"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])"
            " AS coming (segment_id, customer_id, flips_at)",
            [
                as_array(np.repeat(segments, [len(flips[one][0]) for one in segments])),
                *(
                    as_array(np.concatenate([flips[one][place] for one in segments]))
                    for place in (0, 1)
                ),
            ],
        )


def any_due(*, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM segmentation_segmentflip WHERE flips_at <= %s)", [now]
        )
        return bool(cursor.fetchone()[0])


def mark_due(*, now: datetime) -> None:
    """Of whom a moment has come, something has changed: one statement, so that no flip is lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH due AS (
                DELETE FROM segmentation_segmentflip WHERE flips_at <= %s RETURNING customer_id
            )
            INSERT INTO segmentation_dirtycustomer (customer_id, marked_at)
            SELECT DISTINCT customer_id, now() FROM due""",
            [now],
        )
