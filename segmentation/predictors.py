"""What a stored version says about customers: load its artefact, check it, ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from celery.exceptions import SoftTimeLimitExceeded

from segmentation import reading_models, versions
from segmentation.enums import Measure, Task
from segmentation.ml import artifacts, training
from segmentation.ml.columns import ORDERS, RECENCY_DAYS
from segmentation.ml.estimators import retraining
from segmentation.ml.estimators.baselines import RecencyRule
from segmentation.ml.estimators.response import ResponseModel
from segmentation.ml.estimators.uplift import Effects, UpliftModel
from segmentation.ml.lifetime import ValueModel
from segmentation.ml.tables import FeatureTable, Floats, Ints
from segmentation.models import ModelVersion


LIFETIME_DAYS = 365
"""Ahead that LIFETIME and its measures look, whatever window the model could learn from."""

COLUMNS = ("value", "sd", "median", "low", "high")
"""Of a score; all but the first may be unknown (NaN)."""


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Scores of n customers: some of COLUMNS, (n,) each, `value` among them."""

    customer_ids: Ints
    columns: Mapping[str, Floats]


def codes(task: str) -> tuple[str, ...]:
    """The scores that a model of `task` gives."""
    if task == Task.LIFETIME:
        return (Task.LIFETIME.value, Measure.ORDERS.value, Measure.NEXT_ORDER.value)
    return (task,)


def say(version: ModelVersion, table: FeatureTable, *, as_of: int) -> dict[str, Predicted]:
    """What `version` says of whom it can say something in `table`, by `codes`. Raises as `purchase`."""
    if version.task == Task.LIFETIME:
        return lifetime(version, table, as_of=as_of)
    if version.task in (Task.CHURN, Task.PURCHASE):
        table = training.eligible(table)
    if not len(table):
        columns = {"value": np.empty(0), "sd": np.empty(0)}
    elif version.task in (Task.CHURN, Task.PURCHASE):
        buys = purchase(version, table, as_of=as_of)
        columns = {"value": 1 - buys if version.task == Task.CHURN else buys}
    elif version.task == Task.RESPONSE:
        columns = {"value": response(version, table)[1]}
    else:
        effects = uplift(version, table)
        columns = {"value": effects.uplift, "sd": effects.deviation}
    return {version.task: Predicted(customer_ids=table.customer_ids, columns=columns)}


def lifetime(version: ModelVersion, table: FeatureTable, *, as_of: int) -> dict[str, Predicted]:
    """Spend in cents, orders and days to the next order of whoever has ordered. Raises as `purchase`."""
    table = table.rows(table.column(ORDERS) > 0)
    model = value_model(version)
    with _readable(version):
        said = model.predict(table, as_of=as_of, horizon_days=LIFETIME_DAYS)
        _checked(said.expected_orders, version)
        _checked(said.expected_spend_cents, version)
    known = ~np.isnan(said.next_order_days)
    return {
        Task.LIFETIME.value: Predicted(
            customer_ids=table.customer_ids,
            columns={
                "value": np.round(said.expected_spend_cents),
                "median": np.round(said.median_spend_cents),
                "low": np.round(said.low_cents),
                "high": np.round(said.high_cents),
            },
        ),
        Measure.ORDERS.value: Predicted(
            customer_ids=table.customer_ids,
            columns={"value": said.expected_orders, "median": said.median_orders},
        ),
        # by then an order is as likely as not; whoever more likely orders never has none
        Measure.NEXT_ORDER.value: Predicted(
            customer_ids=table.customer_ids[known], columns={"value": said.next_order_days[known]}
        ),
    }


def value_model(version: ModelVersion) -> ValueModel:
    """The model of lifetime value that is stored. Raises artifacts.ArtifactError in words."""
    with _readable(version):
        return reading_models.read(version, _value_model)


def _value_model(loaded: artifacts.Loaded) -> ValueModel:
    return ValueModel.from_files(loaded.files)


def purchase(version: ModelVersion, table: FeatureTable, *, as_of: int) -> Floats:
    """P(order within the version's horizon), (n,). Raises artifacts.ArtifactError or KeyError in words."""
    with _readable(version):
        model = reading_models.read(version, _rule_or_model)
        if isinstance(model, RecencyRule):
            return _checked(model.predict(table.column(RECENCY_DAYS)), version)
        return _checked(model.predict(table, as_of=as_of), version)


def _rule_or_model(loaded: artifacts.Loaded) -> RecencyRule | retraining.Model:
    if "rule.json" in loaded.files:
        return RecencyRule.from_dict(artifacts.read_document(loaded.files, "rule"))
    return retraining.read(loaded.files)


def propensity(version: ModelVersion) -> retraining.Model:
    """The model of churn or purchase that is stored. Raises artifacts.ArtifactError, also for a stored rule."""
    with _readable(version):
        model = reading_models.read(version, _rule_or_model)
    if isinstance(model, RecencyRule):
        raise artifacts.ArtifactError(f"{version} is the recency rule, not a model")
    return model


@contextmanager
def _readable(version: ModelVersion) -> Iterator[None]:
    """Say of a file whose sum is right and which is of something else that it is: libraries say it in many ways."""
    try:
        yield
    except (artifacts.ArtifactError, MemoryError, SoftTimeLimitExceeded):
        raise
    except Exception as error:
        if isinstance(error, KeyError) and "feature" in str(error):
            raise  # the table's fault, and said in words
        raise artifacts.ArtifactError(
            f"{version} is not a model of this kind ({error}); train again"
        ) from error


def check(version: ModelVersion) -> None:
    """Read `version` as whoever asks it would; raises artifacts.ArtifactError in words when it cannot be."""
    if version.task == Task.LIFETIME:
        value_model(version)
        return
    if version.task not in (Task.CHURN, Task.PURCHASE):
        versions.load(version)
        return
    with _readable(version):
        reading_models.read(version, _rule_or_model)


def _checked(said: Floats, version: ModelVersion) -> Floats:
    if not np.isfinite(said).all():
        raise artifacts.ArtifactError(f"{version} gives no number for some customers; train again")
    return said


def response(version: ModelVersion, table: FeatureTable) -> tuple[Floats, Floats]:
    """P(order in the outcome window) if left alone and if mailed, (n,) each. Raises as `purchase`."""
    with _readable(version):
        model, names = reading_models.read(version, _response_model)
        alone, mailed = model.predict(table.columns(names))
        return _checked(alone, version), _checked(mailed, version)


def _response_model(loaded: artifacts.Loaded) -> tuple[ResponseModel, tuple[str, ...]]:
    model = ResponseModel.from_dict(artifacts.read_document(loaded.files, "model"))
    return model, loaded.provenance.features


def uplift(version: ModelVersion, table: FeatureTable) -> Effects:
    """What a mail does to each customer's P(order). Raises as `purchase`."""
    with _readable(version):
        model = reading_models.read(version, _uplift_model)
        effects = model.effects(table.columns(model.names))
        _checked(effects.uplift, version)
        return effects


def _uplift_model(loaded: artifacts.Loaded) -> UpliftModel:
    return UpliftModel.from_files(loaded.files)
