"""What is known of each customer at a moment: which products, how often, how long ago."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Floats, Ints


Scores = NDArray[np.float32]
"""(customers, products); more is better, and only the order within a row means something."""

HALF_LIVES = (15.0, 60.0, 180.0)
_DAYS = 1 << 20  # more days than any date has


@dataclass(frozen=True, kw_only=True, eq=False)
class Histories:
    """n customers and what they own of m products, as a sparse matrix by rows (indptr, product).

    Of each pair: times (different days), last and first (days ago), decayed (3, pairs): days weighted by half lives,
    own_decayed: by 60 days since the customer's last order, and since: orders after the last with the product.
    Of each customer: orders (different days), last_order (days ago), gap: mean days between orders (60 without one).
    """

    as_of: int
    products: int
    indptr: Ints
    product: Ints
    times: Floats
    last: Floats
    first: Floats
    decayed: Floats
    own_decayed: Floats
    since: Floats
    orders: Ints
    last_order: Floats
    gap: Floats

    @classmethod
    def of(cls, past: Purchases, *, as_of: int) -> Self:
        """Of all lines of `past` before `as_of` (epoch seconds); those of one day are one purchase."""
        past = past.before(as_of)
        n, m = past.customers, len(past.products)
        key = np.unique((past.customer * max(m, 1) + past.product) * _DAYS + past.day)
        pair, age = key // _DAYS, as_of / SECONDS_PER_DAY - key % _DAYS - 0.5
        age = np.maximum(age, 0.0)
        starts = np.flatnonzero(np.r_[True, np.diff(pair) > 0]) if len(pair) else pair
        pairs = pair[starts]
        customer, product = pairs // max(m, 1), pairs % max(m, 1)
        times = np.diff(np.r_[starts, len(pair)]).astype(np.float64)
        ends = np.r_[starts[1:], len(pair)] - 1
        visit = np.unique(past.customer * _DAYS + past.day)
        who = visit // _DAYS
        orders = np.bincount(who, minlength=n)
        upto = np.cumsum(orders)
        seen = orders > 0
        last_order, first_order = np.full(n, np.inf), np.zeros(n)
        at = as_of / SECONDS_PER_DAY - visit % _DAYS - 0.5
        last_order[seen] = np.maximum(at[upto[seen] - 1], 0)
        first_order[seen] = at[(upto - orders)[seen]]
        gap = np.full(n, 60.0)
        again = orders > 1
        gap[again] = np.maximum((first_order - last_order)[again] / (orders[again] - 1), 1.0)
        last_day = key[ends] % _DAYS if len(key) else key
        since = (
            upto[customer] - 1 - np.searchsorted(visit, customer * _DAYS + last_day)
            if len(visit)
            else np.empty(0)
        )
        own_age = age - last_order[key // _DAYS // max(m, 1)] if len(key) else age
        return cls(
            as_of=as_of,
            products=m,
            indptr=np.r_[0, np.cumsum(np.bincount(customer, minlength=n))],
            product=product,
            times=times,
            last=age[ends] if len(age) else age,
            first=age[starts] if len(age) else age,
            decayed=np.array([_summed(0.5 ** (age / half), starts) for half in HALF_LIVES]),
            own_decayed=_summed(0.5 ** (own_age / 60.0), starts),
            since=since.astype(np.float64),
            orders=orders,
            last_order=last_order,
            gap=gap,
        )

    def __len__(self) -> int:
        return len(self.orders)

    @property
    def customer(self) -> Ints:
        """(pairs,) whose each pair is."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def matrix(self, values: Floats | None = None) -> Any:
        """(n, m) as scipy's csr, float32: `values` of the pairs, or 1."""
        data = np.ones(len(self.product)) if values is None else values
        return csr_matrix(
            (data.astype(np.float32), self.product, self.indptr), shape=(len(self), self.products)
        )


def _summed(values: Floats, starts: Ints) -> Floats:
    if not len(values):
        return values
    summed: Floats = np.add.reduceat(values, starts)
    return summed
