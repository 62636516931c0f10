"""`evaluate sentiment`: predicted sentiment against labels or stars."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy as np

from segmentation.ml.offline import files, tasks
from segmentation.ml.offline.files import FileError
from segmentation.ml.sentiment.judging import judge


HELP = (
    "Judge predicted sentiment against a column rating (1 to 5 stars: 1 and 2 are negative, 3 is neutral) or "
    "label (negative, neutral, positive, or 0 and 1): accuracy, macro-F1 and AUC, with intervals."
)
_NAMED = {
    "negative": 0, "neg": 0, "-1": 0, "0": 0, "neutral": 1, "neu": 1, "positive": 2, "pos": 2, "1": 2,
}  # fmt: skip
_STARS = {1.0: 0, 2.0: 0, 3.0: 1, 4.0: 2, 5.0: 2}


def add_arguments(parser: ArgumentParser) -> None:
    """Nothing of its own: --pred, --truth and --out are for all."""


def evaluate(options: Namespace) -> tasks.Evaluation:
    """Raises FileError."""
    said, true = files.read(Path(options.pred)), files.read(Path(options.truth))
    with said.database, true.database:
        predicted = _rows(options.pred, said, options.id or "id", ["p_neg", "p_neu", "p_pos"])
        stars = files.column_like(true, "rating", "stars") is not None
        truth = _rows(
            options.truth, true, options.id or "id",
            [str(files.column_like(true, "rating", "stars")) if stars else "label"],
        )  # fmt: skip
    known = {row[0]: _class(options.truth, row[1], stars=stars, row=row[2]) for row in truth}
    rows = [row for row in predicted if row[0] in known]
    if not rows:
        raise FileError(f"{options.pred} and {options.truth} have no id in common")
    scored = [row for row in rows if row[1] not in {None, ""}]
    if not scored:
        raise FileError(f"{options.pred}: no text was scored")
    try:
        shares = np.array([[float(one) for one in row[1:4]] for row in scored])
    except (TypeError, ValueError) as error:
        raise FileError(f"{options.pred}: not a number: {error}") from error
    classes = np.array([known[row[0]] for row in scored])
    warnings = []
    if missing := len(predicted) - len(rows):
        warnings.append(f"{missing} texts of {options.pred} are not in {options.truth}")
    return tasks.Evaluation(
        metrics={
            "not_scored": len(rows) - len(scored),
            **judge(shares=shares, classes=classes, seed=options.seed),
        },
        warnings=tuple(warnings),
    )


def _rows(
    path: str, raw: files.RawTable, identifier: str, names: list[str]
) -> list[tuple[Any, ...]]:
    """The columns `names` of each row, and its number; the first below the names is 1."""
    found = {name: files.column_like(raw, name) for name in [identifier, *names]}
    files.need(Path(path), found, raw=raw)
    selected = ", ".join(files.quoted(str(column)) for column in found.values())
    rows: list[tuple[Any, ...]] = raw.database.execute(
        f"SELECT {selected}, row FROM file ORDER BY row"
    ).fetchall()
    return rows


def _class(path: str, value: str | None, *, stars: bool, row: int) -> int:
    given = (value or "").strip().lower()
    try:
        return _STARS[float(given)] if stars else _NAMED[given]
    except (KeyError, ValueError) as error:
        what = "a rating of 1, 2, 3, 4 or 5" if stars else "negative, neutral or positive"
        raise FileError(f"{path}: row {row}: {value or ''!r} is not {what}") from error
