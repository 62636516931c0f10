"""k-means on log recency, frequency and money, with the number of clusters chosen by the data.

Silhouettes on raw money look splendid and mean little: one cluster takes the crowd and another a few
wholesalers. On the log scale k is taken from 3 to 8 by silhouette (are they apart?) times the adjusted
Rand index over bootstrap refits (are they there again tomorrow?), among those whose smallest cluster
holds at least 5 % of the customers (is it worth a campaign?).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.columns import NET_REVENUE_CENTS, ORDERS, RECENCY_DAYS
from segmentation.ml.tables import FeatureTable, Floats, Ints


SMALLEST_SHARE = 0.05
SAMPLE = 20_000
SILHOUETTE_SAMPLE = 4_000
BOOTSTRAPS = 8
NO_ORDER = -1
"""The cluster number of a customer who has not ordered."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One tried number of clusters; stability is the mean adjusted Rand index of the refits."""

    k: int
    silhouette: float
    stability: float
    smallest_share: float

    @property
    def merit(self) -> float:
        """Zero for a k with a cluster that is too small to be of use."""
        if self.smallest_share < SMALLEST_SHARE:
            return 0.0
        return max(0.0, self.silhouette) * max(0.0, self.stability)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusterModel:
    """Centres in standardised log space, (k, 3), best spenders first; a name in words for each.

    low, high, mean, scale: (3,) of log recency, orders and money; points are clipped, then standardised.
    """

    low: Floats
    high: Floats
    mean: Floats
    scale: Floats
    centres: Floats
    names: tuple[str, ...]
    tried: tuple[Candidate, ...]

    def assign(self, table: FeatureTable) -> Ints:
        """Return the number of the nearest centre, (n,); NO_ORDER for who has not ordered."""
        points = (np.clip(_log_rfm(table), self.low, self.high) - self.mean) / self.scale
        bought = table.column(ORDERS) > 0
        numbers = np.full(len(table), NO_ORDER, dtype=np.int64)
        numbers[bought] = _nearest(points[bought], self.centres)
        return numbers

    def named_like(self, previous: Self) -> Self:
        """Take over the numbers of `previous`, and its names where the cluster has stayed in place.

        Clusters are matched one to one by distance (Hungarian method), so that a refit does not rename
        what marketers know. One that moved more than half way to the next keeps its new name. A
        different number of clusters takes over nothing.
        """
        from scipy.optimize import linear_sum_assignment
        from scipy.spatial.distance import cdist

        if len(previous.names) != len(self.names):
            return self
        natural = self.centres * self.scale + self.mean
        moved = cdist(previous.centres, (natural - previous.mean) / previous.scale)
        _, mine = linear_sum_assignment(moved)
        apart = cdist(previous.centres, previous.centres)
        np.fill_diagonal(apart, np.inf)
        names: list[str] = []
        for number, own in enumerate(mine):
            stayed = moved[number, own] <= apart[number].min() / 2
            name = previous.names[number] if stayed else self.names[own]
            names.append(name if name not in names else f"{name} ({number + 1})")
        return replace(self, centres=self.centres[mine], names=tuple(names))

    def to_files(self) -> dict[str, bytes]:
        document = {
            "names": list(self.names),
            "tried": [asdict(candidate) for candidate in self.tried],
        }
        arrays = {
            "low": self.low,
            "high": self.high,
            "mean": self.mean,
            "scale": self.scale,
            "centres": self.centres,
        }
        return artifacts.to_files(documents={"model": document}, arrays=arrays)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        document = artifacts.read_document(files, "model")
        return cls(
            low=artifacts.read_array(files, "low"),
            high=artifacts.read_array(files, "high"),
            mean=artifacts.read_array(files, "mean"),
            scale=artifacts.read_array(files, "scale"),
            centres=artifacts.read_array(files, "centres"),
            names=tuple(document["names"]),
            tried=tuple(Candidate(**candidate) for candidate in document["tried"]),
        )


def fit(table: FeatureTable, *, seed: int, ks: Sequence[int] = range(3, 9)) -> ClusterModel:
    """Choose k and fit on a sample of at most 20,000 customers with an order.

    Raises ValueError when there are fewer than 20 such customers per cluster tried. When every k has a
    cluster below 5 %, the smallest k is taken.
    """
    generator = np.random.default_rng(seed)
    points = _log_rfm(table.rows(table.column(ORDERS) > 0))
    if len(points) < 20 * max(ks):
        raise ValueError(f"{len(points)} customers with an order; {20 * max(ks)} are needed")
    if len(points) > SAMPLE:
        points = points[np.sort(generator.choice(len(points), SAMPLE, replace=False))]
    # The outermost hundredths are moved to the edge, and so is who sent everything back: nothing spent is
    # a world of its own on a log scale, below Tukey's fence, and no cluster shall be made of it alone.
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    lower, upper = np.quantile(points[:, 2], [0.25, 0.75])
    low[2] = max(low[2], lower - 1.5 * (upper - lower))
    points = np.clip(points, low, high)
    mean, scale = points.mean(axis=0), points.std(axis=0)
    scale[scale == 0] = 1.0
    points = (points - mean) / scale
    fitted = {k: _k_means(points, k, seed=seed) for k in ks}
    tried = tuple(
        _candidate(points, centres, seed=seed, generator=generator) for centres in fitted.values()
    )
    centres = fitted[max(tried, key=lambda candidate: candidate.merit).k]
    centres = centres[np.argsort(-centres[:, 2], kind="stable")]
    names = _names(centres, centres * scale + mean)
    return ClusterModel(
        low=low, high=high, mean=mean, scale=scale, centres=centres, names=names, tried=tried
    )


def _log_rfm(table: FeatureTable) -> Floats:
    columns = [table.column(name) for name in (RECENCY_DAYS, ORDERS, NET_REVENUE_CENTS)]
    return np.log1p(np.maximum(np.column_stack(columns), 0.0))


def _k_means(points: Floats, k: int, *, seed: int, starts: int = 3) -> Floats:
    from sklearn.cluster import KMeans

    found = KMeans(n_clusters=k, n_init=starts, random_state=seed).fit(points)
    return np.asarray(found.cluster_centers_, dtype=np.float64)


def _nearest(points: Floats, centres: Floats) -> Ints:
    # |p - c|^2 = |p|^2 - 2 p.c + |c|^2, and |p|^2 does not matter for the nearest: one matrix product.
    nearest: Ints = np.argmin(np.sum(centres**2, axis=1) - 2 * points @ centres.T, axis=1)
    return nearest


def _candidate(
    points: Floats, centres: Floats, *, seed: int, generator: np.random.Generator
) -> Candidate:
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    k, labels = len(centres), _nearest(points, centres)
    again = []
    for _ in range(BOOTSTRAPS):
        drawn = points[generator.integers(0, len(points), len(points))]
        refit = _k_means(drawn, k, seed=int(generator.integers(2**31)), starts=2)
        again.append(adjusted_rand_score(labels, _nearest(points, refit)))
    size = min(SILHOUETTE_SAMPLE, len(points))
    silhouette = silhouette_score(points, labels, sample_size=size, random_state=seed)
    return Candidate(
        k=k,
        silhouette=float(silhouette),
        stability=float(np.mean(again)),
        smallest_share=float(np.bincount(labels, minlength=k).min() / len(labels)),
    )


def _names(centres: Floats, logs: Floats) -> tuple[str, ...]:
    """Words by the place of a centre among all customers (z-scores) and its orders in plain numbers."""
    names: list[str] = []
    for centre, log in zip(centres, logs, strict=True):
        recency = _word(centre[0], "recent", "cooling", "long gone")
        orders = np.expm1(log[1])
        often = (
            "one order"
            if orders < 1.5
            else _word(centre[1], "few orders", "some orders", "many orders")
        )
        money = _word(centre[2], "low spend", "medium spend", "high spend")
        name = f"{recency}, {often}, {money}".capitalize()
        if name in names:
            name = f"{name} (about {np.expm1(log[2]) / 100:,.0f} in all)"
        names.append(name)
    return tuple(names)


def _word(z: float, low: str, middle: str, high: str) -> str:
    if z < -0.4:
        return low
    return high if z > 0.4 else middle
