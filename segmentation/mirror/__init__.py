"""
The columnar mirror: what features, rules and profiles are computed from, as Parquet under COTERIE_HOME/mirror.

Of what customers did, only those are in it who agreed to profiling, so nothing computed from it can be
about others; and only what they let be analysed when they did it. `people`, `consents` and
`memberships` are of every living customer.
Money stays integer cents; times cross as epoch seconds, because ADBC is fast with integers.
"""

from segmentation.mirror.generations import folder
from segmentation.mirror.reading import (
    connect,
    exists,
    feature_parts,
    of_customers,
    read_again,
    replace,
)
from segmentation.mirror.stopping import stopped_after
from segmentation.mirror.tables import COMPUTED, PROFILED, TABLES
from segmentation.mirror.writing import refresh, write_changes, write_features


__all__ = [
    "COMPUTED",
    "PROFILED",
    "TABLES",
    "connect",
    "exists",
    "feature_parts",
    "folder",
    "of_customers",
    "read_again",
    "refresh",
    "replace",
    "stopped_after",
    "write_changes",
    "write_features",
]
