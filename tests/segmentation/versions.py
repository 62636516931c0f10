"""Model versions for tests that need one to exist, without training."""

from __future__ import annotations

from datetime import datetime

from segmentation import versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts
from segmentation.models import ModelVersion
from tests.factories.customers import NOW


def make_version(task: str, *, champion: bool = False, number: int = 1) -> ModelVersion:
    return ModelVersion.objects.create(
        task=Task(task),
        number=number,
        status=ModelStatus.CHAMPION if champion else ModelStatus.CHALLENGER,
        trained_at=NOW,
        as_of=NOW,
    )


def rule_champion(task: Task, *, now: datetime) -> ModelVersion:
    """A champion that can be read and asked: a recency rule said to be trees, learned long ago."""
    version = versions.record(
        task=task, status=ModelStatus.CHALLENGER, algorithm="boosted trees", reason="", as_of=now,
        now=now, rows=10, positives=2, metrics={},
        files=artifacts.to_files(
            documents={"rule": {"days": [10.0, 100.0], "probability": [0.6, 0.1]}}
        ),
        provenance=artifacts.Provenance(
            task=task, estimator="boosted trees", features=("recency_days",), data_from=0,
            data_until=86400, rows=10, seed=1, details={},
        ),
    )  # fmt: skip
    versions.promote(version, reason="", now=now)
    return version
