"""A feature table as numpy sees it. An object that exists is valid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segmentation.ml.columns import CUSTOMER_ID


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureTable:
    """Rows of customers, columns of features.

    customer_ids: (n,) int64, ascending without repeats. names: p column names.
    values: (n, p) float64, NaN where a feature is undefined.
    """

    customer_ids: Ints
    names: tuple[str, ...]
    values: Floats

    def __post_init__(self) -> None:
        expected = (len(self.customer_ids), len(self.names))
        if self.values.shape != expected:
            raise ValueError(
                f"values has the shape {self.values.shape}; ids and names say {expected}"
            )
        if np.any(np.diff(self.customer_ids) <= 0):
            raise ValueError(
                "customer_ids must ascend and not repeat; sort the table by customer_id"
            )
        if np.isinf(self.values).any():
            raise ValueError("values must be finite or NaN; a feature divides by zero")

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Self:
        """Take over what `features.compute` returns; raises ValueError for another shape of table."""
        if table.column_names[:1] != [CUSTOMER_ID]:
            raise ValueError(
                f"the first column must be {CUSTOMER_ID}, not {table.column_names[:1]}"
            )
        names = tuple(table.column_names[1:])
        values = np.empty((table.num_rows, len(names)), dtype=np.float64)
        for position, name in enumerate(names):
            values[:, position] = table.column(name).to_numpy()
        return cls(
            customer_ids=table.column(CUSTOMER_ID).to_numpy().astype(np.int64, copy=False),
            names=names,
            values=values,
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return one table of at least one; raises ValueError where they do not follow each other by id."""
        return cls(
            customer_ids=np.concatenate([part.customer_ids for part in parts]),
            names=parts[0].names,
            values=np.concatenate([part.columns(parts[0].names) for part in parts]),
        )

    def in_parts(self, rows: int) -> Iterator[Self]:
        """Yield the rows in tables of at most so many."""
        for start in range(0, len(self), rows):
            part = slice(start, start + rows)
            yield type(self)(
                customer_ids=self.customer_ids[part], names=self.names, values=self.values[part]
            )

    def __len__(self) -> int:
        return len(self.customer_ids)

    def column(self, name: str) -> Floats:
        """Return one feature, (n,); raises KeyError naming the feature that is not there."""
        if name not in self.names:
            raise KeyError(f"no feature {name!r} in this table")
        return self.values[:, self.names.index(name)]

    def columns(self, names: Sequence[str]) -> Floats:
        """Return (n, len(names)) in the order asked for; a model asks by the names it was fitted on."""
        if tuple(names) == self.names:
            return self.values
        missing = sorted(set(names) - set(self.names))
        if missing:
            raise KeyError(f"features missing from this table: {', '.join(missing)}")
        return self.values[:, [self.names.index(name) for name in names]]

    def only(self, names: Sequence[str]) -> Self:
        """Return the table with these columns; raises KeyError naming those that are not there."""
        return type(self)(
            customer_ids=self.customer_ids, names=tuple(names), values=self.columns(names)
        )

    def rows(self, mask: Bools) -> Self:
        return type(self)(
            customer_ids=self.customer_ids[mask], names=self.names, values=self.values[mask]
        )
