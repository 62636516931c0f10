"""What every recommender can do, and which there are."""

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, Self

from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.purchases import Purchases


class Recommender(Protocol):
    """One way to rank products for customers. Fitted, it never changes; the same input gives the same bytes."""

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        """Learn from the lines of `past` before `as_of` (epoch seconds); fewer than needed gives scores of 0."""
        ...

    def scores(self, histories: Histories) -> Scores:
        """(customers, products), finite; a customer who bought nothing gets the same as everybody like that."""
        ...

    def to_files(self) -> dict[str, bytes]: ...

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Raises artifacts.ArtifactError for files that are not of this recommender."""
        ...


RECOMMENDERS = {
    "popular_week": "segmentation.ml.recommend.popularity.PopularThisWeek",
    "popular_month": "segmentation.ml.recommend.popularity.PopularThisMonth",
    "popular_year": "segmentation.ml.recommend.popularity.PopularThisYear",
    "season": "segmentation.ml.recommend.popularity.SeasonLastYear",
    "user_knn": "segmentation.ml.recommend.neighbours.UserKnn",
    "item_cosine": "segmentation.ml.recommend.neighbours.ItemCosine",
    "item_bm25": "segmentation.ml.recommend.neighbours.ItemBm25",
    "content": "segmentation.ml.recommend.content.Content",
    "ease": "segmentation.ml.recommend.ease.Ease",
    "factors": "segmentation.ml.recommend.factors.Factors",
    "repeats": "segmentation.ml.recommend.repeats.Repeats",
}
"""Name to dotted path. All are tested by the same suite; the hybrid is made of some of them."""


def recommender(name: str) -> type[Recommender]:
    """Raises KeyError for a name that is not in RECOMMENDERS."""
    module, _, attribute = RECOMMENDERS[name].rpartition(".")
    found: type[Recommender] = getattr(import_module(module), attribute)
    return found
