"""Whom to mail: the expected profit decides, chance keeps it honest.

A share of everybody is held out, a share of the rest is assigned by a coin, and the others are mailed
with the probability that a mail pays, as far as the model knows. The probability of each customer is
logged, so the next model can learn from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core import ids
from segmentation import expectation, queries
from segmentation.enums import Task
from segmentation.ml import policy
from segmentation.models import ModelVersion


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
    Decide the arm of each customer; the same salt and the same scores always decide the same.

    `everyone` mails all but the holdout. Without an uplift model a coin decides. Customers who may not
    be profiled follow the average effect, which is not about them.
    """
    version = None if everyone else queries.champion(Task.UPLIFT)
    expected = None if version is None else expectation.of_mailing(version, customer_ids, economics)
    if everyone:
        probability = np.full(len(customer_ids), 1 - holdout_share)
        note = "Everyone in the segment is mailed, less the holdout."
    else:
        probability = policy.assignment_probability(
            audience=len(customer_ids),
            expectation=expected,
            exploration=policy.Exploration(holdout_share=holdout_share, random_share=explore_share),
        )
        note = _note(version, expected)
    held_out = _draw(salt, "holdout", customer_ids) < holdout_share
    # given that somebody is not held out
    treated = policy.assign(probability / (1 - holdout_share), _draw(salt, "treat", customer_ids))
    return Plan(
        arm=np.where(held_out, "HOLDOUT", np.where(treated, "TREATED", "NOT_TARGETED")),
        probability=probability,
        predicted_profit_cents=(
            np.full(len(customer_ids), np.nan) if expected is None else expected.profit_cents
        ),
        model_version_id=None if expected is None or version is None else version.pk,
        note=note,
    )


def _note(version: ModelVersion | None, expected: policy.Expectation | None) -> str:
    if version is None:
        return "No uplift model serves yet: a coin decides, and Coterie learns from it."
    if expected is None:
        return f"{version} cannot be used now: a coin decides, and Coterie learns from it."
    if not len(expected.pays):
        return "Nobody is eligible."
    return f"By {version}, mailing pays for {expected.pays.mean():.0%} of the eligible."


def _draw(salt: str, purpose: str, customer_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return ids.unit_interval(salt=salt, purpose=purpose, keys=customer_ids)
