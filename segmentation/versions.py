"""Model versions: numbered rows over artefact folders; one champion a task, moved in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from segmentation.enums import ModelStatus, Task
from segmentation.ml import artifacts
from segmentation.models import ModelVersion, ScoreGeneration


def store() -> Path:
    """The folder of all artefacts."""
    path: Path = settings.HOME / "models"
    return path


def moment(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, tz=UTC)


@transaction.atomic
def record(
    *,
    task: Task,
    status: ModelStatus,
    algorithm: str,
    reason: str,
    as_of: datetime,
    now: datetime,
    rows: int,
    positives: int,
    metrics: Mapping[str, Any],
    files: Mapping[str, bytes] | None,
    provenance: artifacts.Provenance | None,
) -> ModelVersion:
    """
    Number and record one training; with `files` its artefact is written first, whole or not at all.

    Raises artifacts.ArtifactError when the store cannot be written.
    """
    with connection.cursor() as cursor:  # two trainings at once get two numbers
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"model version {task}"])
    latest = ModelVersion.objects.filter(task=task).aggregate(latest=Max("number"))["latest"] or 0
    version = ModelVersion(
        task=task,
        number=latest + 1,
        status=status,
        algorithm=algorithm,
        trained_at=now,
        as_of=as_of,
        rows=rows,
        positives=positives,
        metrics=dict(metrics),
        reason=reason,
        decided_at=now,
    )
    if files is not None and provenance is not None:
        # a number whose transaction was rolled back may have left a folder behind
        folder = store() / f"{task.lower()}-{version.number}"
        attempt = 1
        while folder.exists():
            attempt += 1
            folder = store() / f"{task.lower()}-{version.number}.{attempt}"
        artifacts.save(folder, files=files, provenance=provenance)
        version.artefact = folder.name
        version.manifest = {
            "features": len(provenance.features), "seed": provenance.seed, "details": provenance.details,
            "libraries": artifacts.libraries(),
        }  # fmt: skip
        version.window_starts_at = moment(provenance.data_from)
        version.window_ends_at = moment(provenance.data_until)
    version.save()
    return version


@transaction.atomic
def promote(version: ModelVersion, *, reason: str, now: datetime) -> None:
    """Make `version` the champion of its task; the one before it retires and stays loadable."""
    ModelVersion.objects.filter(task=version.task, status=ModelStatus.CHAMPION).exclude(
        pk=version.pk
    ).update(status=ModelStatus.RETIRED)
    version.status, version.reason, version.decided_at = ModelStatus.CHAMPION, reason, now
    version.save(update_fields=["status", "reason", "decided_at"])


def reject(version: ModelVersion, *, reason: str, now: datetime) -> None:
    version.status, version.reason, version.decided_at = ModelStatus.REJECTED, reason, now
    version.save(update_fields=["status", "reason", "decided_at"])


def stored_features(version: ModelVersion) -> tuple[str, ...]:
    """The names that `version` learned from, as its artefact says; none where it cannot be read."""
    try:
        return load(version).provenance.features
    except artifacts.ArtifactError:
        return ()


def show_scores_of(version: ModelVersion) -> bool:
    """Show the scores that `version` gave when it served, if they are still kept; says whether they were."""
    shown = False
    with transaction.atomic():
        codes = ScoreGeneration.objects.filter(version=version).values_list("task", flat=True)
        for code in set(codes):
            kept = (
                ScoreGeneration.objects.filter(task=code, version=version, rows__gt=0)
                .order_by("-pk")
                .first()
            )
            if kept is None:
                continue
            ScoreGeneration.objects.filter(task=code, is_current=True).update(is_current=False)
            kept.is_current = True
            kept.save(update_fields=["is_current"])
            shown = True
    return shown


def load(version: ModelVersion, *, features: Sequence[str] | None = None) -> artifacts.Loaded:
    """The checked files of `version`; raises artifacts.ArtifactError, also when it needs other features."""
    return artifacts.load(store() / version.artefact, task=version.task, features=features)
