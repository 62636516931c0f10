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

from segmentation import bulk, predictors, queries, score_partitions, withdrawn
from segmentation.bulk import as_array, copy_columns
from segmentation.enums import ModelStatus, Task
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.tables import FeatureTable, Ints
from segmentation.models import ModelVersion, ScoreGeneration
from segmentation.predictors import COLUMNS, Predicted


logger = logging.getLogger(__name__)


def seconds(now: datetime) -> int:
    """As of when something computed `now` is: all of the second that has begun is known."""
    return int(now.timestamp()) + 1


TASKS = (Task.CHURN, Task.PURCHASE, Task.RESPONSE, Task.UPLIFT, Task.LIFETIME)


def score_all(parts: Iterable[FeatureTable], *, as_of: datetime, now: datetime) -> dict[str, int]:
    """
    Score everybody in `parts`, of whom no two share a customer, by the champion of each task; returns rows a task.

    A champion that cannot be read is reported and skipped: its last scores keep being shown, and an
    empty generation notes that it was tried. Only one part is in memory at a time.
    """
    champions = {task: version for task in TASKS if (version := queries.champion(task))}
    with transaction.atomic():
        writing = {
            task: {
                code: Writing.begin(version, task=code, as_of=as_of, now=now)
                for code in predictors.codes(task)
            }
            for task, version in champions.items()
        }
        for part in parts:
            for task in list(writing):
                try:
                    predicted = predictors.say(champions[task], part, as_of=seconds(as_of))
                except (ArtifactError, KeyError) as error:
                    # the message says what to do; a stack trace would add nothing
                    logger.error("%s cannot score: %s", champions[task], error)  # noqa: TRY400
                    for one in writing.pop(task).values():
                        one.abandon()
                    _note(champions[task], as_of=as_of, now=now)
                else:
                    for code, said in predicted.items():
                        writing[task][code].add(said)
        written = {code: one for codes in writing.values() for code, one in codes.items()}
        for one in written.values():
            one.publish()
    for code in written:
        drop_old(code)
    return {code: one.generation.rows for code, one in written.items()}


def _note(version: ModelVersion, *, as_of: datetime, now: datetime) -> None:
    """Write down that `version` was asked: `refreshing.due` reads when, and a version may serve a second time."""
    noted = ScoreGeneration.objects.filter(
        task=version.task, version=version, rows=0, is_current=False
    )
    if not noted.update(as_of=as_of, written_at=now):
        noted.create(task=version.task, version=version, as_of=as_of, written_at=now)


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
            predicted = predictors.say(generation.version, table, as_of=seconds(now))
        except (ArtifactError, KeyError) as error:
            logger.error("%s cannot score: %s", generation.version, error)  # noqa: TRY400
            continue
        for code, said in predicted.items():
            shown = queries.current_generation(code)
            if shown is not None and shown.version_id == generation.version_id:
                written[code] = _write_some(shown, touched, said)
    return written


def _forget_unprofiled(touched: npt.NDArray[np.int64], profiled: npt.NDArray[np.int64]) -> None:
    """Of every generation: a look at the one before the last must not bring them back."""
    others = np.setdiff1d(touched, profiled)
    if len(others):
        with connection.cursor() as cursor:
            for table in withdrawn.TABLES:
                cursor.execute(
                    f"DELETE FROM {table} WHERE customer_id = ANY(%s::bigint[])",
                    [as_array(others)],
                )


_NAMES = ", ".join(COLUMNS)
_NUMBERS = ", ".join(f"coalesce({name}, 'NaN')" for name in COLUMNS)
_WRITE_SOME = f"""
    INSERT INTO {{part}} (customer_id, {_NAMES})
    SELECT * FROM unnest(%(ids)s::bigint[], {", ".join(f"%({name})s::float8[]" for name in COLUMNS)})
    ON CONFLICT (customer_id) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS)}
"""


def _write_some(generation: ScoreGeneration, touched: Ints, said: Predicted) -> int:
    """
    The scores that differ; returns how many rows were written.

    What is the same is not even offered: a conflict locks, and so writes, also a row that it then leaves alone.
    """
    part = score_partitions.name(generation.pk)
    ids, *before = bulk.read_columns(
        f"SELECT customer_id, {_NUMBERS} FROM {part}"
        f" WHERE customer_id = ANY('{as_array(touched)}'::bigint[]) ORDER BY 1",
        ["int8", *("float8" for _ in COLUMNS)],
    )
    unknown = np.full(len(said.customer_ids), np.nan)
    after = [said.columns.get(name, unknown) for name in COLUMNS]
    differs = ~np.isin(said.customer_ids, ids)
    same = np.isin(ids, said.customer_ids)
    at = np.searchsorted(said.customer_ids, ids[same])
    for old, new in zip(before, after, strict=True):
        differs[at] |= ~((old[same] == new[at]) | (np.isnan(old[same]) & np.isnan(new[at])))
    lost = np.setdiff1d(ids, said.customer_ids)
    with connection.cursor() as cursor:
        if len(lost):
            cursor.execute(
                f"DELETE FROM {part} WHERE customer_id = ANY(%s::bigint[])", [as_array(lost)]
            )
        if differs.any():
            columns = dict(zip(COLUMNS, (as_array(one[differs]) for one in after), strict=True))
            cursor.execute(
                _WRITE_SOME.format(part=part),
                {"ids": as_array(said.customer_ids[differs]), **columns},
            )
    return int(differs.sum())


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
        writing = Writing.begin(version, task=version.task, as_of=as_of, now=now)
        writing.add(Predicted(customer_ids=customer_ids, columns={"value": values, "sd": sd}))
        writing.publish()
    drop_old(version.task)
    return writing.generation


@dataclass(frozen=True, kw_only=True)
class Writing:
    """A generation that is not shown yet. All of it in one transaction, and no customer twice."""

    generation: ScoreGeneration

    @classmethod
    def begin(cls, version: ModelVersion, *, task: str, as_of: datetime, now: datetime) -> Self:
        """task: that of the version, or what else its model says."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"scores {task}"])
        generation = ScoreGeneration.objects.create(
            task=task, version=version, as_of=as_of, written_at=now
        )
        score_partitions.begin(generation.pk)
        return cls(generation=generation)

    def add(self, said: Predicted) -> None:
        self.generation.rows += copy_columns(
            score_partitions.name(self.generation.pk),
            ["customer_id", *said.columns],
            ["int8", *("float8" for _ in said.columns)],
            [said.customer_ids, *said.columns.values()],
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
        # an older one is shown when its version was just put back
        if generation.is_current:
            continue
        # first of all it has no rows, lest after a crash somebody puts back what is gone
        ScoreGeneration.objects.filter(pk=generation.pk, is_current=False).update(rows=0)
        if score_partitions.drop(generation.pk):
            generation.delete()
