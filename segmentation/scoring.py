"""Champions to scores: one generation a run, written by COPY, shown when it is complete."""

from __future__ import annotations

import logging
from datetime import datetime

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from segmentation import predictors, queries
from segmentation.bulk import copy_columns
from segmentation.enums import Task
from segmentation.ml import training
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.tables import FeatureTable
from segmentation.models import ModelVersion, ScoreGeneration


logger = logging.getLogger(__name__)


def score_all(table: FeatureTable, *, as_of: datetime, now: datetime) -> dict[str, int]:
    """
    Score everybody in `table` by the champion of each task; returns rows a task.

    A champion that cannot be read is reported and skipped: its last scores keep being shown, and an
    empty generation notes that it was tried.
    """
    written: dict[str, int] = {}
    for task in (Task.CHURN, Task.PURCHASE, Task.RESPONSE, Task.UPLIFT):
        version = queries.champion(task)
        if version is None:
            continue
        try:
            ids, values, sd = _predict(version, table, as_of=int(as_of.timestamp()))
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
