"""`evaluate fairness`: predictions, groups and outcomes by file; selection, error and calibration by group."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from segmentation.ml import fairness
from segmentation.ml.offline import files, tasks
from segmentation.ml.offline.files import FileError
from segmentation.ml.tables import Floats


HELP = "Compare groups of people: who is selected, whom the model misses, and whether its numbers hold for all."
OWN_FILES = True

_SCORES = ("p", "probability", "score", "prediction", "p_buy", "p_churn", "predicted", "uplift")
_LABELS = ("label", "y", "outcome", "truth", "target", "bought", "churned", "response")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--predictions", required=True, metavar="FILE", help="a row a person: an id and a number"
    )
    parser.add_argument(
        "--groups", required=True, metavar="FILE",
        help="the id and one column or more of groups; each is judged by itself",
    )  # fmt: skip
    parser.add_argument("--label", metavar="FILE", help="the id and what came true, 0 or 1")
    parser.add_argument("--score", metavar="COLUMN", help="the column of predictions")
    parser.add_argument(
        "--threshold", type=float, help="who is selected: at or above it; without, the best fifth"
    )
    parser.add_argument(
        "--features", metavar="FILE", help="the id and features: can they tell the groups?"
    )


def evaluate(options: Namespace) -> tasks.Evaluation:
    """Raises FileError."""
    said = _table(options.predictions, options.id)
    groups = _table(options.groups, options.id)
    score = options.score or _one_of(said, _SCORES, options.predictions)
    fields = list(groups[1])
    label = _table(options.label, options.id) if options.label else None
    features = _table(options.features, options.id) if options.features else None
    parts = [part for part in (groups, label, features) if part is not None]
    keys = [key for key in said[0] if all(key in part[0] for part in parts)]
    if not keys:
        raise FileError("the files have no id in common")
    probability = _floats(_picked(said, keys, score), options.predictions, score)
    came = None
    if label is not None and options.label:
        name = _one_of(label, _LABELS, options.label)
        values = _floats(_picked(label, keys, name), options.label, name)
        if not set(np.unique(values)) <= {0.0, 1.0}:
            raise FileError(f"{options.label}: {name} must be 0 or 1")
        came = values.astype(np.bool_)
    matrix = None
    if features is not None:
        matrix = np.column_stack([_loose(_picked(features, keys, name)) for name in features[1]])
    judged = [
        fairness.audit(
            field=field,
            probability=probability,
            groups=fairness.in_bands(_picked(groups, keys, field)),
            label=came,
            threshold=options.threshold,
            features=matrix,
            seed=options.seed,
        )
        for field in fields
    ]
    missing = len(said[0]) - len(keys)
    return tasks.Evaluation(
        metrics={
            "rows": len(keys),
            "warns": any(one.warns for one in judged),
            "fields": {one.field: _plain(asdict(one)) for one in judged},
        },
        warnings=(f"{missing} rows of {options.predictions} are not in the other files",)
        if missing
        else (),
    )


_Table = tuple[dict[str, int], dict[str, list[str]]]
"""Place of each id, and the other columns."""


def _table(path: str, identifier: str | None) -> _Table:
    raw = files.read(Path(path))
    with raw.database:
        key = identifier or files.column_like(raw, "customer_id", "id") or raw.columns[0]
        if key not in raw.columns:
            raise FileError(f"{path}: no column {key}; the file has {', '.join(raw.columns)}")
        selected = ", ".join(files.quoted(name) for name in raw.columns)
        rows = raw.database.execute(f"SELECT {selected} FROM file ORDER BY row").fetchall()
    if not rows:
        raise FileError(f"{path}: the file has no rows")
    columns = {
        name: ["" if row[at] is None else str(row[at]).strip() for row in rows]
        for at, name in enumerate(raw.columns)
    }
    places = {text: at for at, text in enumerate(columns.pop(key))}
    if len(places) < len(rows):
        raise FileError(f"{path}: an id of column {key} is there more than once")
    if not columns:
        raise FileError(f"{path}: no column beside {key}")
    return places, columns


def _one_of(table: _Table, names: tuple[str, ...], path: str) -> str:
    columns = list(table[1])
    known = next((name for wanted in names for name in columns if name.lower() == wanted), None)
    if known is None and len(columns) > 1:
        raise FileError(f"{path}: which column? The file has {', '.join(columns)}")
    return known or columns[0]


def _picked(table: _Table, keys: list[str], column: str) -> list[str]:
    if column not in table[1]:
        raise FileError(f"no column {column}; there are {', '.join(table[1])}")
    return [table[1][column][table[0][key]] for key in keys]


def _floats(values: list[str], path: str, column: str) -> Floats:
    try:
        numbers = np.array([float(text) for text in values])
    except ValueError as error:
        raise FileError(f"{path}: column {column} is not of numbers: {error}") from error
    if not np.isfinite(numbers).all():
        raise FileError(f"{path}: column {column} has values that are no finite numbers")
    return numbers


def _loose(values: list[str]) -> Floats:
    """A feature as numbers; words by their place in the alphabet, which trees can use."""
    try:
        return np.array([float(text) if text else np.nan for text in values])
    except ValueError:
        return np.unique(values, return_inverse=True)[1].astype(np.float64)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value
