"""Whom to mail: the expected profit of a mail decides, and every decision keeps a known probability.

A learner that only ever mails whom it believes in never learns that it was wrong. So of every campaign a
holdout is left alone, a random arm is mailed by the toss of a coin, and the rest is mailed with the
probability that the mail pays, as far as the model knows (Thompson sampling, kept inside [0.05, 0.95]).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtr

from segmentation.ml.tables import Bools, Floats


_LEAST = 0.05
_MODESTY = 2.0
"""A posterior knows nothing of what the features leave out: its deviations are made this much wider before
they decide how much to explore (posterior inflation; Chapelle and Li 2011)."""


@dataclass(frozen=True, kw_only=True)
class Economics:
    """What a mail costs and gives away. Money in cents; `discount_share` of the list value."""

    contact_cost_cents: float
    unsubscribe_cost_cents: float
    discount_share: float


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """How a campaign keeps learning: shares of the audience, the random arm within the rest."""

    holdout_share: float = 0.10
    random_share: float = 0.10

    def __post_init__(self) -> None:
        if not (0 <= self.holdout_share < 1 and 0 <= self.random_share <= 1):
            raise ValueError("Shares must lie between 0 and 1, the holdout below 1.")


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Of mailing each customer rather than not: expected profit and its standard deviation, cents."""

    profit_cents: Floats
    deviation_cents: Floats

    @property
    def pays(self) -> Bools:
        """The recommendation: mail these."""
        return np.asarray(self.profit_cents > 0)

    @property
    def certainty(self) -> Floats:
        """P(the mail pays), as far as the model knows."""
        deviation = np.maximum(_MODESTY * self.deviation_cents, 1e-9)
        return np.asarray(ndtr(self.profit_cents / deviation))


def expected_profit(
    *,
    uplift: Floats,
    deviation: Floats,
    alone: Floats,
    margin_cents: Floats,
    value_cents: Floats,
    unsubscribe: Floats | float,
    economics: Economics,
) -> Expectation:
    """Expected profit of a mail: uplift * margin - P(order | mailed) * voucher - sending - unsubscribing.

    `alone`: P(order) without a mail; `margin_cents`, `value_cents`: margin and list value of an order
    before the voucher; `unsubscribe`: P(unsubscribing | mailed). The uncertainty is that of the uplift.
    """
    voucher = economics.discount_share * value_cents
    profit = (
        uplift * margin_cents
        - np.clip(alone + uplift, 0, 1) * voucher
        - economics.contact_cost_cents
        - unsubscribe * economics.unsubscribe_cost_cents
    )
    swing = np.abs(margin_cents - voucher)
    return Expectation(profit_cents=profit, deviation_cents=swing * deviation)


def within_budget(expectation: Expectation, *, budget: int | None) -> Bools:
    """The recommendation under a budget of mails: those that pay, the best first."""
    chosen = expectation.pays
    if budget is None or int(chosen.sum()) <= budget:
        return chosen
    best = np.argsort(-expectation.profit_cents, kind="stable")[: max(budget, 0)]
    kept = np.zeros(len(chosen), dtype=bool)
    kept[best] = True
    return chosen & kept


def assignment_probability(
    *,
    audience: int,
    expectation: Expectation | None,
    exploration: Exploration,
    budget: int | None = None,
) -> Floats:
    """P(mailed) per customer of the audience, to be logged with the decision; shape (audience,).

    Without a model every other customer outside the holdout is mailed. With one, the random arm is mailed
    by a coin and the others by the certainty that the mail pays. Under a budget the expected number of mails
    is kept to it by scaling all probabilities.
    """
    if expectation is None:
        learned = np.full(audience, 0.5)
    else:
        learned = np.clip(expectation.certainty, _LEAST, 1 - _LEAST)
    coin = exploration.random_share
    outside = coin * 0.5 + (1 - coin) * learned
    probability = (1 - exploration.holdout_share) * outside
    if budget is not None and probability.sum() > budget:
        probability = probability * (max(budget, 0) / probability.sum())
    return np.asarray(probability)


def assign(probability: Floats, draw: Floats) -> Bools:
    """Mail a customer when his uniform draw (from the salted hash) is below his probability."""
    return draw < probability


@dataclass(frozen=True, kw_only=True)
class OrderMoments:
    """
    What all orders say of one customer's: sums over customers with orders, which parts of a shop add up to.

    `mean` and `scatter` (sum of squared distances from it) are of customers' mean list values, cents;
    `within` and `freedom` are the squares and degrees of freedom of list values within customers.
    """

    customers: int = 0
    mean: float = 0.0
    scatter: float = 0.0
    inverse_counts: float = 0.0
    within: float = 0.0
    freedom: float = 0.0
    margin_cents: float = 0.0
    listed_cents: float = 0.0

    @classmethod
    def of(
        cls, *, orders: Floats, revenue_cents: Floats, margin_cents: Floats,
        discount_share: Floats, deviation_cents: Floats,
    ) -> Self:  # fmt: skip
        """The moments of some customers; see `order_worth`."""
        known = (orders > 0) & (revenue_cents > 0)
        if not known.any():
            return cls()
        listed, count = _listed(revenue_cents, discount_share), np.maximum(orders, 1.0)
        mean = listed[known] / count[known]
        repeated = known & np.isfinite(deviation_cents) & (orders > 1)
        freedom = orders[repeated] - 1
        return cls(
            customers=len(mean),
            mean=float(mean.mean()),
            scatter=float(mean.var()) * len(mean),
            inverse_counts=float((1 / count[known]).sum()),
            within=float(freedom @ deviation_cents[repeated] ** 2),
            freedom=float(freedom.sum()),
            margin_cents=float(margin_cents[known].sum()),
            listed_cents=float(listed[known].sum()),
        )

    def __add__(self, other: OrderMoments) -> OrderMoments:
        """Both together (Chan, Golub, LeVeque 1983 for the scatter)."""
        customers = self.customers + other.customers
        apart = other.mean - self.mean
        weight = other.customers / customers if customers else 0.0
        return OrderMoments(
            customers=customers,
            mean=self.mean + apart * weight,
            scatter=self.scatter + other.scatter + apart**2 * self.customers * weight,
            inverse_counts=self.inverse_counts + other.inverse_counts,
            within=self.within + other.within,
            freedom=self.freedom + other.freedom,
            margin_cents=self.margin_cents + other.margin_cents,
            listed_cents=self.listed_cents + other.listed_cents,
        )


def order_worth(
    *,
    orders: Floats,
    revenue_cents: Floats,
    margin_cents: Floats,
    discount_share: Floats,
    deviation_cents: Floats,
    moments: OrderMoments | None = None,
) -> tuple[Floats, Floats]:
    """Expected margin and list value of each customer's next order, in cents; both (n,).

    From the features of these names (`deviation_cents`: of order values, NaN below two orders). A mean of few
    orders is shrunk towards everybody's: one-way random effects with moment estimates (Searle, Casella,
    McCulloch 1992), where the own mean weighs orders / (orders + within / between). `moments` are
    everybody's where these customers are only some; by default theirs.
    """
    all_of = moments or OrderMoments.of(
        orders=orders, revenue_cents=revenue_cents, margin_cents=margin_cents,
        discount_share=discount_share, deviation_cents=deviation_cents,
    )  # fmt: skip
    if not all_of.customers:
        return np.zeros(len(orders)), np.zeros(len(orders))
    known = (orders > 0) & (revenue_cents > 0)
    listed, count = _listed(revenue_cents, discount_share), np.maximum(orders, 1.0)
    mean = listed / count
    within = all_of.within / max(all_of.freedom, 1.0)
    between = (all_of.scatter - within * all_of.inverse_counts) / all_of.customers
    weight = count / (count + within / max(between, 1e-3 * within + 1e-9))
    value = np.where(known, all_of.mean + weight * (mean - all_of.mean), all_of.mean)
    usual = all_of.margin_cents / all_of.listed_cents
    own = np.divide(margin_cents, listed, out=np.full(len(orders), usual), where=known)
    share = usual + weight * (own - usual)
    return np.asarray(value * share), np.asarray(value)


def _listed(revenue_cents: Floats, discount_share: Floats) -> Floats:
    """What was paid and what was given away on it."""
    return np.asarray(revenue_cents / (1 - np.clip(np.nan_to_num(discount_share), 0, 0.95)))
