"""What is known of each customer at a moment, as SQL: one file per theme over `known.sql`.

`compute` runs the files in DuckDB over the columnar mirror, `compute_in_parts` does so for large shops, and
`spark.compute_on_spark` runs the same SQL on Spark. `FEATURES` says what each column means; models learn
from `MODEL_FEATURES`.
"""

from segmentation.ml.features.assemble import (
    MIRROR_TABLES,
    SHOP_TABLES,
    compute,
    compute_in_parts,
    sources,
)
from segmentation.ml.features.catalogue import FEATURES, MODEL_FEATURES, Feature


__all__ = [
    "FEATURES",
    "MIRROR_TABLES",
    "MODEL_FEATURES",
    "SHOP_TABLES",
    "Feature",
    "compute",
    "compute_in_parts",
    "sources",
]
