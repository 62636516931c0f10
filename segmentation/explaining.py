"""Why a customer has the scores that are shown; computed when somebody asks, of that customer alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from customers import display
from segmentation import mirror, predictors, scoring
from segmentation.enums import Task
from segmentation.ml import features, training, wording
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.columns import RECENCY_DAYS
from segmentation.ml.tables import FeatureTable
from segmentation.ml.wording import Reason
from segmentation.models import ModelVersion, Score


logger = logging.getLogger(__name__)

TASKS = (Task.CHURN, Task.PURCHASE)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """
    The reasons of one score, the weightiest first; effects are on what the task predicts.

    told: in words why there are none, where there are none.
    """

    task: Task
    version: ModelVersion
    reasons: tuple[Reason, ...]
    told: str = ""


def of_customer(customer_id: int, *, now: datetime) -> dict[str, Explanation]:
    """
    By task, for each score of churn and purchase that is shown of this customer.

    As the customer is known `now`, by the version that gave the score. Nothing for who has no scores.
    """
    rows = Score.objects.filter(
        customer_id=customer_id, generation__is_current=True, generation__task__in=TASKS
    ).select_related("generation__version")
    shown = {Task(row.generation.task): row.generation.version for row in rows}
    if not shown:
        return {}
    with mirror.of_customers([customer_id]) as database:
        table = training.eligible(
            FeatureTable.from_arrow(features.compute(database, as_of=scoring.seconds(now)))
        )
    return {task: _explained(task, version, table) for task, version in sorted(shown.items())}


def _explained(task: Task, version: ModelVersion, table: FeatureTable) -> Explanation:
    if not len(table):
        why = "This customer has not ordered for a year: the model is no longer asked."
        return Explanation(task=task, version=version, reasons=(), told=why)
    values = dict(zip(table.names, table.values[0].tolist(), strict=True))
    try:
        if version.algorithm == "recency rule":
            words = wording.sentence("rhythm", RECENCY_DAYS, values, money=display.money)
            why = f"{words}. The recency rule looks at nothing else."
            return Explanation(task=task, version=version, reasons=(), told=why)
        model = predictors.propensity(version)
        sign = -1 if task is Task.CHURN else 1
        found = wording.reasons(
            names=model.names,
            contributions=sign * model.reasons(table)[0],
            values=values,
            money=display.money,
        )
    except (ArtifactError, KeyError) as error:
        logger.warning("%s cannot explain: %s", version, error)
        why = "The model cannot be read, so its reasons are not known."
        return Explanation(task=task, version=version, reasons=(), told=why)
    return Explanation(task=task, version=version, reasons=tuple(found))
