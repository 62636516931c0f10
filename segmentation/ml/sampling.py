"""Which customers take part, the same at every moment: by a hash of their id."""

import numpy as np
from numpy.typing import NDArray

from segmentation.ml.tables import Bools, Ints


def fold(customer_ids: Ints, *, folds: int, seed: int) -> Ints:
    """0 to folds - 1, (n,)."""
    folded: Ints = ((_mixed(customer_ids, seed) >> np.uint64(33)) % np.uint64(folds)).astype(
        np.int64
    )
    return folded


def share_of(customer_ids: Ints, *, share: float, seed: int) -> Bools:
    """About this share of the customers, (n,)."""
    bucket = (_mixed(customer_ids, seed) >> np.uint64(44)) % np.uint64(1_000)
    chosen: Bools = bucket < 1_000 * share
    return chosen


def _mixed(customer_ids: Ints, seed: int) -> NDArray[np.uint64]:
    """A multiplicative hash (Knuth); only its upper bits are mixed well."""
    return (customer_ids.astype(np.uint64) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
