"""What a stored version says about customers: load its artefact, check it, ask it."""

from __future__ import annotations

import numpy as np

from segmentation import versions
from segmentation.enums import Task
from segmentation.ml import artifacts
from segmentation.ml.columns import RECENCY_DAYS
from segmentation.ml.estimators import retraining
from segmentation.ml.estimators.baselines import RecencyRule
from segmentation.ml.estimators.response import ResponseModel
from segmentation.ml.estimators.uplift import Effects, UpliftModel
from segmentation.ml.tables import FeatureTable, Floats
from segmentation.models import ModelVersion


def purchase(version: ModelVersion, table: FeatureTable, *, as_of: int) -> Floats:
    """P(order within the version's horizon), (n,). Raises artifacts.ArtifactError or KeyError in words."""
    files = versions.load(version).files
    if "rule.json" in files:
        rule = RecencyRule.from_dict(artifacts.read_document(files, "rule"))
        return rule.predict(table.column(RECENCY_DAYS))
    return _checked(propensity(version).predict(table, as_of=as_of), version)


def propensity(version: ModelVersion) -> retraining.Model:
    """The model of churn or purchase that is stored. Raises artifacts.ArtifactError, also for a stored rule."""
    files = versions.load(version).files
    try:
        return retraining.read(files)
    except (KeyError, TypeError, ValueError) as error:
        raise artifacts.ArtifactError(
            f"{version} is not a model of this kind ({error}); train again"
        ) from error


def check(version: ModelVersion) -> None:
    """Read `version` as whoever asks it would; raises artifacts.ArtifactError in words when it cannot be."""
    if version.task not in (Task.CHURN, Task.PURCHASE):
        versions.load(version)
        return
    files = versions.load(version).files
    if "rule.json" not in files:
        propensity(version)


def _checked(said: Floats, version: ModelVersion) -> Floats:
    if not np.isfinite(said).all():
        raise artifacts.ArtifactError(f"{version} gives no number for some customers; train again")
    return said


def response(version: ModelVersion, table: FeatureTable) -> tuple[Floats, Floats]:
    """P(order in the outcome window) if left alone and if mailed, (n,) each. Raises as `purchase`."""
    loaded = versions.load(version)
    model = ResponseModel.from_dict(artifacts.read_document(loaded.files, "model"))
    return model.predict(table.columns(loaded.provenance.features))


def uplift(version: ModelVersion, table: FeatureTable) -> Effects:
    """What a mail does to each customer's P(order). Raises as `purchase`."""
    model = UpliftModel.from_files(versions.load(version).files)
    return model.effects(table.columns(model.names))
