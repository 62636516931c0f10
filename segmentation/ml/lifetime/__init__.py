"""How much customers will order and spend, over any horizon. Start reading at `model.py`, which says how to use it."""

from segmentation.ml.lifetime.futures import Futures
from segmentation.ml.lifetime.judging import Audit, ValueReport, compare, judge
from segmentation.ml.lifetime.model import ValueModel, learn
from segmentation.ml.lifetime.origins import (
    Origin,
    TooLittleHistoryError,
    customers,
    first_order,
    gather,
    moments,
    observe,
)
from segmentation.ml.lifetime.trees import Settings


__all__ = [
    "Audit",
    "Futures",
    "Origin",
    "Settings",
    "TooLittleHistoryError",
    "ValueModel",
    "ValueReport",
    "compare",
    "customers",
    "first_order",
    "gather",
    "judge",
    "learn",
    "moments",
    "observe",
]
