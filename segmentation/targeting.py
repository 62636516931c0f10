"""Whom to mail: the learned profit decides, chance keeps it honest.

A share of everybody is held out, a share of the rest is assigned by a coin, and only what remains
follows the model. The probability with which each customer was assigned to a message is therefore
known, and the next model can learn from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core import ids
from segmentation import queries
from segmentation.enums import Task


@dataclass(frozen=True, kw_only=True)
class Economics:
    """What a message of this campaign costs; cents and per cent."""

    contact_cost_cents: int
    unsubscribe_cost_cents: int
    discount_percent: int
    outcome_days: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One entry a customer, in the order asked."""

    arm: npt.NDArray[np.str_]
    probability: npt.NDArray[np.float64]
    predicted_profit_cents: npt.NDArray[np.float64]
    model_version_id: int | None
    note: str


def plan(
    *,
    customer_ids: npt.NDArray[np.int64],
    economics: Economics,
    holdout_share: float,
    explore_share: float,
    salt: str,
    everyone: bool,
) -> Plan:
    """
    Decide the arm of each customer; the same salt always decides the same.

    `everyone` mails all but the holdout. Otherwise customers are mailed when the current uplift
    scores expect a profit; while no uplift model serves, a coin decides. Customers without a score
    (no consent to profiling) follow the average effect, which is not about them.
    """
    scores = queries.current_scores(Task.UPLIFT, customer_ids)
    predicted = scores.values
    if everyone:
        explore_share, wanted = 0.0, np.ones(len(customer_ids), dtype=bool)
        note = "Everyone in the segment is mailed, less the holdout."
    elif scores.version_id is None:
        explore_share, wanted = 1.0, np.zeros(len(customer_ids), dtype=bool)
        note = "No uplift model serves yet: a coin decides, and Coterie learns from it."
    else:
        predicted = np.where(np.isnan(predicted), scores.average, predicted)
        wanted = predicted > 0
        note = (
            f"{scores.version} expects a message to pay for {wanted.mean():.0%} of the eligible; "
            f"{explore_share:.0%} are assigned by a coin."
        )

    def draw(purpose: str) -> npt.NDArray[np.float64]:
        return ids.unit_interval(salt=salt, purpose=purpose, keys=customer_ids)

    held_out = draw("holdout") < holdout_share
    exploring = draw("explore") < explore_share
    treated = ~held_out & np.where(exploring, draw("coin") < 0.5, wanted)
    arm = np.where(held_out, "HOLDOUT", np.where(treated, "TREATED", "NOT_TARGETED"))
    probability = (1 - holdout_share) * (explore_share * 0.5 + (1 - explore_share) * wanted)
    return Plan(
        arm=arm,
        probability=probability,
        predicted_profit_cents=predicted,
        model_version_id=scores.version_id,
        note=note,
    )
