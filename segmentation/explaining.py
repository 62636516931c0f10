"""Why a customer has the scores that are shown; computed when somebody asks, of that customer alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from customers import display
from segmentation import mirror, predictors, scoring
from segmentation.enums import Task
from segmentation.ml import features, training, wording
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.columns import RECENCY_DAYS
from segmentation.ml.tables import FeatureTable, Floats
from segmentation.ml.wording import Reason
from segmentation.models import ModelVersion, Score


logger = logging.getLogger(__name__)

TASKS = (Task.CHURN, Task.PURCHASE, Task.LIFETIME)


class Lack(StrEnum):
    """Why a score has no reasons of its own."""

    SILENT = "no order for a year"
    RHYTHM = "rhythm alone counts"
    UNREADABLE = "the model cannot be read"


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """
    The reasons of one score, the weightiest first; effects are on what the task predicts.

    told: for staff in words why there are none, where there are none; lack: the same as a code.
    values: what is known of the customer by feature, NaN where nothing is.
    """

    task: Task
    version: ModelVersion
    reasons: tuple[Reason, ...]
    told: str = ""
    lack: Lack | None = None
    values: Mapping[str, float] = field(default_factory=dict)


def of_customer(customer_id: int, *, now: datetime) -> dict[str, Explanation]:
    """
    By task, for each score of churn, purchase and lifetime value that is shown of this customer.

    As the customer is known `now`, by the version that gave the score. Nothing for who has no scores.
    """
    rows = Score.objects.filter(
        customer_id=customer_id, generation__is_current=True, generation__task__in=TASKS
    ).select_related("generation__version")
    shown = {Task(row.generation.task): row.generation.version for row in rows}
    if not shown:
        return {}
    with mirror.of_customers([customer_id]) as database:
        table = FeatureTable.from_arrow(features.compute(database, as_of=scoring.seconds(now)))
    if not len(table):  # withdrew a moment ago: the scores go with the next refresh
        return {}
    return {task: _explained(task, version, table) for task, version in sorted(shown.items())}


def _explained(task: Task, version: ModelVersion, table: FeatureTable) -> Explanation:
    if task is not Task.LIFETIME and not len(training.eligible(table)):
        why = "This customer has not ordered for a year: the model is no longer asked."
        return Explanation(task=task, version=version, reasons=(), told=why, lack=Lack.SILENT)
    values = dict(zip(table.names, table.values[0].tolist(), strict=True))
    rhythm = wording.sentence("rhythm", RECENCY_DAYS, values, money=display.money)
    if version.algorithm == "recency rule":
        why = f"{rhythm}. The recency rule looks at nothing else."
        return _none(task, version, why, Lack.RHYTHM, values)
    try:
        names, contributions = _contributions(task, version, table)
    except (ArtifactError, KeyError) as error:
        logger.warning("%s cannot explain: %s", version, error)
        why = "The model cannot be read, so its reasons are not known."
        return _none(task, version, why, Lack.UNREADABLE, values)
    found = wording.reasons(
        names=names, contributions=contributions, values=values, money=display.money
    )
    if not found:
        why = f"{rhythm}. Rhythm and baskets alone were asked."
        return _none(task, version, why, Lack.RHYTHM, values)
    return Explanation(task=task, version=version, reasons=tuple(found), values=values)


def _none(
    task: Task, version: ModelVersion, told: str, lack: Lack, values: Mapping[str, float]
) -> Explanation:
    return Explanation(task=task, version=version, reasons=(), told=told, lack=lack, values=values)


def _contributions(
    task: Task, version: ModelVersion, table: FeatureTable
) -> tuple[Sequence[str], Floats]:
    """Of the customer in `table`, names and values (p,), on what the task predicts."""
    if task is Task.LIFETIME:
        named, parts = predictors.value_model(version).contributions(table)
        return named, parts[0]
    model = predictors.propensity(version)
    # the models say who orders; churn is its complement
    return model.names, (-1 if task is Task.CHURN else 1) * model.reasons(table)[0]
