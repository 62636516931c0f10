"""How good distributions over segments are, on customers that the model has not learned from."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from segmentation.ml.metrics import ece, macro_f1
from segmentation.ml.tables import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Shares of customers, but for log_loss (nats). again: among customers with two or more orders, NaN without one.

    calibration: expected calibration error of the likeliest segment's probability, ten bins of equal width.
    """

    customers: int
    accuracy: float
    again: float
    top2: float
    macro_f1: float
    calibration: float
    log_loss: float

    def to_dict(self) -> dict[str, Any]:
        return {
            name: None if value != value else round(value, 6)  # noqa: PLR0124 - NaN is not JSON
            for name, value in vars(self).items()
        }


def judge(*, shares: Floats, became: Ints, orders: Ints) -> Judgement:
    """shares: (m, k), rows sum to 1. became: (m,) 0 to k - 1. orders: (m,) of the whole behaviour."""
    rows = np.arange(len(became))
    order = np.argsort(-shares, axis=1, kind="stable")
    right = order[:, 0] == became
    several = orders >= 2
    return Judgement(
        customers=len(became),
        accuracy=float(right.mean()),
        again=float(right[several].mean()) if several.any() else float("nan"),
        top2=float((order[:, :2] == became[:, None]).any(axis=1).mean()),
        macro_f1=macro_f1(said=order[:, 0], true=became),
        calibration=ece(label=right, probability=shares[rows, order[:, 0]]),
        log_loss=float(losses(shares=shares, became=became).mean()),
    )


def losses(*, shares: Floats, became: Ints) -> Floats:
    """Logarithmic loss in nats a customer, (m,)."""
    said: Floats = -np.log(np.clip(shares[np.arange(len(became)), became], 1e-12, None))
    return said


def intervals(
    *,
    shares: Floats,
    became: Ints,
    orders: Ints,
    seed: int,
    customers: Ints | None = None,
    resamples: int = 400,
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals over customers drawn again (Efron 1979), by name of the measure.

    customers: (m,) whom each row is about, where some are told of more than once; they are drawn with all their rows.
    Without anybody who has two orders there is no "again".
    """
    generator = np.random.default_rng(seed)
    whose = np.arange(len(became)) if customers is None else customers
    order = np.argsort(whose, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(whose[order])) + 1)
    drawn = []
    for _ in range(resamples):
        rows = np.concatenate([parts[one] for one in generator.integers(0, len(parts), len(parts))])
        again = judge(shares=shares[rows], became=became[rows], orders=orders[rows])
        drawn.append([again.accuracy, again.again, again.top2])
    values = np.array(drawn)
    known = ~np.isnan(values).all(axis=0)  # nobody came again: nothing is known of those who did
    low, high = np.nanquantile(values[:, known], [0.025, 0.975], axis=0)
    names = [
        name
        for name, is_known in zip(("accuracy", "again", "top2"), known, strict=True)
        if is_known
    ]
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}
