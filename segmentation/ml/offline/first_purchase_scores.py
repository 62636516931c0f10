"""`evaluate first-purchase`: predicted shares against what customers became."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np

from segmentation.ml.first_purchase.judging import intervals, judge
from segmentation.ml.offline import files, tasks
from segmentation.ml.offline.files import FileError
from segmentation.ml.tables import Floats


HELP = "Judge predicted segments: accuracy, top two, calibration, with intervals."


def add_arguments(parser: ArgumentParser) -> None:
    """Nothing of its own: --pred, --truth and --out are for all."""


def evaluate(options: Namespace) -> tasks.Evaluation:
    """truth: customer_id, segment[, orders]. Raises FileError."""
    said = files.read(Path(options.pred))
    true = files.read(Path(options.truth))
    with said.database, true.database:
        count = sum(files.column_like(said, f"p_{n}") is not None for n in range(1, 1000))
        wanted = [f"p_{n + 1}" for n in range(max(count, 1))]
        identifier = options.id or "customer_id"
        predicted = _columns(options.pred, said, [identifier, *wanted])
        has_orders = files.column_like(true, "orders") is not None
        truth = _columns(
            options.truth, true, [identifier, "segment", *(["orders"] if has_orders else [])]
        )
    known = {row[0]: _numbers(options.truth, row[1:]) for row in truth}
    rows = [row for row in predicted if row[0] in known]
    if not rows:
        raise FileError(f"{options.pred} and {options.truth} have no customer in common")
    shares: Floats = np.array([_numbers(options.pred, row[1:]) for row in rows])
    values = np.array([known[row[0]] for row in rows])
    became = values[:, 0].astype(np.int64) - 1
    if became.min() < 0 or became.max() >= shares.shape[1]:
        raise FileError(
            f"{options.truth}: segments must be 1 to {shares.shape[1]}, as in {options.pred}"
        )
    orders = values[:, 1].astype(np.int64) if has_orders else np.zeros(len(rows), dtype=np.int64)
    judged = judge(shares=shares, became=became, orders=orders).to_dict()
    spread = intervals(shares=shares, became=became, orders=orders, seed=options.seed)
    missing = len(predicted) - len(rows)
    return tasks.Evaluation(
        metrics={
            **judged,
            "majority": round(float(np.bincount(became).max() / len(became)), 6),
            "intervals": {name: [round(a, 6), round(b, 6)] for name, (a, b) in spread.items()},
        },
        warnings=(f"{missing} customers of {options.pred} are not in {options.truth}",)
        if missing
        else (),
    )


def _columns(path: str, raw: files.RawTable, names: list[str]) -> list[tuple[str, ...]]:
    found = {name: files.column_like(raw, name) for name in names}
    files.need(Path(path), found, raw=raw)
    selected = ", ".join(files.quoted(str(column)) for column in found.values())
    rows: list[tuple[str, ...]] = raw.database.execute(
        f"SELECT {selected} FROM file ORDER BY row"
    ).fetchall()
    return rows


def _numbers(path: str, values: tuple[str, ...]) -> list[float]:
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise FileError(f"{path}: not a number: {error}") from error
