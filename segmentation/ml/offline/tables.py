"""The two files of a task that learns from one and predicts for the other: any columns, one row a customer."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segmentation.ml.offline import files, records
from segmentation.ml.offline.files import FileError, RawTable
from segmentation.ml.records.columns import Records
from segmentation.ml.tables import Bools, Floats


_EMPTY = ("", "nan", "null")  # the last two as other programs write nothing; "none" may be an arm


@dataclass(frozen=True, kw_only=True)
class Pair:
    """train and score have the same columns; outcome and `named` columns are those of train; ids those of score."""

    train: Records
    outcome: Floats
    named: Mapping[str, Sequence[str]]
    score: Records
    ids: Sequence[str]
    left_out: Mapping[str, str]
    warnings: tuple[str, ...]


def read_pair(options: Namespace, *, named: Sequence[str] = ()) -> Pair:
    """Read --train and --score with --outcome, --exclude and --id. Raises FileError.

    named: columns of the training file that are not features; the outcome is the last. Rows where one of them is
    empty are not learned from. Columns that the other file lacks are not used.
    """
    known, asked = files.read(Path(options.train)), files.read(Path(options.score))
    with known.database, asked.database:
        warnings = [
            f"{path}: {count} rows rejected: {reason}"
            for path, raw in ((options.train, known), (options.score, asked))
            for reason, count in raw.rejected.items()
        ]
        texts = {name: records.texts(known, options.train, name) for name in named}
        outcome, there = records.numeric(options.train, options.outcome, texts[options.outcome])
        filled: Bools = np.array(
            [
                not any(value.lower() in _EMPTY for value in row)
                for row in zip(*texts.values(), strict=True)
            ],
            dtype=bool,
        )
        usable: Bools = there & filled
        if not usable.all():
            warnings.append(
                f"{options.train}: {int((~usable).sum())} rows have no {' or no '.join(named)} and are not learned from"
            )
        if not usable.any():
            raise FileError(f"{options.train}: no usable row")
        excluded = records.excluded(known, options.train, options.exclude)
        identifier, ids = records.identifier(asked, options.score, options.id)
        if not ids:
            raise FileError(f"{options.score}: the file has no rows")
        names = records.features(known, not_these=[*named, *excluded, identifier])
        shared = [name for name in names if files.column_like(asked, name) is not None]
        missing = {name: "not in the file to predict for" for name in names if name not in shared}
        if missing:
            warnings.append(f"{options.score} has no column {', '.join(missing)}: not learned from")
        if not shared:
            raise FileError(f"{options.train} and {options.score} have no feature column in common")
        kinds = records.Kinds.learn(known, shared)
        train, score = records.read(known, kinds), records.read(asked, kinds)
        warnings += _unreadable(asked, options.score, score)
    return Pair(
        train=train.take(usable),
        outcome=outcome[usable],
        named={
            name: [value for value, good in zip(values, usable, strict=True) if good]
            for name, values in texts.items()
        },
        score=score,
        ids=ids,
        left_out={**missing, **dict.fromkeys(excluded, "--exclude")},
        warnings=tuple(warnings),
    )


def _unreadable(raw: RawTable, path: str, score: Records) -> list[str]:
    """A warning a column that is numbers in the training file and has something else here."""
    told = []
    for name, values in score.numbers.items():
        present = records.present(raw, name)
        if lost := present - int(np.isfinite(values).sum()):
            told.append(
                f"{path}: {lost} values of column {name} are no numbers or dates and count as missing"
            )
    return told
