"""What is known of each customer at a moment, as SQL: one file per theme over `known.sql`.

`compute` runs the files in DuckDB over the columnar mirror; `FEATURES` says what each column means.
"""

from segmentation.ml.features.assemble import MIRROR_TABLES, compute
from segmentation.ml.features.catalogue import FEATURES, Feature


__all__ = ["FEATURES", "MIRROR_TABLES", "Feature", "compute"]
