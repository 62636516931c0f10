"""The best of an item-item model for very many customers: sparse all the way, owned products left out on the way."""

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, identity

from segmentation.ml.recommend.links import Links
from segmentation.ml.tables import Floats, Ints


CHUNK = 2_048
SHUT = np.float32(1e9)
"""Far above any score, so that what is owned ends up below everything."""


def best(owned: Any, links: Links, *, k: int) -> tuple[Ints, Floats]:
    """
    Products and scores, (n, k), of the sparse (n, m) matrix `owned`; -1 and -inf where there are fewer.

    owned: csr of numbers above 0. The product of the two matrices holds some hundred scores a customer, never all m;
    a diagonal that is far below 0 shuts out what is owned within the same multiplication.
    """
    n, m = owned.shape
    shut = (links.matrix() - SHUT * identity(m, dtype=np.float32, format="csr")).tocsr()
    products, scores = np.full((n, k), -1), np.full((n, k), -np.inf, dtype=np.float32)
    rows = owned.astype(np.float32)
    # customers with about as many products lie together: their rows are then about as long
    order = np.argsort(np.diff(rows.indptr), kind="stable")
    for begin in range(0, n, CHUNK):
        chosen = order[begin : begin + CHUNK]
        products[chosen], scores[chosen] = _best_of(rows[chosen] @ shut, k=k)
    return products, scores


def _best_of(said: csr_matrix, *, k: int) -> tuple[Ints, Floats]:
    """The k largest of each sparse row that are not shut."""
    padded = _padded(said.data, np.diff(said.indptr), least=k)
    padded.partition(padded.shape[1] - k, axis=1)
    # the k-th best of each row, or what is shut where fewer are open
    bound = np.maximum(padded[:, -k], -SHUT / 2)
    among = np.flatnonzero(said.data >= np.repeat(bound, np.diff(said.indptr)))
    length = np.diff(np.searchsorted(among, said.indptr))
    value = _padded(said.data[among], length, least=k)
    product = _padded(said.indices[among], length, least=k)
    order = np.lexsort((product, -value), axis=1)[:, :k]
    value = np.take_along_axis(value, order, axis=1)
    product = np.take_along_axis(product, order, axis=1)
    product[np.isneginf(value)] = -1
    return product.astype(np.int64), value


def _padded(values: Any, length: Ints, *, least: int) -> Any:
    """Rows of unequal `length`, one after another, as one array: -inf (-1 of whole numbers) after the end of each."""
    width = max(int(length.max(initial=0)), least)
    nothing = -np.inf if values.dtype.kind == "f" else -1
    padded = np.full((len(length), width), nothing, dtype=values.dtype)
    padded[np.arange(width, dtype=np.int32) < length[:, None]] = values
    return padded
