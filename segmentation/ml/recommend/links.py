"""Sparse links between products, the one shape in which item-item models are kept and asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix

from segmentation.ml import artifacts
from segmentation.ml.recommend.histories import Scores
from segmentation.ml.tables import Floats, Ints


BLOCK = 1024


@dataclass(frozen=True, kw_only=True, eq=False)
class Links:
    """How much each product speaks for each other: csr arrays over m products, columns ascending in a row."""

    indptr: Ints
    column: Ints
    weight: Scores

    @classmethod
    def strongest(cls, dense: Floats, *, keep: int) -> Self:
        """Of (m, m) the `keep` strongest values (either sign) of each column; the diagonal counts as nothing."""
        blocks = [
            of_columns(dense[:, begin : begin + BLOCK], begin=begin, keep=keep)
            for begin in range(0, len(dense), BLOCK)
        ]
        return cls.joined(blocks, products=len(dense))

    @classmethod
    def between(cls, left: Any, right: Any, *, keep: int) -> Self:
        """The strongest of `left @ right`, sparse (m, n) and (n, m), without ever holding all m times m."""
        columns = right.tocsc()
        blocks = [
            of_columns((left @ columns[:, begin : begin + BLOCK]).toarray(), begin=begin, keep=keep)
            for begin in range(0, right.shape[1], BLOCK)
        ]
        return cls.joined(blocks, products=right.shape[1])

    @classmethod
    def joined(cls, blocks: Sequence[tuple[Ints, Ints, Floats]], *, products: int) -> Self:
        """From rows, columns and weights, in parts."""
        if not blocks:
            return cls(indptr=np.zeros(products + 1, dtype=np.int64), column=np.empty(0, dtype=np.int64),
                       weight=np.empty(0, dtype=np.float32))  # fmt: skip
        row, column, weight = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        order = np.lexsort((column, row))
        return cls(
            indptr=np.r_[0, np.cumsum(np.bincount(row, minlength=products))],
            column=column[order],
            weight=weight[order].astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def matrix(self) -> Any:
        return csr_matrix((self.weight, self.column, self.indptr), shape=(len(self), len(self)))

    def weights(self, row: Ints, column: Ints) -> Scores:
        """The weight of each pair of products, 0 where there is no link; any shape, both alike."""
        if not len(self.column):
            return np.zeros(row.shape, dtype=np.float32)
        keys = self._keys
        asked = row * len(self) + column
        place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        found: Scores = np.where(keys[place] == asked, self.weight[place], np.float32(0))
        return found

    @cached_property
    def _keys(self) -> Ints:
        keys: Ints = np.repeat(np.arange(len(self)), np.diff(self.indptr)) * len(self) + self.column
        return keys

    def to_files(self) -> dict[str, bytes]:
        return artifacts.to_files(
            arrays={"indptr": self.indptr, "column": self.column, "weight": self.weight}
        )

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Raises artifacts.ArtifactError when the arrays do not fit each other."""
        indptr, column, weight = (
            artifacts.read_array(files, name) for name in ("indptr", "column", "weight")
        )
        m = len(indptr) - 1
        if len(column) != len(weight) or indptr[-1] != len(column):
            raise artifacts.ArtifactError(
                "the links of products contradict each other; train again"
            )
        if len(column) and not 0 <= column.min() <= column.max() < m:
            raise artifacts.ArtifactError("a link leads to no product; train again")
        return cls(indptr=indptr, column=column, weight=weight)


def of_columns(block: Floats, *, begin: int, keep: int) -> tuple[Ints, Ints, Floats]:
    """The strongest of (m, b), columns `begin` to begin + b of a square: rows, columns, values."""
    block = np.array(block)
    width = np.arange(block.shape[1])
    block[begin + width, width] = 0
    if keep < len(block):
        bound = np.partition(np.abs(block), len(block) - keep, axis=0)[len(block) - keep]
        block[np.abs(block) < bound] = 0
    row, column = np.nonzero(block)
    return row, column + begin, block[row, column]
