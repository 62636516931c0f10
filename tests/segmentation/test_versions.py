from __future__ import annotations

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from segmentation import versions
from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts
from segmentation.models import ModelVersion
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db


def record(**changes: object) -> ModelVersion:
    provenance = artifacts.Provenance(
        task=Task.CHURN, estimator="rule", features=("recency_days",), data_from=0, data_until=86400,
        rows=10, seed=1, details={},
    )  # fmt: skip
    return versions.record(**{  # type: ignore[arg-type]
        "task": Task.CHURN, "status": ModelStatus.CHALLENGER, "algorithm": "rule", "reason": "",
        "as_of": NOW, "now": NOW, "rows": 10, "positives": 2, "metrics": {"auc": 0.7},
        "files": artifacts.to_files(documents={"rule": {"days": [1.0], "probability": [0.5]}}),
        "provenance": provenance, **changes,
    })  # fmt: skip


def test_record_numbers_the_versions_of_a_task_and_stores_what_can_be_loaded() -> None:
    first, second = record(), record()
    assert (first.number, second.number) == (1, 2)
    assert artifacts.read_document(versions.load(second).files, "rule")["days"] == [1.0]


def test_promote_retires_the_champion_before() -> None:
    first, second = record(), record()
    versions.promote(first, reason="first", now=NOW)
    versions.promote(second, reason="better", now=NOW)
    assert list(ModelVersion.objects.order_by("number").values_list("status", flat=True)) == [
        ModelStatus.RETIRED,
        ModelStatus.CHAMPION,
    ]


def test_two_champions_of_one_task_cannot_exist() -> None:
    record(status=ModelStatus.CHAMPION)
    with pytest.raises(IntegrityError), transaction.atomic():
        record(status=ModelStatus.CHAMPION)


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_load_refuses_what_was_harmed(home: Path, harm: str) -> None:
    version = record()
    path = home / "models" / version.artefact / "rule.json"
    path.unlink() if harm == "missing" else path.write_text("{}")
    with pytest.raises(artifacts.ArtifactError, match="train again"):
        versions.load(version)


def test_record_after_a_rolled_back_training_does_not_stumble_over_its_folder(home: Path) -> None:
    (home / "models" / "churn-1").mkdir(parents=True)
    assert versions.load(record()).provenance.task == Task.CHURN
