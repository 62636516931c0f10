"""Matrix factorisation: the largest singular vectors of the purchases (PureSVD, Cremonesi and others 2010)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from segmentation.ml import artifacts
from segmentation.ml.recommend.histories import Histories, Scores
from segmentation.ml.recommend.neighbours import bm25
from segmentation.ml.recommend.purchases import Purchases
from segmentation.ml.tables import Floats


FACTORS = 64
SEED = 42


@dataclass(frozen=True, kw_only=True, eq=False)
class Factors:
    """vectors: (m, f), orthonormal columns."""

    vectors: Scores

    @classmethod
    def fit(cls, past: Purchases, *, as_of: int) -> Self:
        owned = Histories.of(past, as_of=as_of).matrix()
        return cls(vectors=_vectors(owned).astype(np.float32))

    def scores(self, histories: Histories) -> Scores:
        said: Scores = (histories.matrix() @ self.vectors) @ self.vectors.T
        return said

    def to_files(self) -> dict[str, bytes]:
        return artifacts.to_files(arrays={"vectors": self.vectors})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        return cls(vectors=artifacts.read_array(files, "vectors"))


def product_factors(owned: Any) -> tuple[Any, Any]:
    """Sparse (m, f) and (f, m) whose product links products, for more of them than can be inverted."""
    vectors = csr_matrix(_vectors(owned))
    return vectors, vectors.T.tocsr()


def _vectors(owned: Any) -> Floats:
    weighted = bm25(owned).astype(np.float64)
    # as many as products would only learn the purchases by heart
    few = min(FACTORS, min(weighted.shape) // 5)
    if few < 1 or not weighted.nnz or not weighted.data.any():
        return np.zeros((owned.shape[1], 1))
    # a fixed start and fixed restarts: the same purchases give the same vectors
    start = np.random.default_rng(SEED).random(min(weighted.shape))
    _, _, right = svds(weighted, k=few, v0=start, rng=np.random.default_rng(SEED))
    vectors: Floats = right[::-1].T
    return vectors * np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
