"""How LightGBM is run everywhere: the same rows and seed give the same trees, to the byte."""

from typing import Any


def steady(*, rows_per_leaf: int, seed: int, num_threads: int) -> dict[str, Any]:
    """Parameters that do not depend on what is learned."""
    return {
        "min_data_in_leaf": rows_per_leaf,
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": num_threads,
        "verbosity": -1,
    }
