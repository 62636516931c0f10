"""The last resort: everybody keeps ordering at a steady rate, own and the shop's weighed together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segmentation.ml.btyd.histories import Histories
from segmentation.ml.tables import Floats


@dataclass(frozen=True, kw_only=True)
class SteadyRate:
    """lambda ~ Gamma(orders, time): the shop counts as `orders` imagined repeats in `time`, and nobody leaves.

    A customer's silence counts all the same, since it lowers the rate.
    """

    orders: float
    time: float

    @classmethod
    def fit(cls, histories: Histories) -> Self:
        """The shop's rate with the weight of one imagined repeat; a shop without any is given half of one."""
        repeats, time = float(histories.repeats.sum()), float(histories.age.sum())
        return cls(orders=1.0, time=max(time, 1.0) / max(repeats, 0.5))

    def expected(self, histories: Histories, *, ahead: float) -> Floats:
        return ahead * self._rate(histories)

    def log_silence(self, histories: Histories, *, ahead: Floats | float) -> Floats:
        return -(self.orders + histories.repeats) * np.log1p(ahead / (self.time + histories.age))

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)

    def _rate(self, histories: Histories) -> Floats:
        return (self.orders + histories.repeats) / (self.time + histories.age)
