"""The rule segments of the customers of whom something changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb
import numpy as np
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction

from segmentation import membership, rulebook
from segmentation.dynamic import flips, storing
from segmentation.enums import SegmentStatus
from segmentation.limits import in_words
from segmentation.ml.tables import Ints


logger = logging.getLogger(__name__)


def follow(
    database: duckdb.DuckDBPyConnection,
    customer_ids: Sequence[int],
    *,
    inside: Mapping[int, Ints],
    now: datetime,
) -> None:
    """
    Make these customers members of the rule segments that they belong to at `now`, and of no others.

    database: a `mirror.of_customers` of them, with features and scores as they are now; its `memberships` become
    those of after this. inside: the stored ones, which `membership.write_some` returned. Every rule is asked: a mark does not tell what changed, and to
    ask a rule of one customer takes milliseconds. A rule that cannot be asked is told as FAILED; of it, as of
    one that waits for its turn over everybody, the members stay, except who no longer agrees to profiling.
    """
    storing.remember_all(database, inside)
    book = rulebook.read()
    wanted: dict[int, Ints] = {}
    coming: dict[int, flips.Flips] = {}
    for entry in book.entries:
        if entry.status != SegmentStatus.OK:
            continue
        try:
            members = entry.members(database, now=now)
            coming[entry.segment_id] = flips.of(entry.rule, database, since=now)
        except SoftTimeLimitExceeded:  # the worker's time is up: the marks stay, for the next turn
            raise
        except Exception as error:  # whatever it is, the others go on
            logger.exception("segment %s could not be computed", entry.segment_id)
            storing.failed(
                entry.segment_id, version=entry.version, problem=in_words(error), now=now
            )
            continue
        wanted[entry.segment_id] = members
        storing.remember(database, entry.segment_id, members)
    for segment_id in book.profiled & book.versions.keys() - wanted.keys():
        wanted[segment_id] = _still_profiled(database, segment_id)
        storing.remember(database, segment_id, wanted[segment_id])
    touched = np.asarray(customer_ids, dtype=np.int64)
    with transaction.atomic():
        membership.write_some(
            wanted, touched=touched, now=now, rule_versions=book.versions, before=inside
        )
        flips.replace_some(coming, touched=touched)
        storing.followed(coming, now=now)


def _still_profiled(database: duckdb.DuckDBPyConnection, segment_id: int) -> Ints:
    found = database.execute(
        "SELECT customer_id FROM memberships JOIN people USING (customer_id)"
        " WHERE segment_id = ? AND may_profile",
        [segment_id],
    ).fetchnumpy()
    return np.asarray(found["customer_id"], dtype=np.int64)
