"""How good rankings are: NDCG and recall at 10, and how much of the assortment they show."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from segmentation.ml.recommend.histories import Scores
from segmentation.ml.tables import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Means over customers who bought something. hit_rate: at least one of the list was bought."""

    customers: int
    ndcg: float
    recall: float
    hit_rate: float
    coverage: float

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


def top(scores: Scores, *, k: int) -> Ints:
    """(n, k) positions of the best of each row; ties by position; -1 where nothing is left (-inf)."""
    n, m = scores.shape
    few = min(k, m)
    if not n or not few:
        return np.full((n, k), -1)
    bound = np.partition(scores, m - few, axis=1)[:, m - few]
    ranked = np.full((n, k), -1)
    for row in range(n):
        best = np.flatnonzero(scores[row] >= bound[row])
        best = best[np.argsort(-scores[row, best], kind="stable")][:few]
        best = best[np.isfinite(scores[row, best])]
        ranked[row, : len(best)] = best
    return ranked


def ndcg(ranked: Ints, bought: Sequence[Ints]) -> Floats:
    """(n,) with a logarithm to base 2, and the best that was possible within the list: min(bought, k)."""
    k = ranked.shape[1]
    discount = 1 / np.log2(np.arange(2, k + 2))
    gained = np.array(
        [(np.isin(row, one) * discount).sum() for row, one in zip(ranked, bought, strict=True)]
    )
    ideal = np.array([discount[: min(k, len(one))].sum() for one in bought])
    gains: Floats = np.divide(gained, ideal, out=np.zeros(len(ranked)), where=ideal > 0)
    return gains


def judge(ranked: Ints, bought: Sequence[Ints], *, products: int) -> Judged:
    """ranked: (n, k) positions, -1 for none. bought: of each of the n customers, without repeats."""
    hits = np.array(
        [np.isin(row, one).sum() for row, one in zip(ranked, bought, strict=True)], dtype=np.float64
    )
    sizes = np.array([max(len(one), 1) for one in bought], dtype=np.float64)
    shown = np.unique(ranked[ranked >= 0])
    many = max(len(ranked), 1)
    return Judged(
        customers=len(ranked),
        ndcg=float(ndcg(ranked, bought).sum() / many),
        recall=float((hits / sizes).sum() / many) if len(hits) else 0.0,
        hit_rate=float((hits > 0).sum() / many),
        coverage=len(shown) / max(products, 1),
    )


def paired_interval(
    one: Floats, other: Floats, *, seed: int, resamples: int = 1_000
) -> tuple[float, float]:
    """95 % of resamplings of customers give a mean difference `one - other` between these."""
    rng = np.random.default_rng(seed)
    difference = one - other
    means = [
        difference[rng.integers(0, len(difference), len(difference))].mean()
        for _ in range(resamples)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
