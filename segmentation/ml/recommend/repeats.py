"""Buying again: what the customer bought before, the more the oftener and the later, when its clock says it is due."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.recommend.clocks import Clocks
from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Repeats:
    """category: (m,) of each product, for `clocks`."""

    category: Ints
    clocks: Clocks

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        return cls(category=past.products.category, clocks=Clocks.fit(past, as_of=as_of))

    def scores(self, histories: Histories) -> Scores:
        """0 for what was never bought; own purchases decayed by 60 days, times how due the category is."""
        due = self.clocks.due(self.category[histories.product], histories.last)
        value = np.log1p(histories.decayed[1]) * np.exp(0.5 * due) if len(due) else due
        dense: Scores = histories.matrix(value).toarray()
        return dense

    def to_files(self) -> dict[str, bytes]:
        return artifacts.to_files(arrays={"category": self.category}) | self.clocks.to_files()

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        return cls(
            category=artifacts.read_array(files, "category"), clocks=Clocks.from_files(files)
        )
