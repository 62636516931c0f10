"""From scores to a list: what may be offered, and how much alike the list may be."""

from dataclasses import dataclass

import numpy as np

from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.judging import top
from segmentation.ml.recommend.links import Links
from segmentation.ml.recommend.purchases import Products
from segmentation.ml.tables import Bools, Floats, Ints


POOL = 30
"""How many of the best are looked at for variety."""
TIERS = 3
FEWEST_PRICES = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Offer:
    """What may be offered at all. stock and margin: (m,), NaN where unknown; the unknown is not left out."""

    stock: Floats | None = None
    margin: Floats | None = None
    least_margin: float | None = None
    own_price_tier: bool = False

    def available(self, products: Products) -> Bools:
        """(m,) in stock and with enough margin (a share of the price)."""
        mask = np.ones(len(products), dtype=bool)
        if self.stock is not None:
            mask &= ~(self.stock <= 0)
        if self.margin is not None and self.least_margin is not None:
            mask &= ~(self.margin < self.least_margin)
        return mask


def other_tiers(histories: Histories, products: Products) -> Bools:
    """
    (n, m) products more than one third of the shop's prices away from the customer's mean third.

    Nothing of those who bought fewer than three products with a price, and of products without one.
    """
    price = products.price
    known = np.isfinite(price)
    if known.sum() < TIERS:
        return np.zeros((len(histories), len(products)), dtype=bool)
    bounds = np.quantile(price[known], [1 / 3, 2 / 3])
    tier = np.where(known, np.searchsorted(bounds, np.where(known, price, 0), side="right"), np.nan)
    mine = tier[histories.product]
    counted = np.isfinite(mine)
    rows = histories.customer[counted]
    number = np.bincount(rows, minlength=len(histories))
    mean = np.bincount(rows, mine[counted], minlength=len(histories)) / np.maximum(number, 1)
    far: Bools = np.abs(tier[None, :] - mean[:, None]) > 1.0
    far[number < FEWEST_PRICES] = False
    return far


def varied(scores: Scores, *, k: int, alike: Links, diversity: float) -> Ints:
    """
    (n, k) the best, each paying for how much it is like those before it (maximal marginal relevance, 1998).

    diversity: 0 none; 1: a twin of something in the list loses all the distance between the first and the 30th.
    """
    if diversity <= 0 or not len(alike.column):
        return top(scores, k=k)
    pool = top(scores, k=max(POOL, k))
    n, size = pool.shape
    place = np.maximum(pool, 0)
    value = np.take_along_axis(scores, place, axis=1).astype(np.float64)
    value[pool < 0] = -np.inf
    lowest = np.where(np.isfinite(value), value, np.inf).min(axis=1)
    spread = np.where(np.isfinite(lowest), value[:, 0] - lowest, 0.0)
    likeness = np.zeros((n, size))
    chosen = np.full((n, k), -1)
    rows = np.arange(n)
    for rank in range(min(k, size)):
        paid = value - diversity * spread[:, None] * likeness
        best = paid.argmax(axis=1)
        alive = np.isfinite(paid[rows, best])
        chosen[alive, rank] = pool[rows, best][alive]
        value[rows, best] = -np.inf
        twin = np.broadcast_to(place[rows, best][:, None], place.shape)
        likeness = np.maximum(likeness, alike.weights(twin, place))
    return chosen


def discovering(ranked: Ints, quiet: Scores) -> Ints:
    """
    The last two of each ten places go to the best of `quiet` (n, m) that are not in the list yet.

    Chosen on inner splits: half as much again of the assortment is shown, at two per cent of the NDCG.
    """
    n, k = ranked.shape
    places = np.flatnonzero(np.arange(k) % 10 >= 8)
    if not len(places) or not n:
        return ranked
    mixed = np.full_like(ranked, -1)
    others = np.setdiff1d(np.arange(k), places)
    mixed[:, others] = ranked[:, : len(others)]
    found = top(quiet, k=k)
    for row in range(n):
        new = found[row][~np.isin(found[row], mixed[row])][: len(places)]
        rest = ranked[row, len(others) :]
        fill = np.r_[new, rest[~np.isin(rest, new)]][: len(places)]
        mixed[row, places[: len(fill)]] = fill
    return mixed
