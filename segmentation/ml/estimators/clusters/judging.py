"""Which division is worth having: six measures of every candidate, and a choice that gives its reason.

No single measure can be trusted. On raw money a silhouette of 0.9 is one crowd and a handful of wholesalers, so
every group must hold 5 % of the customers (is it worth a campaign?). Merit is silhouette (are they apart?) times
the adjusted Rand index over bootstrap refits (are they there again tomorrow?). Where merits are within 5 % of
the best they are as good as equal, and Davies-Bouldin, Calinski-Harabasz and the elbow vote.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from segmentation.ml.estimators.clusters.algorithms import Algorithm
from segmentation.ml.estimators.clusters.partitions import Mixture, Partition
from segmentation.ml.tables import Floats, Ints


SMALLEST_SHARE = 0.05
AS_GOOD = 0.95
"""Of the best merit: as good as equal."""
AS_GOOD_FOR_KNOWN = 0.80
"""Of the best merit: enough for the division that marketers know to stay."""
BOOTSTRAPS = 8
BOOTSTRAPS_OF_HOPELESS = 2
"""For an algorithm that could not win if it were found again every time: a figure for the page, at a quarter of the price."""
BOOTSTRAP_SIZE = 5_000
SILHOUETTE_SAMPLE = 4_000


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One tried division into k groups (noise, a group of its own, is not counted in k).

    silhouette: mean, -1 .. 1. davies_bouldin: 0 is best. calinski_harabasz, inertia (mean squared distance to
    the centre of the group) and log_likelihood (mean per customer; only of mixtures) compare within one fit.
    stability: mean adjusted Rand index of the bootstrap refits. smallest_share: of all groups, noise included.
    is_elbow: of this algorithm's k, the one after which more groups explain little more.
    is_known: the division of the version before, settled on today's customers.
    """

    algorithm: str
    k: int
    silhouette: float
    davies_bouldin: float
    calinski_harabasz: float
    inertia: float
    log_likelihood: float | None
    stability: float
    smallest_share: float
    noise_share: float
    is_elbow: bool = False
    is_known: bool = False

    @property
    def merit(self) -> float:
        """Zero for a division with a group that is too small to be of use."""
        if self.smallest_share < SMALLEST_SHARE:
            return 0.0
        return max(0.0, self.silhouette) * max(0.0, self.stability)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"merit": self.merit}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Candidate":
        return cls(**{name: value for name, value in document.items() if name != "merit"})


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The position of the chosen candidate, and why it."""

    position: int
    reason: str


class Silhouettes:
    """The silhouette (Rousseeuw 1987) of any division of at most 4,000 drawn points, whose distances are taken once."""

    def __init__(self, points: Floats, *, seed: int) -> None:
        from scipy.spatial.distance import cdist

        size = min(SILHOUETTE_SAMPLE, len(points))
        self._drawn = np.random.default_rng(seed).choice(len(points), size, replace=False)
        self._distances = cdist(points[self._drawn], points[self._drawn])

    def mean(self, labels: Ints) -> float:
        """Return the mean for the labels (n,) of all points; 0 where the drawn ones are of one group."""
        _, own = np.unique(labels[self._drawn], return_inverse=True)
        sizes = np.bincount(own)
        if len(sizes) < 2:
            return 0.0
        rows = np.arange(len(own))
        sums = self._distances @ np.eye(len(sizes))[own]
        within = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
        sums[rows, own] = np.inf
        nearest = (sums / sizes).min(axis=1)
        widest = np.maximum(within, nearest)
        alone = (sizes[own] == 1) | (widest == 0)
        values = np.where(alone, 0.0, (nearest - within) / np.where(widest == 0, 1.0, widest))
        return float(values.mean())


def judge(
    points: Floats,
    partition: Partition,
    *,
    algorithm: str,
    stability: float,
    silhouettes: Silhouettes,
) -> Candidate:
    """Measure one division of `points`, (n, p), in that space. Noise counts as a group, and it hurts, as it should."""
    from sklearn import metrics

    labels = partition.assign(points)
    shares = np.bincount(labels, minlength=partition.groups) / len(labels)
    present = np.flatnonzero(shares)
    centres = np.array([points[labels == group].mean(axis=0) for group in present])
    apart = points - centres[np.searchsorted(present, labels)]
    several = 1 < len(present) < len(points)
    likelihood = None
    if isinstance(partition, Mixture):
        logs = partition.log_densities(points)
        peak = logs.max(axis=1)
        likelihood = float((peak + np.log(np.exp(logs - peak[:, None]).sum(axis=1))).mean())
    return Candidate(
        algorithm=algorithm,
        k=partition.groups - int(partition.has_noise),
        silhouette=silhouettes.mean(labels),
        davies_bouldin=float(metrics.davies_bouldin_score(points, labels)) if several else 0.0,
        calinski_harabasz=float(metrics.calinski_harabasz_score(points, labels)) if several else 0.0,
        inertia=float((apart**2).sum(axis=1).mean()),
        log_likelihood=likelihood,
        stability=stability,
        # a noise group without anybody is none; any other group without anybody is a failure
        smallest_share=float(shares[: len(shares) - int(partition.has_noise and shares[-1] == 0)].min()),
        noise_share=float(shares[-1]) if partition.has_noise else 0.0,
    )  # fmt: skip


def stabilities(
    points: Floats,
    partitions: Sequence[Partition],
    *,
    algorithm: Algorithm,
    seed: int,
    times: int = BOOTSTRAPS,
) -> list[float]:
    """Return for each partition the mean adjusted Rand index with `times` refits on resamples of `points`.

    A refit that does not find as many groups again counts as 0.
    """
    from sklearn.metrics import adjusted_rand_score

    generator = np.random.default_rng(seed)
    size = min(BOOTSTRAP_SIZE, len(points))
    judged = points[generator.choice(len(points), size, replace=False)]
    labels = [partition.assign(judged) for partition in partitions]
    ks = [partition.groups - int(partition.has_noise) for partition in partitions]
    agreement = np.zeros((times, len(partitions)))
    for attempt in range(times):
        drawn = points[generator.integers(0, len(points), size)]
        refit = algorithm.partitions(
            drawn, ks=sorted(set(ks)), seed=int(generator.integers(2**31)), starts=1
        )
        for position, k in enumerate(ks):
            if k in refit:
                again = refit[k].assign(judged)
                agreement[attempt, position] = adjusted_rand_score(labels[position], again)
    return [float(mean) for mean in agreement.mean(axis=0)]


def with_elbow(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Mark where the curve of one algorithm bends most: the k furthest below the line from its first k to its last.

    (Satopää et al. 2011, "Kneedle".) The curve is the negative log-likelihood of a mixture, else the logarithm
    of the inertia; fewer than three points have no bend.
    """
    if len(candidates) < 3:
        return list(candidates)
    ks = np.array([one.k for one in candidates], dtype=np.float64)
    curve = np.array(
        [
            np.log(max(one.inertia, 1e-12)) if one.log_likelihood is None else -one.log_likelihood
            for one in candidates
        ]
    )
    line = np.interp(ks, ks[[0, -1]], curve[[0, -1]])
    elbow = int(np.argmax(line - curve))
    return [
        replace(one, is_elbow=position == elbow and bool(curve[elbow] < line[elbow]))
        for position, one in enumerate(candidates)
    ]


def as_known(candidates: Sequence[Candidate]) -> list[Candidate]:
    return [replace(one, is_known=True) for one in candidates]


def choose(candidates: Sequence[Candidate]) -> Choice:
    """Choose the best; raises ValueError when there is none to choose from.

    What marketers know stays when it is nearly as good; among equals the votes decide, then k-means, which has
    served so far, then merit. When every division has a group below 5 %, the one whose smallest group is largest.
    """
    if not candidates:
        raise ValueError("no division into groups was found")
    best = max(one.merit for one in candidates)
    if best == 0:
        position = max(range(len(candidates)), key=lambda at: candidates[at].smallest_share)
        return Choice(
            position=position,
            reason=f"every division tried has a group below {SMALLEST_SHARE * 100:.0f}\u00a0% or none that holds; "
            "this one's smallest group is the largest",
        )
    for position, one in enumerate(candidates):
        if one.is_known and one.merit >= AS_GOOD_FOR_KNOWN * best:
            return Choice(
                position=position,
                reason="the groups known so far still hold: no other division is more than a quarter better",
            )
    equal = [at for at, one in enumerate(candidates) if one.merit >= AS_GOOD * best]
    compact = min(candidates[at].davies_bouldin for at in equal)
    dense = max(candidates[at].calinski_harabasz for at in equal)

    def votes(one: Candidate) -> int:
        return sum((one.davies_bouldin == compact, one.calinski_harabasz == dense, one.is_elbow))

    position = max(
        equal,
        key=lambda at: (
            votes(candidates[at]),
            candidates[at].algorithm == "kmeans",
            candidates[at].merit,
        ),
    )
    if len(equal) == 1:
        return Choice(position=position, reason="the highest silhouette times stability")
    return Choice(
        position=position,
        reason=f"{len(equal)} divisions are as good as equal in silhouette times stability; it has "
        f"{votes(candidates[position])} of the 3 votes of Davies-Bouldin, Calinski-Harabasz and the elbow",
    )
