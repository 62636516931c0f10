"""Stored models that are something else: always the one error that says what to do, never a number that is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from customers.models import Cursor
from segmentation import predictors, refreshing, scoring, versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.tables import FeatureTable
from segmentation.models import ModelVersion, ScoreGeneration


pytestmark = pytest.mark.django_db

TABLE = FeatureTable(
    customer_ids=np.arange(3),
    names=("recency_days", "orders"),
    values=np.array([[1.0, 2.0], [50.0, 1.0], [np.nan, np.nan]]),
)
MODEL = {"names": ["recency_days"], "rates": [[0, 0.2]], "calibration": [1, 1, 0]}
FOREIGN: dict[str, dict[str, Any]] = {
    "no files": {},
    "another document": {"documents": {"weather": {"rain": 1}}},
    "trees that are none": {"documents": {"model": MODEL}, "texts": {"trees": "not a booster"}},
    "a rule without days": {"documents": {"rule": {"probability": [0.5]}}},
    "a rule of nothing": {"documents": {"rule": {"days": [], "probability": []}}},
    "a rule of words": {"documents": {"rule": {"days": ["x"], "probability": ["y"]}}},
    "a blend of nothing": {"documents": {"blend": {"weight": 0.5}}},
    "a warm start of nothing": {"documents": {"continued": {"own": []}}},
    "numbers where names are": {"documents": {"model": {**MODEL, "calibration": 3}}},
}


def champion(task: Task, files: Mapping[str, Any], *, now: datetime) -> ModelVersion:
    version = versions.record(
        task=task, status=ModelStatus.CHALLENGER, algorithm="boosted trees", reason="", as_of=now, now=now,
        rows=1, positives=1, metrics={}, files=artifacts.to_files(**files),
        provenance=artifacts.Provenance(
            task=task, estimator="x", features=("recency_days",), data_from=0, data_until=86_400,
            rows=1, seed=1, details={},
        ),
    )  # fmt: skip
    versions.promote(version, reason="", now=now)
    return version


@pytest.mark.parametrize("kind", sorted(FOREIGN))
def test_foreign_files_are_refused_in_words(kind: str, now: datetime) -> None:
    version = champion(Task.PURCHASE, FOREIGN[kind], now=now)
    with pytest.raises(ArtifactError, match="train"):
        predictors.purchase(version, TABLE, as_of=86_400)


@pytest.mark.parametrize("kind", ["no files", "another document"])
@pytest.mark.parametrize("task", [Task.RESPONSE, Task.UPLIFT])
def test_foreign_files_of_campaigns_are_refused_in_words(
    task: Task, kind: str, now: datetime
) -> None:
    version = champion(task, FOREIGN[kind], now=now)
    with pytest.raises(ArtifactError, match="train"):
        (predictors.response if task is Task.RESPONSE else predictors.uplift)(version, TABLE)


@pytest.mark.parametrize("document", [{}, {"calibration": [1]}, {"calibration": None}])
def test_foreign_files_of_lifetime_are_refused_in_words(
    document: dict[str, Any], now: datetime
) -> None:
    version = champion(Task.LIFETIME, {"documents": {"value": document}}, now=now)
    with pytest.raises(ArtifactError, match="train"):
        predictors.lifetime(version, TABLE, as_of=86_400)


def test_scoring_by_a_foreign_file_says_so_once_and_goes_on(
    now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    version = champion(Task.PURCHASE, FOREIGN["trees that are none"], now=now)
    scoring.score_all([TABLE], as_of=now, now=now)
    assert "cannot score" in caplog.text
    tried = ScoreGeneration.objects.get(version=version)
    assert (tried.rows, tried.is_current) == (0, False)


def test_version_put_back_that_cannot_score_is_asked_once_and_not_at_every_tick(
    now: datetime,
) -> None:
    version = champion(Task.RESPONSE, FOREIGN["no files"], now=now)
    scoring.score_all([TABLE], as_of=now, now=now)
    later = now + timedelta(hours=1)
    versions.promote(version, reason="put back", now=later)
    Cursor.objects.create(reader=refreshing.READER, moved_at=later, position=0)
    assert refreshing.due(now=later)
    scoring.score_all([TABLE], as_of=later, now=later)
    assert not refreshing.due(now=later)
