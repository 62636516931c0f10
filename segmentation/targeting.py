"""Whom to mail: the expected profit decides, chance keeps it honest.

A share of everybody is held out, a share of the rest is assigned by a coin, and the others are mailed
with the probability that a mail pays, as far as the model knows. The probability of each customer is
logged, so the next model can learn from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core import ids
from customers import display
from segmentation import expectation, queries
from segmentation.enums import Task
from segmentation.ml import policy
from segmentation.models import ModelVersion


PART = 20_000
"""Customers at a time: what is decided about one takes some hundred bytes."""


@dataclass(frozen=True, kw_only=True)
class Economics:
    """What a message of this campaign costs; cents and per cent."""

    contact_cost_cents: int
    unsubscribe_cost_cents: int
    discount_percent: int
    outcome_days: int


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """One entry a customer, aligned; `arm` is an Arm of campaigns, money is NaN where no model says."""

    customer_ids: npt.NDArray[np.int64]
    arm: npt.NDArray[np.str_]
    probability: npt.NDArray[np.float64]
    predicted_profit_cents: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    How a campaign assigns `customer_ids`. Holds 8 bytes of each, and 16 more where a model says something.

    What is decided about each comes in parts, in the order asked, and is the same whenever it is asked.
    """

    customer_ids: npt.NDArray[np.int64]
    expected: policy.Expectation | None
    exploration: policy.Exploration
    salt: str
    everyone: bool
    model_version_id: int | None
    note: str

    def parts(self) -> Iterator[Assigned]:
        for start in range(0, len(self.customer_ids), PART):
            yield self._assigned(slice(start, start + PART))

    def _assigned(self, part: slice) -> Assigned:
        ids = self.customer_ids[part]
        expected = self.expected and policy.Expectation(
            profit_cents=self.expected.profit_cents[part],
            deviation_cents=self.expected.deviation_cents[part],
        )
        holdout = self.exploration.holdout_share
        probability = (
            np.full(len(ids), 1 - holdout)
            if self.everyone
            else policy.assignment_probability(
                audience=len(ids), expectation=expected, exploration=self.exploration
            )
        )
        held_out = _draw(self.salt, "holdout", ids) < holdout
        # given that somebody is not held out
        treated = policy.assign(probability / (1 - holdout), _draw(self.salt, "treat", ids))
        return Assigned(
            customer_ids=ids,
            arm=np.where(held_out, "HOLDOUT", np.where(treated, "TREATED", "NOT_TARGETED")),
            probability=probability,
            predicted_profit_cents=(
                np.full(len(ids), np.nan) if expected is None else expected.profit_cents
            ),
        )


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
    Plan the arm of each customer; the same salt and the same scores always decide the same.

    `everyone` mails all but the holdout. Without an uplift model a coin decides. Customers who may not
    be profiled follow the average effect, which is not about them.
    """
    version = None if everyone else queries.champion(Task.UPLIFT)
    expected = None if version is None else expectation.of_mailing(version, customer_ids, economics)
    return Plan(
        customer_ids=customer_ids,
        expected=expected,
        exploration=policy.Exploration(holdout_share=holdout_share, random_share=explore_share),
        salt=salt,
        everyone=everyone,
        model_version_id=None if expected is None or version is None else version.pk,
        note=(
            "Everyone in the segment is mailed, less the holdout."
            if everyone
            else _note(version, expected)
        ),
    )


def _note(version: ModelVersion | None, expected: policy.Expectation | None) -> str:
    if version is None:
        return "No uplift model serves yet: a coin decides, and Coterie learns from it."
    if expected is None:
        return f"{version} cannot be used now: a coin decides, and Coterie learns from it."
    if not len(expected.pays):
        return "Nobody is eligible."
    return f"By {version}, mailing pays for {display.percent(expected.pays.mean(), decimals=0)} of the eligible."


def _draw(salt: str, purpose: str, customer_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return ids.unit_interval(salt=salt, purpose=purpose, keys=customer_ids)
