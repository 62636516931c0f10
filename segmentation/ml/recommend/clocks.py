"""
When a category is bought again: one learned clock a category, from all its purchases, closed or not.

The gap from a purchase to the customer's next one in the same category is seen whole, or cut off by the end of
the data; the Kaplan-Meier hazard of day d is the gaps that end there over those still open. A category with few
of them leans on the shop: its repurchases against those the shop's hazard would give it are a Poisson count with a
gamma prior over categories, whose spread is learned as well, so that a shop of phones and coffee shrinks little.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import gammaln

from segmentation.ml import artifacts
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Bools, Floats, Ints


WINDOW = 28
"""Days ahead for which an offer is made."""
LONGEST = 3 * 365
PSEUDO = 10.0
"""Open gaps a day of the shop's hazard that each category is given."""
HALF, SLOW = 0.5, 0.2
DURABLE = 60
"""Days: twice the window for which offers are made, and a little."""
_KNEW = 2.0
"""Gaps that must have been watched to a day, at least, for it to count as seen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Clocks:
    """Of c categories over days 0 to D - 1.

    again: (c, D) probability to buy of the category in the coming WINDOW, d days after having done so last and not
    since; shop: (D,) the same of any category. base: (c,) the same for somebody who never did. seen: (c,) days for which gaps were watched.
    median: (c,) days within which half of those who return have done so, NaN where nobody did.
    gaps, returns: (c,) gaps and how many of them ended in a purchase.
    """

    again: Floats
    shop: Floats
    base: Floats
    seen: Ints
    median: Floats
    gaps: Ints
    returns: Ints

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        past = past.before(as_of)
        count = len(past.products.categories)
        end = as_of // SECONDS_PER_DAY
        category, gap, closed = _gaps(past, end=end)
        days = int(min(max(gap.max() if len(gap) else 0, WINDOW) + 1, LONGEST))
        gap_day = np.minimum(gap, days - 1)
        # what is longer than the longest is cut off there
        closed = closed & (gap < days)
        left = np.zeros((count, days))
        np.add.at(left, (category, gap_day), 1)
        ended = np.zeros((count, days))
        np.add.at(ended, (category[closed], gap_day[closed]), 1)
        at_risk = left[:, ::-1].cumsum(axis=1)[:, ::-1]
        shop = ended.sum(axis=0) / np.maximum(at_risk.sum(axis=0), 1)
        expected = (at_risk * shop).sum(axis=1)
        returns = ended.sum(axis=1)
        ratio = _shrunk(returns, expected)
        hazard = (ended + PSEUDO * ratio[:, None] * shop) / (at_risk + PSEUDO)
        alive = np.log1p(-np.minimum(hazard, 1 - 1e-9)).cumsum(axis=1)
        ahead = np.minimum(np.arange(days) + WINDOW, days - 1)
        span = np.maximum(ahead - np.arange(days), 1)
        # a window that reaches over the end of what is known goes on as it went so far
        again = -np.expm1((alive[:, ahead] - alive) * WINDOW / span)
        seen = (at_risk >= _KNEW).sum(axis=1)
        whole = np.log1p(-np.minimum(shop, 1 - 1e-9)).cumsum()
        return cls(
            again=again, shop=-np.expm1((whole[ahead] - whole) * WINDOW / span), base=_base(past, end=end), seen=np.maximum(seen, 1),
            median=_medians(category[closed], gap[closed], count),
            gaps=np.bincount(category, minlength=count), returns=returns.astype(np.int64),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.base)

    def due(self, category: Ints, days: Floats) -> Floats:
        """How many times likelier than for somebody who never bought of the category, as a logarithm within 3."""
        day = np.clip(days, 0, self.again.shape[1] - 1).astype(np.int64)
        ratio = np.log((self.again[category, day] + 1e-6) / (self.base[category] + 1e-6))
        bounded: Floats = np.clip(ratio, -3.0, 3.0)
        return bounded

    def cool_down(self) -> Ints:
        """(c,) days after a purchase during which somebody who never bought is twice as likely to; 0: it is no durable.

        Or during which it is bought again at less than a fifth of the shop's rate: a shop may have few who never
        bought. Where that does not end within what was seen, all of what was seen. Less than DURABLE is 0: what is
        used up so soon is put off by its clock, not closed.
        """
        below = self.again < np.maximum(HALF * self.base[:, None], SLOW * self.shop)
        day = np.arange(below.shape[1])
        below &= day < self.seen[:, None]
        first_above = np.where(below.all(axis=1), below.shape[1], np.argmin(below, axis=1))
        days = np.minimum(first_above, self.seen)
        durable: Ints = np.where(days >= DURABLE, days, 0).astype(np.int64)
        return durable

    def to_files(self) -> dict[str, bytes]:
        return artifacts.to_files(arrays=dict(vars(self)))

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        names = ("again", "shop", "base", "seen", "median", "gaps", "returns")
        return cls(**{name: artifacts.read_array(files, name) for name in names})


def _gaps(past: Purchases, *, end: int) -> tuple[Ints, Ints, Bools]:
    """Category, days until the next purchase in it or until `end`, and whether it was a purchase that ended it."""
    category = past.products.category[past.product]
    count = max(len(past.products.categories), 1)
    key = np.unique((past.customer * count + category) * (1 << 20) + past.day)
    pair, day = key >> 20, key & ((1 << 20) - 1)
    closed = np.r_[pair[1:] == pair[:-1], False] if len(pair) else np.zeros(0, dtype=bool)
    following = np.r_[day[1:], end] if len(day) else day
    gap = np.where(closed, following, end) - day
    return pair % count, np.maximum(gap, 0), closed


def _shrunk(returns: Floats, expected: Floats) -> Floats:
    """Returns over expected ones, drawn towards 1 as far as the categories are alike (gamma-Poisson)."""
    from scipy.optimize import minimize_scalar

    known = expected > 0
    if known.sum() < 2:
        return np.where(known, returns / np.maximum(expected, 1e-9), 1.0)
    y, e = returns[known], expected[known]

    def loss(log_shape: float) -> float:
        a = np.exp(log_shape)
        return -float(
            np.sum(gammaln(y + a) - gammaln(a) + a * np.log(a / (a + e)) + y * np.log(e / (a + e)))
        )

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(50.0)), method="bounded")
    shape = float(np.exp(found.x))
    ratio: Floats = (returns + shape) / (expected + shape)
    return ratio


def _base(past: Purchases, *, end: int) -> Floats:
    """Probability of a first purchase in each category within WINDOW, from first orders on until it or `end`."""
    n, count = past.customers, len(past.products.categories)
    if not len(past):
        return np.zeros(count)
    category = past.products.category[past.product]
    began = np.full(n, end)
    np.minimum.at(began, past.customer, past.day)
    pair, first = np.unique(past.customer * count + category, return_inverse=True)
    first_day = np.full(len(pair), end)
    np.minimum.at(first_day, first, past.day)
    who, what = pair // count, pair % count
    # everybody was there without it all the time, less what came after those who bought
    without = (end - began)[began < end].sum() - np.bincount(what, end - first_day, minlength=count)
    firsts = np.bincount(what, first_day > began[who], minlength=count)
    # the first order counts as one more day, on which much is bought for the first time
    days = np.maximum(without + (began < end).sum(), 1)
    begun = np.bincount(what, first_day == began[who], minlength=count)
    probability: Floats = -np.expm1(-WINDOW * (firsts + 0.5 * (firsts == 0) * (begun > 0)) / days)
    return probability


def _medians(category: Ints, gap: Ints, count: int) -> Floats:
    order = np.lexsort((gap, category))
    sizes = np.bincount(category, minlength=count)
    starts = np.r_[0, np.cumsum(sizes)[:-1]]
    medians = np.full(count, np.nan)
    some = sizes > 0
    sorted_gaps = gap[order]
    low, high = starts + (sizes - 1) // 2, starts + sizes // 2
    medians[some] = (sorted_gaps[low[some]] + sorted_gaps[high[some]]) / 2
    return medians
