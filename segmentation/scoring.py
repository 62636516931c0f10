"""Champions to scores: one generation a run, written by COPY, shown when it is complete."""

from __future__ import annotations

import logging
from datetime import datetime

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from segmentation import predictors, queries
from segmentation.bulk import as_objects, copy_columns
from segmentation.enums import ModelStatus, Task
from segmentation.ml import training
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.tables import FeatureTable
from segmentation.models import ModelVersion, ScoreGeneration


logger = logging.getLogger(__name__)


def seconds(now: datetime) -> int:
    """As of when something computed `now` is: all of the second that has begun is known."""
    return int(now.timestamp()) + 1


TASKS = (Task.CHURN, Task.PURCHASE, Task.RESPONSE, Task.UPLIFT)


def score_all(table: FeatureTable, *, as_of: datetime, now: datetime) -> dict[str, int]:
    """
    Score everybody in `table` by the champion of each task; returns rows a task.

    A champion that cannot be read is reported and skipped: its last scores keep being shown, and an
    empty generation notes that it was tried.
    """
    written: dict[str, int] = {}
    for task in TASKS:
        version = queries.champion(task)
        if version is None:
            continue
        try:
            ids, values, sd = _predict(version, table, as_of=seconds(as_of))
        except (ArtifactError, KeyError) as error:
            # the message says what to do; a stack trace would add nothing
            logger.error("%s cannot score: %s", version, error)  # noqa: TRY400
            ScoreGeneration.objects.get_or_create(
                task=task, version=version, rows=0, is_current=False,
                defaults={"as_of": as_of, "written_at": now},
            )  # fmt: skip
            continue
        write_generation(version, ids, values, sd, as_of=as_of, now=now)
        written[task] = len(ids)
    return written


def score_some(
    table: FeatureTable, *, touched: npt.NDArray[np.int64], now: datetime
) -> dict[str, int]:
    """
    Score `table`, those of the `touched` customers who may be profiled, into the generations that are shown.

    Returns the rows that changed, a task. The others of the touched lose their scores. A champion that
    has not scored everybody yet is left to `score_all`.
    """
    _forget_unprofiled(touched, table.customer_ids)
    written: dict[str, int] = {}
    for task in TASKS:
        generation = queries.current_generation(task)
        if generation is None or generation.version.status != ModelStatus.CHAMPION:
            continue
        try:
            ids, values, sd = _predict(generation.version, table, as_of=seconds(now))
        except (ArtifactError, KeyError) as error:
            logger.error("%s cannot score: %s", generation.version, error)  # noqa: TRY400
            continue
        written[task] = _write_some(generation, touched, ids, values, sd)
    return written


def _forget_unprofiled(touched: npt.NDArray[np.int64], profiled: npt.NDArray[np.int64]) -> None:
    """Of every generation: a look at the one before the last must not bring them back."""
    others = np.setdiff1d(touched, profiled)
    if len(others):
        with connection.cursor() as cursor:
            for table in ("segmentation_score", "segmentation_firstpurchase"):
                cursor.execute(
                    f"DELETE FROM {table} WHERE customer_id = ANY(%s)",
                    [others.tolist()],
                )


_WRITE_SOME = """
    WITH wanted AS (
        SELECT * FROM unnest(%(ids)s::bigint[], %(values)s::float8[], %(sd)s::float8[])
            AS wanted (customer_id, value, sd)
    ), gone AS (
        DELETE FROM segmentation_score s USING unnest(%(touched)s::bigint[]) AS t (customer_id)
        WHERE s.generation_id = %(generation)s AND s.customer_id = t.customer_id
    )
    INSERT INTO segmentation_score AS old (generation_id, customer_id, value, sd)
    SELECT %(generation)s, customer_id, value, sd FROM wanted
    ON CONFLICT (customer_id, generation_id) DO UPDATE SET value = EXCLUDED.value, sd = EXCLUDED.sd
        WHERE (old.value, old.sd) IS DISTINCT FROM (EXCLUDED.value, EXCLUDED.sd)
"""


def _write_some(
    generation: ScoreGeneration,
    touched: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    sd: npt.NDArray[np.float64],
) -> int:
    """The scores that differ; returns how many rows were written."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE_SOME,
            {
                "generation": generation.pk,
                "touched": np.setdiff1d(touched, ids).tolist(),
                "ids": ids.tolist(),
                "values": as_objects(values),
                "sd": as_objects(sd),
            },
        )
        return int(cursor.rowcount)


def _predict(
    version: ModelVersion, table: FeatureTable, *, as_of: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ids, values and standard deviations (NaN where there is none)."""
    if version.task in (Task.CHURN, Task.PURCHASE):
        asked = training.eligible(table)
        if not len(asked):
            return asked.customer_ids, np.empty(0), np.empty(0)
        buys = predictors.purchase(version, asked, as_of=as_of)
        values = 1 - buys if version.task == Task.CHURN else buys
        return asked.customer_ids, values, np.full(len(values), np.nan)
    if not len(table):
        return table.customer_ids, np.empty(0), np.empty(0)
    if version.task == Task.RESPONSE:
        _, mailed = predictors.response(version, table)
        return table.customer_ids, mailed, np.full(len(mailed), np.nan)
    effects = predictors.uplift(version, table)
    return table.customer_ids, effects.uplift, effects.deviation


@transaction.atomic
def write_generation(
    version: ModelVersion,
    customer_ids: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    sd: npt.NDArray[np.float64],
    *,
    as_of: datetime,
    now: datetime,
) -> ScoreGeneration:
    """Write one complete generation and make it the current one; the one before the last is dropped."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"scores {version.task}"])
    generation = ScoreGeneration.objects.create(
        task=version.task, version=version, as_of=as_of, written_at=now, rows=len(customer_ids)
    )
    copy_columns(
        "segmentation_score",
        ["generation_id", "customer_id", "value", "sd"],
        ["int8", "int8", "float8", "float8"],
        [np.full(len(customer_ids), generation.pk), customer_ids, values, sd],
    )
    ScoreGeneration.objects.filter(task=version.task, is_current=True).update(is_current=False)
    generation.is_current = True
    generation.save(update_fields=["is_current"])
    _drop_old(version.task)
    return generation


def _drop_old(task: str, *, keep: int = 2) -> None:
    """Keep the current generation and the one before it; the model and its metrics stay."""
    old = list(
        ScoreGeneration.objects.filter(task=task)
        .order_by("-pk")
        .values_list("pk", flat=True)[keep:]
    )
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM segmentation_score WHERE generation_id = ANY(%s)", [old])
    ScoreGeneration.objects.filter(pk__in=old).delete()
