"""What the models see of a customer: three numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from segmentation.ml.columns import ORDER_DAYS, RECENCY_DAYS, TENURE_DAYS
from segmentation.ml.tables import Bools, FeatureTable, Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Histories:
    """(n,) each, in one unit of time (days in this project, weeks in the literature).

    repeats: days with an order after the first (x). last: the last order, counted from the first (t_x; 0 without a
    repeat). age: now, counted from the first (T). An object that exists is valid.
    """

    repeats: Floats
    last: Floats
    age: Floats

    def __post_init__(self) -> None:
        if not len(self.repeats) == len(self.last) == len(self.age):
            raise ValueError("repeats, last and age must be equally long")
        for name in ("repeats", "last", "age"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} must be finite")
        if np.any(self.repeats < 0) or np.any(self.last < 0) or np.any(self.last > self.age):
            raise ValueError("needed: repeats >= 0 and 0 <= last <= age")

    @classmethod
    def of(cls, table: FeatureTable) -> Self:
        """The histories of customers who have ordered, in days; others (NaN) count as first seen now.

        Two orders of a day are one, as in the literature; two within hours over midnight are two.
        """
        age = np.nan_to_num(table.column(TENURE_DAYS))
        repeats = np.maximum(np.nan_to_num(table.column(ORDER_DAYS)) - 1, 0)
        last = np.clip(age - np.nan_to_num(table.column(RECENCY_DAYS)), 0, age)
        return cls(repeats=repeats, last=np.where(repeats > 0, last, 0.0), age=age)

    def __len__(self) -> int:
        return len(self.repeats)

    def rows(self, chosen: Bools | slice) -> "Histories":
        return Histories(repeats=self.repeats[chosen], last=self.last[chosen], age=self.age[chosen])

    def distinct(self) -> tuple["Histories", Floats]:
        """The histories that differ, and how many customers have each: where days are whole, many agree."""
        order = np.lexsort((self.age, self.last, self.repeats))
        table = np.column_stack([self.repeats, self.last, self.age])[order]
        starts = np.flatnonzero(np.r_[True, (np.diff(table, axis=0) != 0).any(axis=1)])
        one = table[starts]
        counts = np.diff(np.r_[starts, len(table)]).astype(np.float64)
        return Histories(repeats=one[:, 0], last=one[:, 1], age=one[:, 2]), counts

    def sample(self, most: int) -> "Histories":
        """Every k-th customer, so that about `most` are left."""
        return self.rows(slice(None, None, max(1, -(-len(self) // most))))


class Purchases(Protocol):
    """A fitted model of orders. All results are (n,) and finite for valid histories."""

    def expected(self, histories: Histories, *, ahead: float) -> Floats:
        """Orders to expect in the next `ahead` units of time."""
        ...

    def log_silence(self, histories: Histories, *, ahead: Floats | float) -> Floats:
        """Logarithm of P(no order in the next `ahead`); `ahead` may be (n,)."""
        ...

    def to_dict(self) -> dict[str, Any]: ...

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self: ...
