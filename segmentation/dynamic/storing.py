"""What is known of a segment after computing it, put where pages and later rules read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
from django.db.models import Case, F, Value, When

from segmentation import mirror
from segmentation.enums import SegmentStatus
from segmentation.ml.tables import Ints
from segmentation.models import Segment


def remember(database: duckdb.DuckDBPyConnection, segment_id: int, members: Ints) -> None:
    """Make `members` the segment's in the table `memberships` of `database`, for the rules that name it."""
    database.execute("DELETE FROM memberships WHERE segment_id = ?", [segment_id])
    database.register("found", pa.table({"customer_id": members}))
    database.execute(
        "INSERT INTO memberships BY NAME"
        f" SELECT CAST({int(segment_id)} AS BIGINT) AS segment_id, customer_id FROM found"
    )
    database.unregister("found")


def remember_all(database: duckdb.DuckDBPyConnection, inside: Mapping[int, Ints]) -> None:
    """Make the table `memberships` of `database` what is `inside` (segment id to customers), of who is a customer."""
    segments = np.repeat(np.array(list(inside), dtype=np.int64), [len(w) for w in inside.values()])
    customers = np.concatenate([np.empty(0, dtype=np.int64), *inside.values()])
    mirror.replace(
        database,
        "memberships",
        pa.table({"segment_id": segments, "customer_id": customers}),
        made="FROM incoming SEMI JOIN people USING (customer_id)",
    )


def begin(segment_id: int, *, version: int, now: datetime) -> None:
    """Say that it is being computed. A FAILED one stays so until it succeeds: since when is worth more."""
    Segment.objects.in_use().filter(pk=segment_id, rule_version=version).exclude(
        status=SegmentStatus.FAILED
    ).update(status=SegmentStatus.REFRESHING, status_since=now)


def failed(segment_id: int, *, version: int, problem: str, now: datetime) -> None:
    """The members stay, as of when they were; the page says since when and why."""
    Segment.objects.in_use().filter(pk=segment_id, rule_version=version).update(
        status_since=Case(
            When(status=SegmentStatus.FAILED, then=F("status_since")), default=Value(now)
        ),
        status=SegmentStatus.FAILED,
        problem=problem,
    )


def followed(segment_ids: Iterable[int], *, now: datetime) -> None:
    """They are as of now, without anything else of them having changed."""
    Segment.objects.filter(pk__in=list(segment_ids), status=SegmentStatus.OK).update(
        refreshed_at=now
    )
