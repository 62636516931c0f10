"""What mailing a customer is expected to earn under a campaign's economics."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

import numpy as np

from customers.models import Cursor
from segmentation import mirror, predictors, queries
from segmentation.enums import Task
from segmentation.ml import features, policy
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.tables import Bools, FeatureTable, Floats, Ints
from segmentation.models import ModelVersion


logger = logging.getLogger(__name__)

READER = "segmentation.refresh"
"""The cursor that says as of when the mirror was last refreshed and scored."""


class Costs(Protocol):
    """The part of a campaign's economics that the profit of a mail depends on."""

    @property
    def contact_cost_cents(self) -> int: ...
    @property
    def unsubscribe_cost_cents(self) -> int: ...
    @property
    def discount_percent(self) -> int: ...


def of_mailing(
    version: ModelVersion, customer_ids: Ints, costs: Costs
) -> policy.Expectation | None:
    """
    Expected profit of a mail and its standard deviation, cents, in the order asked.

    Who is not in the mirror (no consent to profiling) gets the average. None when nobody is known or
    the model cannot be read, which is logged: a campaign then falls back on the coin.
    """
    known = _table()
    if known is None:
        return None
    try:
        effects = predictors.uplift(version, known)
    except (ArtifactError, KeyError) as error:
        logger.error("%s cannot decide, a coin does: %s", version, error)  # noqa: TRY400 - told in words
        return None
    margin, value = worth(known)
    expected = policy.expected_profit(
        uplift=effects.uplift,
        deviation=effects.deviation,
        alone=effects.alone,
        margin_cents=margin,
        value_cents=value,
        unsubscribe=_unsubscribe_share(version),
        economics=_economics(costs),
    )
    return replace(
        expected,
        profit_cents=_aligned(expected.profit_cents, known.customer_ids, customer_ids),
        deviation_cents=_aligned(expected.deviation_cents, known.customer_ids, customer_ids),
    )


def by_response(customer_ids: Ints, costs: Costs) -> Bools | None:
    """
    Whom targeting by response alone would mail: predicted orders pay for themselves, caused or not.

    Only for comparison with what targeting by uplift earns. None while no response model serves.
    """
    version, known = queries.champion(Task.RESPONSE), _table()
    if version is None or known is None:
        return None
    try:
        _, mailed = predictors.response(version, known)
    except (ArtifactError, KeyError) as error:
        logger.error("%s cannot be compared with: %s", version, error)  # noqa: TRY400 - told in words
        return None
    margin, value = worth(known)
    economics = _economics(costs)
    earns = mailed * (margin - economics.discount_share * value)
    cost = (
        economics.contact_cost_cents
        + _unsubscribe_share(version) * economics.unsubscribe_cost_cents
    )
    return _aligned(earns - cost, known.customer_ids, customer_ids) > 0


def worth(table: FeatureTable) -> tuple[Floats, Floats]:
    """Expected margin and list value of each customer's next order, cents."""
    return policy.order_worth(
        orders=table.column("orders"),
        revenue_cents=table.column("revenue_cents"),
        margin_cents=table.column("margin_cents"),
        discount_share=table.column("discount_share"),
        deviation_cents=table.column("order_value_std_cents"),
    )


def _table() -> FeatureTable | None:
    """The features as of the last refresh; the same moment always gives the same decisions."""
    cursor = Cursor.objects.filter(reader=READER).first()
    if cursor is None:
        return None
    with mirror.connect() as database:
        table = FeatureTable.from_arrow(features.compute(database, as_of=cursor.position))
    return table if len(table) else None


def _economics(costs: Costs) -> policy.Economics:
    return policy.Economics(
        contact_cost_cents=costs.contact_cost_cents,
        unsubscribe_cost_cents=costs.unsubscribe_cost_cents,
        discount_share=costs.discount_percent / 100,
    )


def _unsubscribe_share(version: ModelVersion) -> float:
    return float(version.metrics["unsubscribe_share"])


def _aligned(values: Floats, known: Ints, asked: Ints) -> Floats:
    """`values` of `known` (ascending) in the order of `asked`, their mean where somebody is not known."""
    at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.asarray(np.where(known[at] == asked, values[at], values.mean()))
