"""Boosted trees with a few settings, the same bytes for the same rows and seed on one thread or many."""

from typing import Any

import numpy as np

from segmentation.ml.tables import Floats


def fit(
    values: Floats,
    target: Floats,
    *,
    binary: bool,
    seed: int,
    jobs: int = 1,
    trees: int = 60,
    leaves: int = 8,
    least_rows: int = 200,
    rate: float = 0.05,
    **more: Any,
) -> Any:
    """A LightGBM booster of `target` (n,) on `values` (n, p), NaN allowed."""
    import lightgbm as lgb

    settings = {
        "objective": "binary" if binary else "regression",
        "num_leaves": leaves,
        "learning_rate": rate,
        "min_data_in_leaf": least_rows,
        "max_bin": 127,
        "num_threads": jobs,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbose": -1,
        **more,
    }
    return lgb.train(settings, lgb.Dataset(values, target, free_raw_data=True), trees)


def predict(booster: Any, values: Floats, *, jobs: int = 1) -> Floats:
    """(n,): probabilities of a binary booster, else values."""
    return np.asarray(booster.predict(values, num_threads=jobs), dtype=np.float64)
