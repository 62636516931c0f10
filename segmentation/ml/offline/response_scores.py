"""`evaluate response`: predicted answers against what customers did."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

import numpy as np

from segmentation.ml import metrics
from segmentation.ml.effects import judging
from segmentation.ml.offline import joined, tasks
from segmentation.ml.offline.files import FileError
from segmentation.ml.tables import Floats, Ints


HELP = "Judge predicted answers: AUC, AP, Brier, calibration, log loss and the profit of the rule, with intervals."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--outcome", required=True, metavar="COLUMN", help="of --truth")
    parser.add_argument(
        "--cost", type=float, default=0.0, metavar="MONEY", help="of one contact; default 0"
    )
    parser.add_argument(
        "--revenue", type=float, default=1.0, metavar="MONEY", help="of one answer; default 1"
    )
    parser.add_argument(
        "--compare", metavar="FILE", help="other predictions: intervals of the differences, paired"
    )
    parser.add_argument("--resamples", type=int, default=200, help="of the intervals; default 200")


def evaluate(options: Namespace) -> tasks.Evaluation:
    """Raises FileError."""
    ids, warnings, label, p = _read(options, options.pred)
    measures = measures_of(label, p, cost=options.cost, revenue=options.revenue)
    wanted = dict(measures)
    if options.compare:
        others, more, _, q = _read(options, options.compare)
        warnings = (*warnings, *more)
        if others != ids:
            raise FileError(f"{options.compare} does not have the rows of {options.pred}")
        for name, other in measures_of(
            label, q, cost=options.cost, revenue=options.revenue
        ).items():
            wanted[f"{name} - other"] = _difference(measures[name], other)
    rows = len(label)
    spread = judging.intervals(
        wanted, rows=rows, seed=options.seed, resamples=max(options.resamples, 20)
    )
    values = {name: measure(np.arange(rows)) for name, measure in wanted.items()}
    return tasks.Evaluation(
        metrics={
            "rows": rows,
            "rate": round(float(label.mean()), 10),
            **{name: round(v, 10) if np.isfinite(v) else None for name, v in values.items()},
            "intervals": {
                name: [round(one.low, 10), round(one.high, 10)] for name, one in spread.items()
            },
        },
        warnings=warnings,
    )


def measures_of(
    label: Floats, p: Floats, *, cost: float, revenue: float
) -> dict[str, Callable[[Ints], float]]:
    """Measures by name, of the rows at some positions; profit is that of contacting whom p * revenue > cost."""
    gained = np.where(p * revenue > cost, label * revenue - cost, 0.0)
    return {
        "auc": lambda i: metrics.auc(label=label[i], score=p[i]),
        "average_precision": lambda i: _precision(label[i], p[i]),
        "brier": lambda i: metrics.brier(label=label[i], probability=p[i]),
        "ece": lambda i: metrics.ece(label=label[i], probability=p[i]),
        "log_loss": lambda i: metrics.log_loss(label=label[i], probability=p[i]),
        "top_decile_lift": lambda i: metrics.top_decile_lift(label=label[i], score=p[i]),
        "profit": lambda i: float(gained[i].sum()),
        "profit - everybody": lambda i: float((gained - (label * revenue - cost))[i].sum()),
        "share_contacted": lambda i: float(np.mean((p * revenue > cost)[i])),
    }


def _precision(label: Floats, p: Floats) -> float:
    return metrics.average_precision(label=label, score=p) if label.any() else float("nan")


def _difference(
    first: Callable[[Ints], float], second: Callable[[Ints], float]
) -> Callable[[Ints], float]:
    return lambda which: first(which) - second(which)


def _read(options: Namespace, pred: str) -> tuple[list[str], tuple[str, ...], Floats, Floats]:
    rows = joined.join(
        pred, options.truth, said=("p",), true=(options.outcome,), identifier=options.id
    )
    label = joined.outcome(options.truth, options.outcome, rows.true[options.outcome])
    if not np.isin(label, (0.0, 1.0)).all():
        raise FileError(f"{options.truth}: column {options.outcome} must be 0/1 or yes/no")
    p = joined.number(pred, "p", rows.said["p"])
    if p.min() < 0 or p.max() > 1:
        raise FileError(f"{pred}: column p must lie between 0 and 1")
    return list(rows.ids), rows.warnings, label, p
