"""What an order of a customer is worth: own baskets and the shop's, weighed (Gamma-Gamma; Fader and Hardie 2013)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import digamma, gammaln

from segmentation.ml.btyd.optimum import NotFoundError, Target, maximise
from segmentation.ml.tables import Floats


FEWEST = 20
"""Customers with two orders below which the spread between customers is not estimated."""


@dataclass(frozen=True, kw_only=True)
class GammaGamma:
    """Baskets ~ Gamma(p, nu) with nu ~ Gamma(q, v) a customer. Unlike the papers, first orders count as well:
    else everybody who ordered once would get the shop's mean, whatever was bought.
    """

    p: float
    q: float
    v: float

    @classmethod
    def fit(cls, *, orders: Floats, mean: Floats) -> Self:
        """orders, mean: (n,), number and mean value of a customer's baskets. Values of zero or less are left out.

        With too few customers, or where the likelihood leads nowhere, own baskets count as if the shop's mean were one more.
        """
        usable = (orders > 0) & (mean > 0)
        orders, mean = orders[usable], mean[usable]
        if not len(mean):
            return cls(p=1.0, q=2.0, v=0.0)
        middle = float(mean.mean())
        if np.count_nonzero(orders > 1) >= FEWEST:
            try:
                target = _Scaled(orders=orders, mean=mean / middle)
                usual = np.log([2.0, 2.0, 1.0])
                p, over, v = np.exp(maximise(target, start=usual, centre=usual, prior=1.0))
            except NotFoundError:
                pass
            else:
                return cls(p=float(p), q=float(over + 1), v=float(v * middle))
        return cls(p=1.0, q=2.0, v=middle)

    def expected(self, *, orders: Floats, mean: Floats) -> Floats:
        """Mean value of the next baskets, (n,); `mean` is ignored where `orders` is 0."""
        spent = np.where(orders > 0, orders * np.nan_to_num(mean), 0.0)
        return self.p * (self.v + spent) / (self.p * orders + self.q - 1)

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scaled(Target):
    """The log likelihood over (log p, log(q - 1), log v); a mean exists for q above 1 only."""

    orders: Floats
    mean: Floats

    def __len__(self) -> int:
        return len(self.orders)

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        p, over, v = np.exp(logs)
        q, x, m = over + 1, self.orders, self.mean
        px, spent = p * x, x * m
        log_all = np.log(spent + v)
        value = (
            gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
            + px * np.log(spent) - np.log(m) - (px + q) * log_all
        )  # fmt: skip
        both = digamma(px + q)
        gradient = np.array(
            [
                (x * (both - digamma(px) + np.log(spent) - log_all)).sum(),
                (both - digamma(q) + np.log(v) - log_all).sum(),
                (q / v - (px + q) / (spent + v)).sum(),
            ]
        )
        return float(value.sum()), gradient * np.array([p, over, v])
