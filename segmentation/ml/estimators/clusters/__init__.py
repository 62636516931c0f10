"""Clusters: groups of like customers that are there, that are there again tomorrow, and that keep their names.

Start at `fit` (fitting.py): it tries every algorithm (algorithms.py) and number of groups on log recency,
frequency and money (space.py), judges them (judging.py) and returns a `ClusterModel` (model.py), which assigns
anybody by what the algorithm left behind (partitions.py). naming.py and migration.py carry names over refits.
"""

from segmentation.ml.estimators.clusters.algorithms import ALGORITHMS
from segmentation.ml.estimators.clusters.fitting import KS, SAMPLE, fit
from segmentation.ml.estimators.clusters.judging import Candidate
from segmentation.ml.estimators.clusters.migration import Migration, migration
from segmentation.ml.estimators.clusters.model import NO_ORDER, ClusterModel, Group


__all__ = [
    "ALGORITHMS",
    "KS",
    "NO_ORDER",
    "SAMPLE",
    "Candidate",
    "ClusterModel",
    "Group",
    "Migration",
    "fit",
    "migration",
]
