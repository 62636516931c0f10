"""The fitted clusters of one shop: where everybody belongs, under names that last."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.columns import ORDERS
from segmentation.ml.estimators.clusters import naming
from segmentation.ml.estimators.clusters.algorithms import ALGORITHMS
from segmentation.ml.estimators.clusters.judging import Candidate
from segmentation.ml.estimators.clusters.migration import Migration, migration
from segmentation.ml.estimators.clusters.partitions import FORMS, Partition
from segmentation.ml.estimators.clusters.space import Space
from segmentation.ml.tables import FeatureTable, Floats, Ints


NO_ORDER = -1
"""The cluster number of a customer who has not ordered."""
UNCLEAR = 0.6
"""Who belongs to no group with more than this stands between two."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A cluster. key: its number for life, which no other ever gets; a refit keeps key and name where it can.

    share: of the customers it was fitted on. typical: the centre in the units of the features.
    """

    key: int
    name: str
    share: float
    typical: tuple[float, ...]
    is_noise: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusterModel:
    """Groups in the order of `partition`: best spenders first, noise last. `next_key` was never given."""

    algorithm: str
    space: Space
    partition: Partition
    groups: tuple[Group, ...]
    next_key: int
    tried: tuple[Candidate, ...]
    chosen: int
    reason: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(group.name for group in self.groups)

    @property
    def candidate(self) -> Candidate:
        """The measures of the division that was chosen."""
        return self.tried[self.chosen]

    @property
    def title(self) -> str:
        return f"{ALGORITHMS[self.algorithm].title}, k = {self.candidate.k}"

    def assign(self, table: FeatureTable) -> Ints:
        """Return the position in `groups` of each customer, (n,); NO_ORDER for who has not ordered.

        Raises KeyError for a missing feature and ValueError for an unknown value of who has ordered.
        """
        bought = table.column(ORDERS) > 0
        numbers = np.full(len(table), NO_ORDER, dtype=np.int64)
        if bought.any():
            numbers[bought] = self.partition.assign(self.space.points(table.rows(bought)))
        return numbers

    def keys(self, table: FeatureTable) -> Ints:
        """Return the key of each customer's group, (n,): what segments are known by; NO_ORDER as above."""
        keys = np.array([*(group.key for group in self.groups), NO_ORDER], dtype=np.int64)
        assigned: Ints = keys[self.assign(table)]
        return assigned

    def memberships(self, table: FeatureTable) -> Floats:
        """Return (n, groups), rows summing to 1; NaN for who has not ordered. See the partition for what they mean."""
        bought = table.column(ORDERS) > 0
        shares = np.full((len(table), len(self.groups)), np.nan)
        if bought.any():
            shares[bought] = self.partition.memberships(self.space.points(table.rows(bought)))
        return shares

    def overlap(self, table: FeatureTable) -> dict[str, Any]:
        """Say how far the groups run into each other: plain JSON.

        matrix[i][j]: the mean membership in j of who is assigned to i. unclear: the share of customers with an
        order who belong to no group with more than UNCLEAR.
        """
        numbers = self.assign(table)
        shares = self.memberships(table)[numbers >= 0]
        numbers = numbers[numbers >= 0]
        matrix = [
            shares[numbers == group].mean(axis=0).round(6).tolist()
            if (numbers == group).any()
            else [0.0] * len(self.groups)
            for group in range(len(self.groups))
        ]
        unclear = float((shares.max(axis=1) <= UNCLEAR).mean()) if len(shares) else 0.0
        return {"matrix": matrix, "unclear": unclear}

    def named_like(self, previous: Self, table: FeatureTable) -> Self:
        """Take over keys and names of `previous`, matched by the customers of `table` whom both can assign.

        A group without a match gets a key never used before and keeps its own words; the noise of one is
        the noise of the other. A model of other features takes over names all the same.
        """
        before, after = previous.assign(table), self.assign(table)
        together = naming.counts(before, after, shape=(len(previous.groups), len(self.groups)))
        # who is unlike the others is no heir of a group
        crossed = np.not_equal.outer(
            [group.is_noise for group in previous.groups], [group.is_noise for group in self.groups]
        )
        together[crossed] = 0
        heirs = naming.matched(together, self._apart(previous))
        if previous.partition.has_noise and self.partition.has_noise:
            heirs[len(self.groups) - 1] = len(previous.groups) - 1
        groups: list[Group | None] = [None] * len(self.groups)
        for mine, theirs in heirs.items():
            old = previous.groups[theirs]
            groups[mine] = replace(self.groups[mine], key=old.key, name=old.name)
        taken, next_key = [one.name for one in groups if one is not None], previous.next_key
        for position, own in enumerate(self.groups):
            if groups[position] is None:
                name = naming.distinct(own.name, taken)
                taken.append(name)
                groups[position] = replace(own, key=next_key, name=name)
                next_key += 1
        return replace(self, groups=tuple(one for one in groups if one), next_key=next_key)

    def moves(self, previous: Self, table: FeatureTable) -> Migration:
        """What the refit alone changed: the same customers on the same day, by the old and by the new model."""
        return migration(
            previous.assign(table),
            self.assign(table),
            names_before=previous.names,
            names_after=self.names,
        )

    def to_files(self) -> dict[str, bytes]:
        document = {
            "algorithm": self.algorithm,
            "form": self.partition.form,
            "features": list(self.space.names),
            "groups": [asdict(group) for group in self.groups],
            "next_key": self.next_key,
            "tried": [candidate.to_dict() for candidate in self.tried],
            "chosen": self.chosen,
            "reason": self.reason,
        }
        arrays = self.space.to_arrays() | self.partition.to_arrays()
        return artifacts.to_files(documents={"clusters": document}, arrays=arrays)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a model back; raises artifacts.ArtifactError for one of another make."""
        document = artifacts.read_document(files, "clusters")
        return cls(
            algorithm=document["algorithm"],
            space=Space.from_files(files, names=document["features"]),
            partition=FORMS[document["form"]].from_files(files),
            groups=tuple(
                Group(**{**group, "typical": tuple(group["typical"])})
                for group in document["groups"]
            ),
            next_key=document["next_key"],
            tried=tuple(Candidate.from_dict(one) for one in document["tried"]),
            chosen=document["chosen"],
            reason=document["reason"],
        )

    def _apart(self, previous: Self) -> Floats:
        """Distances of the centres, (old, new), in log units; all alike for models of other features."""
        if previous.space.names != self.space.names:
            return np.zeros((len(previous.groups), len(self.groups)))
        old, new = (
            np.log1p(np.array([group.typical for group in model.groups]))
            for model in (previous, self)
        )
        distances: Floats = np.sqrt(((old[:, None, :] - new[None, :, :]) ** 2).sum(axis=2))
        return distances
