"""What customers are expected to do by their rhythm and their baskets alone: the offset of the trees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segmentation.ml import btyd
from segmentation.ml.btyd import Fitted, GammaGamma, Histories
from segmentation.ml.btyd.chain import CHAIN
from segmentation.ml.columns import ORDER_DAYS
from segmentation.ml.lifetime.origins import Origin
from segmentation.ml.metrics import normalised_gini
from segmentation.ml.tables import FeatureTable, Floats


COLUMNS = ("btyd_log_orders_30d", "btyd_log_silence_30d", "btyd_log_basket")
"""What trees see of the base beside the offset."""

_TINY = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Said:
    """Of n customers over some days: orders, the logarithm of P(no order), and what an order is worth in cents."""

    orders: Floats
    log_silence: Floats
    basket: Floats

    @property
    def log_orders(self) -> Floats:
        return np.log(np.maximum(self.orders, _TINY))

    @property
    def log_spend(self) -> Floats:
        return self.log_orders + np.log(np.maximum(self.basket, _TINY))

    @property
    def odds(self) -> Floats:
        """Log-odds of buying at all."""
        silent = np.clip(self.log_silence, -30.0, -1e-7)
        return np.log(-np.expm1(silent)) - silent


@dataclass(frozen=True, kw_only=True)
class Base:
    """A model of orders and one of baskets, fitted at one moment."""

    rhythm: Fitted
    baskets: GammaGamma

    @classmethod
    def fit(
        cls,
        table: FeatureTable,
        *,
        ahead: float,
        chain: tuple[str, ...] = CHAIN,
        start: Self | None = None,
    ) -> Self:
        rhythm = btyd.fit(
            Histories.of(table), ahead=ahead, chain=chain, start=start.rhythm if start else None
        )
        orders, mean = _baskets(table)
        return cls(rhythm=rhythm, baskets=GammaGamma.fit(orders=orders, mean=mean))

    def say(self, table: FeatureTable, *, ahead: float) -> Said:
        """What to expect of each customer in `table` in the next `ahead` days."""
        histories = Histories.of(table)
        orders, mean = _baskets(table)
        return Said(
            orders=self.rhythm.model.expected(histories, ahead=ahead),
            log_silence=self.rhythm.model.log_silence(histories, ahead=ahead),
            basket=self.baskets.expected(orders=orders, mean=mean),
        )

    def columns(self, table: FeatureTable) -> Floats:
        """COLUMNS, (n, 3), over a month whatever the horizon, so that they mean the same at every origin."""
        said = self.say(table, ahead=30.0)
        basket = np.log(np.maximum(said.basket, _TINY))
        return np.column_stack([said.log_orders, said.log_silence, basket])

    def to_dict(self) -> dict[str, Any]:
        return {"rhythm": self.rhythm.to_dict(), "baskets": self.baskets.to_dict()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            rhythm=Fitted.from_dict(document["rhythm"]),
            baskets=GammaGamma.from_dict(document["baskets"]),
        )


def choose_chain(origins: Sequence[Origin]) -> tuple[tuple[str, ...], dict[str, float]]:
    """CHAIN with the best at these origins first, and the normalised Gini of each.

    Judged by the order it puts customers in: levels and shapes are learned on top. An origin counts half as much as the
    next: a short history says little about leaving, and the newest is most like today.
    """
    told = [origin for origin in origins if np.ptp(origin.orders) > 0]
    gini: dict[str, float] = {}
    for name in CHAIN if told else ():
        start: Base | None = None
        each = []
        for origin in told:
            start = Base.fit(origin.features, ahead=origin.window_days, chain=(name,), start=start)
            said = start.say(origin.features, ahead=origin.window_days).orders
            each.append(normalised_gini(actual=origin.orders, predicted=said))
        weight = 0.5 ** np.arange(len(each))[::-1]
        gini[name] = round(float(np.average(each, weights=weight)), 4)
    chosen = sorted(CHAIN, key=lambda name: -gini.get(name, 0.0))
    return tuple(chosen), gini


def poisson_deviances(actual: Floats, said: Floats) -> Floats:
    """Twice the log likelihood that `said` (positive) loses against knowing, (n,)."""
    ratio = np.where(actual > 0, actual, 1.0) / np.where(actual > 0, said, 1.0)
    deviances: Floats = 2 * (actual * np.log(ratio) - actual + said)
    return deviances


def _baskets(table: FeatureTable) -> tuple[Floats, Floats]:
    """Days with an order and the mean of their values in cents, (n,) each."""
    orders = np.nan_to_num(table.column(ORDER_DAYS))
    revenue = np.maximum(np.nan_to_num(table.column("revenue_cents")), 0.0)
    return orders, revenue / np.maximum(orders, 1.0)
