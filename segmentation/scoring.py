"""Champions to scores: one generation a run, written by COPY, shown when it is complete."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from segmentation import predictors, queries, score_partitions
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


def score_all(parts: Iterable[FeatureTable], *, as_of: datetime, now: datetime) -> dict[str, int]:
    """
    Score everybody in `parts`, of whom no two share a customer, by the champion of each task; returns rows a task.

    A champion that cannot be read is reported and skipped: its last scores keep being shown, and an
    empty generation notes that it was tried. Only one part is in memory at a time.
    """
    champions = {task: version for task in TASKS if (version := queries.champion(task))}
    with transaction.atomic():
        writing = {
            task: Writing.begin(version, as_of=as_of, now=now)
            for task, version in champions.items()
        }
        for part in parts:
            for task in list(writing):
                try:
                    predicted = _predict(champions[task], part, as_of=seconds(as_of))
                except (ArtifactError, KeyError) as error:
                    # the message says what to do; a stack trace would add nothing
                    logger.error("%s cannot score: %s", champions[task], error)  # noqa: TRY400
                    writing.pop(task).abandon()
                    ScoreGeneration.objects.get_or_create(
                        task=task, version=champions[task], rows=0, is_current=False,
                        defaults={"as_of": as_of, "written_at": now},
                    )  # fmt: skip
                else:
                    writing[task].add(*predicted)
        for one in writing.values():
            one.publish()
    for task in writing:
        drop_old(task)
    return {task: one.generation.rows for task, one in writing.items()}


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
            for table in (
                "segmentation_score",
                "segmentation_firstpurchase",
                "segmentation_judgedcase",
            ):
                cursor.execute(
                    f"DELETE FROM {table} WHERE customer_id = ANY(%s)",
                    [others.tolist()],
                )


_WRITE_SOME = """
    WITH wanted AS (
        SELECT * FROM unnest(%(ids)s::bigint[], %(values)s::float8[], %(sd)s::float8[])
            AS wanted (customer_id, value, sd)
    ), gone AS (
        DELETE FROM {part} s USING unnest(%(touched)s::bigint[]) AS t (customer_id)
        WHERE s.customer_id = t.customer_id
    )
    INSERT INTO {part} AS old (customer_id, value, sd)
    SELECT customer_id, value, sd FROM wanted
    ON CONFLICT (customer_id) DO UPDATE SET value = EXCLUDED.value, sd = EXCLUDED.sd
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
            _WRITE_SOME.format(part=score_partitions.name(generation.pk)),
            {
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
    with transaction.atomic():
        writing = Writing.begin(version, as_of=as_of, now=now)
        writing.add(customer_ids, values, sd)
        writing.publish()
    drop_old(version.task)
    return writing.generation


@dataclass(frozen=True, kw_only=True)
class Writing:
    """A generation that is not shown yet. All of it in one transaction, and no customer twice."""

    generation: ScoreGeneration

    @classmethod
    def begin(cls, version: ModelVersion, *, as_of: datetime, now: datetime) -> Self:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"scores {version.task}"])
        generation = ScoreGeneration.objects.create(
            task=version.task, version=version, as_of=as_of, written_at=now
        )
        score_partitions.begin(generation.pk)
        return cls(generation=generation)

    def add(
        self,
        customer_ids: npt.NDArray[np.int64],
        values: npt.NDArray[np.float64],
        sd: npt.NDArray[np.float64],
    ) -> None:
        self.generation.rows += copy_columns(
            score_partitions.name(self.generation.pk),
            ["customer_id", "value", "sd"],
            ["int8", "float8", "float8"],
            [customer_ids, values, sd],
            frozen=True,
        )

    def publish(self) -> None:
        score_partitions.attach(self.generation.pk)
        shown = ScoreGeneration.objects.filter(task=self.generation.task, is_current=True)
        shown.update(is_current=False)
        self.generation.is_current = True
        self.generation.save(update_fields=["is_current", "rows"])

    def abandon(self) -> None:
        score_partitions.drop(self.generation.pk)
        self.generation.delete()


def drop_old(task: str, *, keep: int = 2) -> None:
    """
    Keep the current generation and the one before it; the model and its metrics stay.

    One that somebody still reads stays until the next time.
    """
    for generation in ScoreGeneration.objects.filter(task=task).order_by("-pk")[keep:]:
        if score_partitions.drop(generation.pk):
            generation.delete()
