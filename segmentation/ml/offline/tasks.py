"""The tasks of `manage.py predict` and `manage.py evaluate`: one module and one line each."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from segmentation.ml.offline.files import FileError
from segmentation.ml.offline.transactions import Transactions


PREDICT = {
    "churn": "segmentation.ml.offline.churn",
    "clv": "segmentation.ml.offline.clv",
    "first-purchase": "segmentation.ml.offline.first_purchase",
    "response": "segmentation.ml.offline.response",
    "recommend": "segmentation.ml.offline.recommend",
    "segment": "segmentation.ml.offline.segment",
    "uplift": "segmentation.ml.offline.uplift",
    "sentiment": "segmentation.ml.offline.sentiment",
}
"""Task to module. A module has HELP (a sentence), add_arguments(parser) and predict(options) -> Prediction."""

EVALUATE = {
    "churn": "segmentation.ml.offline.churn_scores",
    "clv": "segmentation.ml.offline.clv_scores",
    "drift": "segmentation.ml.offline.drift",
    "fairness": "segmentation.ml.offline.fairness",
    "first-purchase": "segmentation.ml.offline.first_purchase_scores",
    "response": "segmentation.ml.offline.response_scores",
    "uplift": "segmentation.ml.offline.uplift_scores",
    "recommend": "segmentation.ml.offline.recommend_scores",
    "sentiment": "segmentation.ml.offline.sentiment_scores",
}
"""Task to module, with HELP, add_arguments(parser) and evaluate(options) -> Evaluation.

With OWN_FILES = True it names its files itself, instead of --pred and --truth.
"""

LIBRARIES = ("coterie", "numpy", "scipy", "scikit-learn", "lightgbm", "duckdb", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """table: the rows of --out. meta: plain JSON for the .meta.json. extra: further files, by path."""

    table: pa.Table
    meta: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """metrics: plain JSON, numbers by name."""

    metrics: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def available(tasks: Mapping[str, str]) -> dict[str, ModuleType]:
    return {name: import_module(module) for name, module in tasks.items()}


def add_common_arguments(parser: ArgumentParser) -> None:
    """What every prediction understands."""
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="predictions: .csv or .parquet"
    )
    parser.add_argument("--id", metavar="COLUMN", help="the column that names the customer or row")
    parser.add_argument("--seed", type=int, default=42, help="of everything random; default 42")
    parser.add_argument("--jobs", type=int, default=1, help="threads; default 1")


def meta_of(prediction: Prediction, options: Namespace, *, seconds: float) -> dict[str, Any]:
    """What goes beside the predictions; all but `seconds` is the same for the same inputs and seed."""
    return {
        "task": options.task,
        "rows": prediction.table.num_rows,
        "seed": options.seed,
        "jobs": options.jobs,
        "seconds": round(seconds, 2),
        "versions": {name: _version(name) for name in LIBRARIES},
        "warnings": list(prediction.warnings),
        **prediction.meta,
    }


def ignored(lines: int, *, cutoff: str, what: str = "rows") -> tuple[str, ...]:
    """The warning about rows that lie too late, if there are any."""
    return (f"{lines} {what} at or after {cutoff} are ignored",) if lines else ()


def unusable(transactions: Transactions, path: str) -> tuple[str, ...]:
    """A warning a reason for which rows of `path` were rejected, and one of rows that are there twice."""
    rejected = tuple(
        f"{path}: {count} row{_s(count)} rejected: {reason}"
        for reason, count in transactions.rejected.items()
    )
    repeated = transactions.intake.repeated if transactions.intake else 0
    if not repeated:
        return rejected
    rows = "1 row says" if repeated == 1 else f"{repeated} rows say"
    return (
        *rejected,
        f"{path}: {rows} the same as an earlier one in every column, and count again; take copies out",
    )


def accounts(*given: Transactions) -> list[dict[str, Any]]:
    """For the .meta.json: of each file, how many rows there were and what became of them; the sums add up."""
    return [
        {
            "file": Path(one.intake.path).name,
            "rows": one.intake.rows,
            "used": one.intake.used,
            "repeated": one.intake.repeated,
            "rejected": dict(one.rejected),
        }
        for one in given
        if one.intake
    ]


def rejects(options: Namespace, *given: Transactions) -> dict[str, pa.Table]:
    """The file of rejected rows beside the predictions, if there are any: of each input file its own."""
    found = {}
    for one in given:
        if one.intake and one.intake.unusable.num_rows:
            middle = f".{Path(one.intake.path).stem}" if len(given) > 1 else ""
            found[f"{options.out}{middle}.rejected.csv"] = one.intake.unusable
    return found


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _version(name: str) -> str:
    if name == "coterie":
        return "0.1.0"
    return version(name)


__all__ = ["EVALUATE", "PREDICT", "Evaluation", "FileError", "Prediction", "available"]
