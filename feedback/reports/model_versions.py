"""The models page: what serves, how it was judged, and every decision with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feedback.models import RetrainingDecision
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion, ScoreGeneration


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One metric of a version beside its baseline's; None where there is none."""

    name: str
    value: float
    baseline: float | None


@dataclass(frozen=True, kw_only=True)
class Version:
    version: ModelVersion
    measures: tuple[Measure, ...]
    calibration: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class ModelTask:
    """One task: `versions` and `decisions` newest first, `scores` the current generation."""

    code: str
    label: str
    champion: Version | None
    scores: ScoreGeneration | None
    versions: tuple[Version, ...]
    decisions: tuple[RetrainingDecision, ...]


def models_page(*, newest: int = 20, tasks: Sequence[Task] | None = None) -> tuple[ModelTask, ...]:
    """Every task (or these), with its `newest` versions and decisions."""
    found = []
    for task in tasks or Task:
        code, label = task.value, task.label
        versions = tuple(
            map(described, ModelVersion.objects.filter(task=code).order_by("-number")[:newest])
        )
        champion = ModelVersion.objects.filter(task=code, status=ModelStatus.CHAMPION).first()
        decisions = RetrainingDecision.objects.filter(task=code).select_related(
            "champion", "challenger"
        )
        found.append(
            ModelTask(
                code=code,
                label=label,
                champion=described(champion) if champion else None,
                scores=ScoreGeneration.objects.filter(task=code, is_current=True)
                .select_related("version")
                .first(),
                versions=versions,
                decisions=tuple(decisions.order_by("-decided_at", "-pk")[:newest]),
            )
        )
    return tuple(found)


def described(version: ModelVersion) -> Version:
    metrics = version.metrics if isinstance(version.metrics, Mapping) else {}
    model, baseline = metrics.get("model"), metrics.get("baseline")
    if not isinstance(model, Mapping):
        model, baseline = metrics, {}
    if not isinstance(baseline, Mapping):
        baseline = {}
    # of a task that is not yes or no it may be one number
    calibration = metrics.get("calibration")
    bins = calibration if isinstance(calibration, list | tuple) else ()
    return Version(
        version=version,
        measures=tuple(
            Measure(name=name, value=value, baseline=_number(baseline.get(name)))
            for name, raw in model.items()
            if (value := _number(raw)) is not None
        ),
        calibration=tuple(entry for entry in bins if isinstance(entry, Mapping)),
    )


def _number(value: Any) -> float | None:
    """JSON may hold anything; booleans are not measures."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value == value else None  # noqa: PLR0124 - NaN
