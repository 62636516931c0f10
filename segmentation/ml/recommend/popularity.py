"""What sells: the same for everybody, by how fast older sales are forgotten, and what sold at this time last year."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.columns import SECONDS_PER_DAY
from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Floats


YEAR, SEASON = 365, 28


@dataclass(frozen=True, kw_only=True, eq=False)
class _SameForAll:
    """values: (m,), the logarithm of one plus weighted purchases."""

    values: Scores

    def scores(self, histories: Histories) -> Scores:
        return np.broadcast_to(self.values, (len(histories), len(self.values)))

    def to_files(self) -> dict[str, bytes]:
        return artifacts.to_files(arrays={"values": self.values})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        return cls(values=artifacts.read_array(files, "values"))

    @classmethod
    def _of(cls, past: Purchases, weight: Floats) -> Self:
        """Each customer counts once a product and day."""
        m = len(past.products)
        key = (past.customer * max(m, 1) + past.product) * (1 << 20) + past.day
        _, first = np.unique(key, return_index=True)
        total = np.bincount(past.product[first], weight[first], minlength=m)
        return cls(values=np.log1p(total).astype(np.float32))


class _Decayed(_SameForAll):
    half_life: ClassVar[float]

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        past = past.before(as_of)
        age = np.maximum(as_of / SECONDS_PER_DAY - past.day - 0.5, 0)
        return cls._of(past, 0.5 ** (age / cls.half_life))


class PopularThisWeek(_Decayed):
    """Half as much for each week that has passed: what is new."""

    half_life = 7.0


class PopularThisMonth(_Decayed):
    """Half as much for each thirty days that have passed: the season."""

    half_life = 30.0


class PopularThisYear(_Decayed):
    """Half as much for each year that has passed: what always sells."""

    half_life = 365.0


class SeasonLastYear(_SameForAll):
    """What sold in the four weeks that began a year ago; nothing in a shop younger than that."""

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        begin = as_of - YEAR * SECONDS_PER_DAY
        then = past.where((past.at >= begin) & (past.at < begin + SEASON * SECONDS_PER_DAY))
        return cls._of(then, np.ones(len(then)))
