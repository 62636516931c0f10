"""The ways to look for groups, behind one protocol; adding one is a class here and a line in ALGORITHMS.

Each is asked once for all numbers of groups, because some (Ward, BIRCH) find them all in one tree.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Protocol

import numpy as np

from segmentation.ml.estimators.clusters.partitions import Landmarks, Mixture, Partition
from segmentation.ml.tables import Floats, Ints


class Algorithm(Protocol):
    """code: stored, and asked for by name. title: shown."""

    code: ClassVar[str]
    title: ClassVar[str]

    def partitions(
        self, points: Floats, *, ks: Sequence[int], seed: int, starts: int
    ) -> dict[int, Partition]:
        """Divide `points` (n, p) into k groups for each k that there is; noise is not counted in k.

        starts: from how many random starts the best is taken, where there is chance; the cheap take more.
        """
        ...

    def continued(self, points: Floats, *, before: Partition) -> Partition | None:
        """Let an older division settle on these points; None where the algorithm knows no start."""
        ...


class KMeans:
    code: ClassVar[str] = "kmeans"
    title: ClassVar[str] = "k-means"

    def partitions(
        self, points: Floats, *, ks: Sequence[int], seed: int, starts: int
    ) -> dict[int, Partition]:
        from sklearn.cluster import KMeans as Method

        return {
            k: _centres(
                Method(n_clusters=k, n_init=2 * starts, random_state=seed)
                .fit(points)
                .cluster_centers_
            )
            for k in _possible(points, ks)
        }

    def continued(self, points: Floats, *, before: Partition) -> Partition | None:
        from sklearn.cluster import KMeans as Method

        if not isinstance(before, Landmarks) or before.groups > len(np.unique(points, axis=0)):
            return None
        start = before.points[np.argsort(before.labels)]
        method = Method(n_clusters=len(start), init=start, n_init=1).fit(points)
        return _centres(method.cluster_centers_)


class GaussianMixture:
    code: ClassVar[str] = "gmm"
    title: ClassVar[str] = "Gaussian mixture"
    sample = 5_000
    smallest_variance = 0.01
    """Added to every variance: without it a component sits on "exactly one order", which is a line."""

    def partitions(
        self, points: Floats, *, ks: Sequence[int], seed: int, starts: int
    ) -> dict[int, Partition]:
        from sklearn.mixture import GaussianMixture as Method

        drawn = _drawn(points, self.sample, seed)
        with _without_convergence_warnings():
            return {
                k: self._mixture(
                    Method(
                        n_components=k, n_init=min(starts, 2), random_state=seed,
                        reg_covar=self.smallest_variance,
                    ).fit(drawn)
                )
                for k in _possible(drawn, ks)
            }  # fmt: skip

    def continued(self, points: Floats, *, before: Partition) -> Partition | None:
        from sklearn.mixture import GaussianMixture as Method

        if not isinstance(before, Mixture):
            return None
        with _without_convergence_warnings():
            precisions = before.whitening @ before.whitening.transpose(0, 2, 1)
            method = Method(
                n_components=before.groups, weights_init=before.weights, means_init=before.means,
                precisions_init=precisions, reg_covar=self.smallest_variance, random_state=0,
            )  # fmt: skip
            return self._mixture(method.fit(_drawn(points, self.sample, 0)))

    @staticmethod
    def _mixture(method: object) -> Mixture:
        weights, means, whitening = (
            np.asarray(getattr(method, name), dtype=np.float64)
            for name in ("weights_", "means_", "precisions_cholesky_")
        )
        return Mixture(weights=np.maximum(weights, 1e-12), means=means, whitening=whitening)


class Ward:
    """Joins the pair that costs least variance, over and over. Quadratic, so a sample: its members are kept."""

    code: ClassVar[str] = "ward"
    title: ClassVar[str] = "hierarchical (Ward)"
    sample = 2_000

    def partitions(
        self, points: Floats, *, ks: Sequence[int], seed: int, starts: int
    ) -> dict[int, Partition]:
        from scipy.cluster.hierarchy import fcluster, ward  # noqa: PLC0415 - brings scipy.spatial

        drawn = _drawn(points, self.sample, seed)
        tree = ward(drawn)
        cuts = {k: fcluster(tree, k, criterion="maxclust") for k in _possible(drawn, ks)}
        # among equal distances the tree cannot be cut everywhere
        return {
            k: _landmarks(drawn, cut.astype(np.int64) - 1)
            for k, cut in cuts.items()
            if cut.max() == k
        }

    def continued(self, points: Floats, *, before: Partition) -> Partition | None:
        return None


class Birch:
    """Sums the points up in a few hundred small balls in one pass, then joins the balls by Ward's rule."""

    code: ClassVar[str] = "birch"
    title: ClassVar[str] = "BIRCH"
    radius = 0.3

    def partitions(
        self, points: Floats, *, ks: Sequence[int], seed: int, starts: int
    ) -> dict[int, Partition]:
        from sklearn.cluster import AgglomerativeClustering
        from sklearn.cluster import Birch as Method

        # the tree depends on the order of the points; a seeded one makes it a choice, not an accident
        shuffled = points[np.random.default_rng(seed).permutation(len(points))]
        # the centres alone (n_clusters=None) are wanted, and with few balls predict would warn
        balls = Method(threshold=self.radius, n_clusters=None).fit(shuffled).subcluster_centers_
        return {
            k: _landmarks(balls, AgglomerativeClustering(n_clusters=k).fit_predict(balls))
            for k in _possible(balls, ks)
        }

    def continued(self, points: Floats, *, before: Partition) -> Partition | None:
        return None


class Dbscan:
    """Groups are where it is dense; how dense is tried in steps. Core points are kept, the rest is noise."""

    code: ClassVar[str] = "dbscan"
    title: ClassVar[str] = "DBSCAN"
    sample = 2_000
    steps = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)

    def partitions(
        self, points: Floats, *, ks: Sequence[int], seed: int, starts: int
    ) -> dict[int, Partition]:
        from sklearn.cluster import DBSCAN as Method  # noqa: N811 - its name is an acronym

        drawn = _drawn(points, self.sample, seed)
        least = max(5, len(drawn) // 100)
        spacing = _spacing(drawn, least)
        best: dict[int, tuple[int, Partition]] = {}
        for reach in sorted(set(np.quantile(spacing, self.steps).tolist())):
            if reach <= 0:
                continue
            method = Method(eps=reach, min_samples=least).fit(drawn)
            core = method.core_sample_indices_
            found = _dense(drawn[core], method.labels_[core], np.full(len(core), reach), least)
            _keep(best, found, int((method.labels_ < 0).sum()))
        return {k: partition for k, (_, partition) in sorted(best.items()) if k in ks}

    def continued(self, points: Floats, *, before: Partition) -> Partition | None:
        return None


class Hdbscan:
    """As DBSCAN, but each group may have a density of its own; the smallest group allowed is tried in steps."""

    code: ClassVar[str] = "hdbscan"
    title: ClassVar[str] = "HDBSCAN"
    sample = 2_000
    steps = (0.02, 0.03, 0.05, 0.08)

    def partitions(
        self, points: Floats, *, ks: Sequence[int], seed: int, starts: int
    ) -> dict[int, Partition]:
        from sklearn.cluster import HDBSCAN as Method  # noqa: N811 - its name is an acronym

        drawn = _drawn(points, self.sample, seed)
        best: dict[int, tuple[int, Partition]] = {}
        for share in self.steps:
            least = max(5, int(share * len(drawn)))
            if least > len(drawn):
                continue
            labels = Method(min_cluster_size=least, min_samples=5, copy=True).fit_predict(drawn)
            inside = labels >= 0
            if not inside.any():
                continue
            members, groups = drawn[inside], labels[inside]
            spacing = _spacing(members, 6)
            # a member speaks as far as its group is from the fifth neighbour, save the loneliest
            reach = np.empty(len(members))
            for one in np.unique(groups):
                reach[groups == one] = np.quantile(spacing[groups == one], 0.95)
            _keep(best, _dense(members, groups, reach, least), int((~inside).sum()))
        return {k: partition for k, (_, partition) in sorted(best.items()) if k in ks}

    def continued(self, points: Floats, *, before: Partition) -> Partition | None:
        return None


_ALL: tuple[Algorithm, ...] = (
    KMeans(),
    GaussianMixture(),
    Ward(),
    Birch(),
    Dbscan(),
    Hdbscan(),
)
ALGORITHMS = {one.code: one for one in _ALL}


def _possible(points: Floats, ks: Sequence[int]) -> list[int]:
    """Only as many groups as there are different points."""
    different = len(np.unique(points, axis=0))
    return [k for k in ks if k <= different]


def _drawn(points: Floats, size: int, seed: int) -> Floats:
    if len(points) <= size:
        return points
    return points[np.sort(np.random.default_rng(seed).choice(len(points), size, replace=False))]


def _centres(centres: Floats) -> Landmarks:
    return _landmarks(np.asarray(centres, dtype=np.float64), np.arange(len(centres)))


def _landmarks(points: Floats, labels: Ints) -> Landmarks:
    return Landmarks(
        points=points, labels=labels.astype(np.int64), reach=np.full(len(points), np.inf)
    )


def _spacing(points: Floats, neighbours: int) -> Floats:
    """The distance of each point to its neighbour of that rank, itself counted as the first."""
    from scipy.spatial import cKDTree

    distances, _ = cKDTree(points).query(points, k=[min(neighbours, len(points))])
    return np.asarray(distances, dtype=np.float64)[:, 0]


def _dense(points: Floats, labels: Ints, reach: Floats, least: int) -> Landmarks | None:
    """The groups of at least `least` core points; smaller ones go to the noise."""
    names, counts = np.unique(labels, return_counts=True)
    kept = np.isin(labels, names[counts >= least])
    if not kept.any():
        return None
    _, numbers = np.unique(labels[kept], return_inverse=True)
    return Landmarks(
        points=points[kept], labels=numbers.astype(np.int64), reach=np.maximum(reach[kept], 1e-9)
    )


def _keep(best: dict[int, tuple[int, Partition]], found: Landmarks | None, noise: int) -> None:
    """Of divisions into as many groups, the one with the least noise is kept."""
    if found is None:
        return
    k = found.groups - 1
    if k not in best or noise < best[k][0]:
        best[k] = noise, found


@contextmanager
def _without_convergence_warnings() -> Iterator[None]:
    """A mixture that has not settled is judged like any other; the judges see it."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
