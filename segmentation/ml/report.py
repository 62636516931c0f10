"""What a model showed on data from after its training, beside its baseline, with a verdict in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from numpy.typing import ArrayLike

from segmentation.ml import metrics
from segmentation.ml.metrics import CalibrationBin, Interval


class Verdict(Enum):
    """Who gives the scores."""

    MODEL = "MODEL"  # it beat the baseline
    BASELINE = "BASELINE"  # it did not
    REFUSED = "REFUSED"  # there is too little to learn from or to judge by


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """The record of one evaluation. Times are epoch seconds; windows are half-open.

    `rows` and `positives` are of the test cut-off. `loss_difference` is model less baseline in nats per
    row with its 95 % interval; below zero the model is better. `gains`: cumulative gains of model and
    baseline. `past`, `strategies`: dataclasses of segmentation.ml.backtests. `search`: settings tried on inner
    cut-offs. `rivals`: measures of the other algorithms on the test cut-off. `fairness`: dataclasses of segmentation.ml.fairness.
    """

    task: str
    verdict: Verdict
    reason: str
    horizon_days: int
    train_at: tuple[int, ...]
    test_at: int
    train_rows: int
    train_positives: int
    rows: int
    positives: int
    model: Mapping[str, float] = field(default_factory=dict)
    baseline: Mapping[str, float] = field(default_factory=dict)
    loss_difference: Interval | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    gains: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    past: tuple[Any, ...] = ()
    strategies: tuple[Any, ...] = ()
    strategy: str = "ANEW"
    strategy_reason: str = ""
    search: tuple[Mapping[str, float], ...] = ()
    rivals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    fairness: tuple[Any, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "verdict": self.verdict.value}


def binary_metrics(*, label: ArrayLike, probability: ArrayLike) -> dict[str, float]:
    """All measures of a predicted probability; higher is better for the first three, lower for the rest."""
    return {
        "auc": metrics.auc(label=label, score=probability),
        "average_precision": metrics.average_precision(label=label, score=probability),
        "top_decile_lift": metrics.top_decile_lift(label=label, score=probability),
        "log_loss": metrics.log_loss(label=label, probability=probability),
        "brier": metrics.brier(label=label, probability=probability),
        "ece": metrics.ece(label=label, probability=probability),
    }
