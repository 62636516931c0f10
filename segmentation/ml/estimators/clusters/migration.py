"""Who moved from which group to which: a matrix of counts and shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.ml.estimators.clusters import naming
from segmentation.ml.tables import Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Migration:
    """before, after: the names; customers: (before, after) counts. Whoever hides small cells needs the counts."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    customers: Ints

    @property
    def shares(self) -> Floats:
        """Of the customers of the old group, how many are now in each new one; 0 for an empty group."""
        shares: Floats = self.customers / np.maximum(self.customers.sum(axis=1, keepdims=True), 1)
        return shares

    @property
    def kept(self) -> float:
        """The share of all customers who are in a group of the same name as before; 1 when there are none."""
        total = int(self.customers.sum())
        same = sum(
            int(self.customers[row, self.after.index(name)])
            for row, name in enumerate(self.before)
            if name in self.after
        )
        return same / total if total else 1.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "before": list(self.before),
            "after": list(self.after),
            "customers": self.customers.tolist(),
            "shares": [[round(float(share), 6) for share in row] for row in self.shares],
            "kept": self.kept,
        }


def migration(
    before: Ints, after: Ints, *, names_before: Sequence[str], names_after: Sequence[str]
) -> Migration:
    """Count moves of the same customers: before[i] and after[i] number their groups; below 0: in none, not counted.

    To show who came new or left altogether, give "in none" a number and a name of its own.
    """
    shape = len(names_before), len(names_after)
    return Migration(
        before=tuple(names_before),
        after=tuple(names_after),
        customers=naming.counts(before, after, shape=shape),
    )
