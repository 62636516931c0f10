from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from segmentation import predictors, reading_models
from segmentation.enums import Task
from segmentation.ml import artifacts
from segmentation.ml.artifacts import ArtifactError
from tests.segmentation.versions import rule_champion


pytestmark = pytest.mark.django_db


def document(loaded: artifacts.Loaded) -> list[float]:
    return list(artifacts.read_document(loaded.files, "rule")["probability"])


def test_model_is_read_once_and_again_when_a_file_of_it_changes(home: Path, now: datetime) -> None:
    version = rule_champion(Task.PURCHASE, now=now)
    first = reading_models.read(version, document)
    assert reading_models.read(version, document) is first
    file = home / "models" / version.artefact / "rule.json"
    harmed = file.read_bytes()
    file.write_bytes(harmed.replace(b"0.6", b"0.7"))  # of the same length: the clock tells
    os.utime(file, ns=(1, 1))
    with pytest.raises(ArtifactError, match="was altered"):
        reading_models.read(version, document)
    file.write_bytes(harmed)
    assert reading_models.read(version, document) == first
    file.unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        reading_models.read(version, document)


def test_few_are_kept_and_the_newest_stay(now: datetime) -> None:
    versions = [rule_champion(Task.PURCHASE, now=now) for _ in range(reading_models.MOST + 1)]
    made = [reading_models.read(version, document) for version in versions]
    assert len(reading_models._kept) == reading_models.MOST
    assert reading_models.read(versions[-1], document) is made[-1]
    assert reading_models.read(versions[0], document) is not made[0]


def test_what_is_no_model_is_refused_every_time(home: Path, now: datetime) -> None:
    version = rule_champion(Task.UPLIFT, now=now)  # its files are a rule
    for _ in range(2):
        with pytest.raises(ArtifactError, match="train again"):
            predictors.uplift(version, None)  # type: ignore[arg-type] # never asked
