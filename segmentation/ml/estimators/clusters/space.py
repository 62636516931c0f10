"""The space in which customers are near to each other or far apart: standardised logarithms of features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS
from segmentation.ml.tables import FeatureTable, Floats


RFM = (RECENCY_DAYS, ORDERS, NET_REVENUE_CENTS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Space:
    """log1p of `names`, clipped to low .. high, less mean, by scale: (p,) each."""

    names: tuple[str, ...]
    low: Floats
    high: Floats
    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, table: FeatureTable, *, names: Sequence[str] = RFM) -> Self:
        """Take the edges and the scale from `table`; raises ValueError for a value that is not known."""
        logs = _logs(table, names)
        # The outermost hundredths are moved to the edge, and so is who sent everything back: nothing spent is
        # a world of its own on a log scale, below Tukey's fence, and no cluster shall be made of it alone.
        low, high = np.quantile(logs, [0.01, 0.99], axis=0)
        if NET_REVENUE_CENTS in names:
            money = names.index(NET_REVENUE_CENTS)
            lower, upper = np.quantile(logs[:, money], [0.25, 0.75])
            low[money] = max(low[money], lower - 1.5 * (upper - lower))
        logs = np.clip(logs, low, high)
        mean, scale = logs.mean(axis=0), logs.std(axis=0)
        scale[scale < 1e-12] = 1.0  # a column that is the same for everybody tells nobody apart
        return cls(names=tuple(names), low=low, high=high, mean=mean, scale=scale)

    def points(self, table: FeatureTable) -> Floats:
        """Return (n, p); raises KeyError for a missing feature, ValueError for a value that is not known."""
        points: Floats = (np.clip(_logs(table, self.names), self.low, self.high) - self.mean) / (
            self.scale
        )
        return points

    def natural(self, points: Floats) -> Floats:
        """Return points (m, p) in the units of the features."""
        return np.expm1(points * self.scale + self.mean)

    def step_from(self, other: Self) -> tuple[Floats, Floats] | None:
        """Return (factor, shift): a point p of `other` is p * factor + shift here; None for other features."""
        if self.names != other.names:
            return None
        return other.scale / self.scale, (other.mean - self.mean) / self.scale

    def to_arrays(self) -> dict[str, Floats]:
        return {"low": self.low, "high": self.high, "mean": self.mean, "scale": self.scale}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], *, names: Sequence[str]) -> Self:
        low, high, mean, scale = (
            artifacts.read_array(files, name) for name in ("low", "high", "mean", "scale")
        )
        return cls(names=tuple(names), low=low, high=high, mean=mean, scale=scale)


def _logs(table: FeatureTable, names: Sequence[str]) -> Floats:
    values = table.columns(names)
    missing = [name for position, name in enumerate(names) if np.isnan(values[:, position]).any()]
    if missing:
        raise ValueError(f"not known for some customers with an order: {', '.join(missing)}")
    return np.log1p(np.maximum(values, 0.0))
