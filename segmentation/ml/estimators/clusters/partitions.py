"""What a clustering leaves behind: enough to say where any customer belongs, one at a time or a million.

Two forms do for all algorithms. `Landmarks`: who is nearest to a stored point is of that point's group; the
centres of k-means, the points that Ward and BIRCH have joined, the core points of DBSCAN. `Mixture`: Gaussians.
Every answer depends on the one customer only, so bulk and online assignment cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.tables import Floats, Ints


class Partition(Protocol):
    """A division of the space into `groups`, numbered from 0; `has_noise`: the last is of who is near to nobody."""

    @property
    def form(self) -> str: ...
    @property
    def groups(self) -> int: ...
    @property
    def has_noise(self) -> bool: ...

    def assign(self, points: Floats) -> Ints:
        """Return the group of each point, (n,)."""
        ...

    def memberships(self, points: Floats) -> Floats:
        """Return (n, groups), rows summing to 1, the largest where `assign` says."""
        ...

    def reordered(self, order: Ints) -> Self:
        """Return the same division with group order[i] as number i; noise must stay the last."""
        ...

    def moved(self, factor: Floats, shift: Floats) -> Self:
        """Return the same division of the space whose points are p * factor + shift."""
        ...

    def to_arrays(self) -> dict[str, Any]: ...

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Landmarks:
    """points: (m, p). labels: (m,), 0 .. k-1. reach: (m,), how far each speaks for its group; infinite: always."""

    points: Floats
    labels: Ints
    reach: Floats
    form = "landmarks"

    @property
    def has_noise(self) -> bool:
        return bool(np.isfinite(self.reach).any())

    @property
    def groups(self) -> int:
        return int(self.labels.max()) + 1 + int(self.has_noise)

    def assign(self, points: Floats) -> Ints:
        from scipy.spatial import cKDTree

        distance, nearest = cKDTree(self.points).query(points)
        within = distance <= self.reach[nearest]
        assigned: Ints = np.where(within, self.labels[nearest], self.groups - 1)
        return assigned

    def memberships(self, points: Floats) -> Floats:
        """Fuzzy c-means weights with m = 2 (Bezdek 1981) of the distance to each group's nearest landmark.

        They say how clear the case is; they are not probabilities. Noise is noise, without shades.
        """
        from scipy.spatial import cKDTree

        assigned, count = self.assign(points), int(self.labels.max()) + 1
        squared = np.empty((len(points), count))
        for label in range(count):
            squared[:, label] = cKDTree(self.points[self.labels == label]).query(points)[0] ** 2
        # relative to the nearest, so that a distance of 0 needs no case of its own
        nearest = np.maximum(squared.min(axis=1, keepdims=True), 1e-24)
        weights = nearest / np.maximum(squared, nearest)
        shares = np.zeros((len(points), self.groups))
        shares[:, :count] = weights / weights.sum(axis=1, keepdims=True)
        if self.has_noise:
            shares[assigned == self.groups - 1] = np.eye(self.groups)[-1]
        return shares

    def reordered(self, order: Ints) -> Self:
        place = np.argsort(order)
        return type(self)(points=self.points, labels=place[self.labels], reach=self.reach)

    def moved(self, factor: Floats, shift: Floats) -> Self:
        # reach has no direction: the mean factor is as fair as any, and exact when all are equal
        return type(self)(
            points=self.points * factor + shift,
            labels=self.labels,
            reach=self.reach * factor.mean(),
        )

    def to_arrays(self) -> dict[str, Any]:
        return {"points": self.points, "labels": self.labels, "reach": self.reach}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        points, labels, reach = (
            artifacts.read_array(files, name) for name in ("points", "labels", "reach")
        )
        return cls(points=points, labels=labels, reach=reach)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Gaussians: weights (k,), means (k, p), and `whitening` (k, p, p): (x - mean) @ whitening is standard normal."""

    weights: Floats
    means: Floats
    whitening: Floats
    form = "mixture"
    has_noise = False

    @property
    def groups(self) -> int:
        return len(self.weights)

    def assign(self, points: Floats) -> Ints:
        assigned: Ints = np.argmax(self.log_densities(points), axis=1)
        return assigned

    def memberships(self, points: Floats) -> Floats:
        """The probability of each group given the point (the E-step)."""
        logs = self.log_densities(points)
        likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
        probabilities: Floats = likelihood / likelihood.sum(axis=1, keepdims=True)
        return probabilities

    def log_densities(self, points: Floats) -> Floats:
        """Return log(weight times density), (n, k), without the constant that all share."""
        logs = np.empty((len(points), self.groups))
        for group in range(self.groups):
            # einsum, not BLAS: the last bit of a row must not depend on how many rows there are
            white = np.einsum("np,pq->nq", points - self.means[group], self.whitening[group])
            volume = np.log(np.diag(self.whitening[group])).sum()
            logs[:, group] = (
                np.log(self.weights[group]) + volume - 0.5 * np.einsum("nq,nq->n", white, white)
            )
        return logs

    def reordered(self, order: Ints) -> Self:
        return type(self)(
            weights=self.weights[order], means=self.means[order], whitening=self.whitening[order]
        )

    def moved(self, factor: Floats, shift: Floats) -> Self:
        return type(self)(
            weights=self.weights,
            means=self.means * factor + shift,
            whitening=self.whitening / factor[:, None],
        )

    def to_arrays(self) -> dict[str, Any]:
        return {"weights": self.weights, "means": self.means, "whitening": self.whitening}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        weights, means, whitening = (
            artifacts.read_array(files, name) for name in ("weights", "means", "whitening")
        )
        return cls(weights=weights, means=means, whitening=whitening)


FORMS: dict[str, type[Landmarks] | type[Mixture]] = {
    Landmarks.form: Landmarks,
    Mixture.form: Mixture,
}
