"""Predictions and what came true, row by row of the same id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmentation.ml.offline import files, records
from segmentation.ml.offline.files import FileError, RawTable
from segmentation.ml.tables import Floats


@dataclass(frozen=True, kw_only=True)
class Joined:
    """columns of both files by name, as text, for the rows that both have; in the order of the predictions."""

    said: Mapping[str, Sequence[str]]
    true: Mapping[str, Sequence[str]]
    rows: int
    ids: Sequence[str]
    warnings: tuple[str, ...]


def join(
    pred: str, truth: str, *, said: Sequence[str], true: Sequence[str], identifier: str | None
) -> Joined:
    """Read columns of both files. Raises FileError when one is missing, an id repeats or none is in both."""
    one, two = files.read(Path(pred)), files.read(Path(truth))
    with one.database, two.database:
        first, ids = records.identifier(one, pred, None if _has(one, "id") else identifier)
        second, others = records.identifier(two, truth, identifier)
        if (first is None) != (second is None) and len(ids) != len(others):
            raise FileError(
                f"{pred} and {truth}: which column names the row? Say it with --id COLUMN"
            )
        for path, names in ((pred, ids), (truth, others)):
            if len(set(names)) < len(names):
                raise FileError(f"{path}: ids repeat; there must be one row an id")
        columns = {name: records.texts(one, pred, name) for name in said}
        truths = {name: records.texts(two, truth, name) for name in true}
    place = {name: at for at, name in enumerate(others)}
    if first is None or second is None:
        place = {name: at for at, name in enumerate(ids)}
    both = [(at, place[name]) for at, name in enumerate(ids) if name in place]
    if not both:
        raise FileError(f"{pred} and {truth} have no id in common")
    left = len(ids) - len(both)
    return Joined(
        said={name: [values[at] for at, _ in both] for name, values in columns.items()},
        true={name: [values[at] for _, at in both] for name, values in truths.items()},
        rows=len(both),
        ids=[ids[at] for at, _ in both],
        warnings=(f"{left} rows of {pred} are not in {truth}",) if left else (),
    )


def number(path: str, column: str, values: Sequence[str]) -> Floats:
    """Numbers that are all there; raises FileError naming the column."""
    try:
        found = np.array([float(value) for value in values])
    except ValueError as error:
        raise FileError(f"{path}: column {column}: {error}") from error
    if not np.isfinite(found).all():
        raise FileError(f"{path}: column {column} has values that are not finite")
    return found


def outcome(path: str, column: str, values: Sequence[str]) -> Floats:
    """0/1, yes/no or money, of every row."""
    found, there = records.numeric(path, column, values)
    if not there.all():
        raise FileError(f"{path}: {int((~there).sum())} rows have no {column}")
    return found


def _has(raw: RawTable, name: str) -> bool:
    return files.column_like(raw, name) is not None
