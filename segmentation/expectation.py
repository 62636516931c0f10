"""What mailing a customer is expected to earn under a campaign's economics."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa

from customers.models import Cursor
from segmentation import engines, mirror, predictors, queries
from segmentation.enums import Task
from segmentation.ml import policy
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.features import FEATURES
from segmentation.ml.tables import Bools, FeatureTable, Floats, Ints
from segmentation.models import ModelVersion


logger = logging.getLogger(__name__)

PART = 20_000
"""Customers at a time: with all their features some 50 MB."""
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

    def expected(part: FeatureTable, margin: Floats, value: Floats) -> tuple[Floats, Floats]:
        effects = predictors.uplift(version, part)
        said = policy.expected_profit(
            uplift=effects.uplift,
            deviation=effects.deviation,
            alone=effects.alone,
            margin_cents=margin,
            value_cents=value,
            unsubscribe=_unsubscribe_share(version),
            economics=_economics(costs),
        )
        return said.profit_cents, said.deviation_cents

    try:
        said = _of_everybody(expected, customer_ids, columns=2)
    except (ArtifactError, KeyError) as error:
        logger.error("%s cannot decide, a coin does: %s", version, error)  # noqa: TRY400 - told in words
        return None
    if said is None:
        return None
    return policy.Expectation(profit_cents=said[0], deviation_cents=said[1])


def by_response(customer_ids: Ints, costs: Costs) -> Bools | None:
    """
    Whom targeting by response alone would mail: predicted orders pay for themselves, caused or not.

    Only for comparison with what targeting by uplift earns. None while no response model serves.
    """
    version = queries.champion(Task.RESPONSE)
    if version is None:
        return None
    economics = _economics(costs)
    cost = (
        economics.contact_cost_cents
        + _unsubscribe_share(version) * economics.unsubscribe_cost_cents
    )

    def earned(part: FeatureTable, margin: Floats, value: Floats) -> tuple[Floats]:
        _, mailed = predictors.response(version, part)
        return (mailed * (margin - economics.discount_share * value) - cost,)

    try:
        said = _of_everybody(earned, customer_ids, columns=1)
    except (ArtifactError, KeyError) as error:
        logger.error("%s cannot be compared with: %s", version, error)  # noqa: TRY400 - told in words
        return None
    return None if said is None else said[0] > 0


Saying = Callable[[FeatureTable, Floats, Floats], tuple[Floats, ...]]
"""What is said of some customers, by their features, expected margin and list value: (n,) each."""


def _of_everybody(say: Saying, asked: Ints, *, columns: int) -> list[Floats] | None:
    """
    What `say` says of each of `asked`, and of who is not known its mean over everybody known.

    None when nobody is known. Everybody known passes part by part: what is held is 8 bytes a column of
    each who was asked for, and a bit.
    """
    cursor = Cursor.objects.filter(reader=READER).first()
    if cursor is None:
        return None
    place = None if np.all(asked[:-1] <= asked[1:]) else np.argsort(asked, kind="stable")
    ordered = asked if place is None else asked[place]
    said, sums, count = [np.empty(len(asked)) for _ in range(columns)], np.zeros(columns), 0
    is_known = np.zeros(len(asked), dtype=bool)
    with mirror.connect() as database:
        moments = sum(
            (policy.OrderMoments.of(**_orders(part)) for part in _parts(database, cursor, _ORDERS)),
            start=policy.OrderMoments(),
        )
        for part in _parts(database, cursor, FEATURES):
            told = say(part, *policy.order_worth(**_orders(part), moments=moments))
            count += len(part)
            at = np.searchsorted(ordered, part.customer_ids)
            here = np.flatnonzero(at < len(ordered))
            here = here[ordered[at[here]] == part.customer_ids[here]]
            to = at[here] if place is None else place[at[here]]
            is_known[to] = True
            for number, values in enumerate(told):
                said[number][to] = values[here]
                sums[number] += values.sum()
    if not count:
        return None
    for values, total in zip(said, sums.tolist(), strict=True):
        values[~is_known] = total / count
    return said


def _parts(
    database: duckdb.DuckDBPyConnection, cursor: Cursor, names: Iterable[str]
) -> Iterator[FeatureTable]:
    """
    These features of everybody in the mirror: as of the last refresh, or of whom something changed since, of then.

    So whatever else is said of a customer at this moment is said of the same features.
    """
    if mirror.exists():
        rows = database.sql(f"SELECT customer_id, {', '.join(names)} FROM features")
        for batch in rows.to_arrow_reader(PART):
            yield FeatureTable.from_arrow(pa.Table.from_batches([batch]).sort_by("customer_id"))
    else:  # the mirror was lost, and no refresh has come since
        for table in engines.compute_everybody(database, as_of=cursor.position):
            yield FeatureTable.from_arrow(table.select(["customer_id", *names]))


_ORDERS = {
    "orders": "orders",
    "revenue_cents": "revenue_cents",
    "margin_cents": "margin_cents",
    "discount_share": "discount_share",
    "order_value_std_cents": "deviation_cents",
}
"""Features to what policy.order_worth calls them."""


def _orders(table: FeatureTable) -> dict[str, Floats]:
    return {called: table.column(name) for name, called in _ORDERS.items()}


def _economics(costs: Costs) -> policy.Economics:
    return policy.Economics(
        contact_cost_cents=costs.contact_cost_cents,
        unsubscribe_cost_cents=costs.unsubscribe_cost_cents,
        discount_share=costs.discount_percent / 100,
    )


def _unsubscribe_share(version: ModelVersion) -> float:
    return float(version.metrics["unsubscribe_share"])
