"""The rule every purchase model has to beat: who bought lately will buy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from segmentation.ml.tables import Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class RecencyRule:
    """P(buys) falls with the days since the last order, linear between a few knots.

    days, probability: (k,) each; days ascend and probability never rises.
    """

    days: Floats
    probability: Floats

    @classmethod
    def fit(cls, *, recency_days: Floats, bought: NDArray[Any], knots: int = 20) -> Self:
        """Take the rate of buyers in `knots` equally full bins of recency, made monotone.

        recency_days: (n,) without NaN; bought: (n,) 0 or 1. One buyer and one non-buyer of the overall
        rate are added to each bin, so that no bin says never or always.
        """
        from sklearn.isotonic import IsotonicRegression

        edges = np.unique(np.quantile(recency_days, np.linspace(0, 1, knots + 1)[1:-1]))
        bins = np.searchsorted(edges, recency_days, side="right")
        filled, which = np.unique(bins, return_inverse=True)
        rows = np.bincount(which)
        overall = (float(np.sum(bought)) + 1) / (len(bought) + 2)
        rates = (np.bincount(which, weights=bought.astype(float)) + 2 * overall) / (rows + 2)
        middles = np.array([np.median(recency_days[bins == number]) for number in filled])
        falling = IsotonicRegression(increasing=False).fit_transform(
            middles, rates, sample_weight=rows
        )
        return cls(days=middles, probability=np.asarray(falling, dtype=np.float64))

    def predict(self, recency_days: Floats) -> Floats:
        """Return P(buys), (n,); a customer without an order (NaN) gets the lowest probability."""
        days = np.where(np.isnan(recency_days), np.inf, recency_days)
        return np.interp(days, self.days, self.probability)

    def to_dict(self) -> dict[str, Any]:
        return {"days": self.days.tolist(), "probability": self.probability.tolist()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            days=np.array(document["days"], dtype=np.float64),
            probability=np.array(document["probability"], dtype=np.float64),
        )
