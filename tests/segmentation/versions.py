"""Model versions for tests that need one to exist, without training."""

from __future__ import annotations

from segmentation.enums import ModelStatus, Task
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
