"""`predict sentiment`: what texts say, by the shipped model or one learned from rated texts."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from segmentation.ml.offline import files, tasks
from segmentation.ml.offline.files import FileError
from segmentation.ml.sentiment import learning, model
from segmentation.ml.sentiment.aspects import Aspect
from segmentation.ml.sentiment.model import Sentiment


HELP = (
    "Say of texts whether they are good, bad or neither, and of what they speak; learn from rated texts first "
    "where there are any. Columns: id, text, and title, language and rating where there are any."
)
DIGITS = 6


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--in", dest="texts", required=True, metavar="FILE", help="id, text")
    parser.add_argument(
        "--train", metavar="FILE",
        help=f"rated texts: id, text, rating (1 to 5); a language is learned from {learning.LEAST} of them on",
    )  # fmt: skip
    parser.add_argument(
        "--fast", action="store_true", help="without the lexicons' rules and the aspects"
    )
    parser.add_argument(
        "--alone", action="store_true",
        help="with --train: what was learned from it is not mixed with the shipped model",
    )  # fmt: skip


def predict(options: Namespace) -> tasks.Prediction:
    """Raises FileError."""
    asked = _read(Path(options.texts), options.id)
    serving, warnings, meta = model.shipped(), list(asked.warnings), {"model": "shipped"}
    if options.train:
        serving, learned, said = _learned(options)
        meta, warnings = (
            {"model": "own" if learned else "shipped", **said},
            warnings + said.pop("warnings"),
        )
    read = serving.read(asked.texts, languages=asked.languages, fast=options.fast)
    unscored = sum(one.polarity is None for one in read)
    return tasks.Prediction(
        table=_table(asked, read),
        meta={**meta, "fast": options.fast, "not_scored": unscored},
        warnings=tuple(warnings),
    )


def _learned(options: Namespace) -> tuple[model.SentimentModel, bool, dict[str, Any]]:
    rated = _read(Path(options.train), options.id)
    if rated.ratings is None:
        raise FileError(
            f"{options.train}: no column rating; the file has {', '.join(rated.columns)}"
        )
    usable = [i for i, stars in enumerate(rated.ratings) if stars is not None]
    general = model.SentimentModel(general=None) if options.alone else None
    taught = learning.learn(
        [rated.texts[i] for i in usable],
        [rated.ratings[i] or 0 for i in usable],
        languages=[rated.languages[i] for i in usable],
        general=general,
        seed=options.seed,
    )
    serving = taught.model
    warnings = [*rated.warnings]
    if missing := len(rated.ratings) - len(usable):
        warnings.append(
            f"{options.train}: {missing} rows without a rating from 1 to 5 teach nothing"
        )
    warnings += [
        f"{options.train}: nothing learned of {its!r}: {why}" for its, why in taught.skipped.items()
    ]
    if not serving.own:
        serving = model.shipped()  # also with --alone: there is nothing else
        if not taught.skipped:
            warnings.append(f"{options.train}: no text in a language that can be told")
    said = {"learned_from": taught.rows, "learned_aspects": sorted(set(serving.learned.values()))}
    return serving, bool(taught.rows), {**said, "warnings": warnings}


class _Texts:
    """The rows of a file of texts, in their order."""

    def __init__(self, path: Path, raw: files.RawTable, identifier: str | None) -> None:
        names = {
            "id": files.column_like(raw, identifier or "id", "review_id", "row_id"),
            "text": files.column_like(raw, "text", "review_text", "review", "sentence", "comment"),
        }
        optional = {
            "title": files.column_like(raw, "title"),
            "language": files.column_like(raw, "language", "lang", "locale"),
            "rating": files.column_like(raw, "rating", "stars"),
        }
        if names["id"] is None and identifier is None:
            names.pop("id")  # rows are numbered
        files.need(path, names, raw=raw)
        present = {**names, **{name: column for name, column in optional.items() if column}}
        selected = ", ".join(files.quoted(str(column)) for column in present.values())
        rows = raw.database.execute(f"SELECT {selected} FROM file ORDER BY row").fetchall()
        columns: dict[str, Sequence[str | None]] = dict(
            zip(present, zip(*rows, strict=True), strict=True)
            if rows
            else dict.fromkeys(present, ())
        )
        self.columns = raw.columns
        self.ids = [str(one) for one in columns.get("id", range(1, len(rows) + 1))]
        titles = columns.get("title", [None] * len(rows))
        self.texts = [
            ". ".join(part for part in (title, text) if part)
            for title, text in zip(titles, columns["text"], strict=True)
        ]
        self.languages = list(columns.get("language", [None] * len(rows)))
        rated = columns.get("rating")
        self.ratings = None if rated is None else [_stars(one) for one in rated]
        self.warnings = tuple(
            f"{path}: {count} rows rejected: {reason}" for reason, count in raw.rejected.items()
        )


def _read(path: Path, identifier: str | None) -> _Texts:
    raw = files.read(path)
    with raw.database:
        return _Texts(path, raw, identifier)


def _stars(value: str | None) -> int | None:
    try:
        stars = float(value or "")
    except ValueError:
        return None
    return int(stars) if stars in {1.0, 2.0, 3.0, 4.0, 5.0} else None


def _table(asked: _Texts, read: list[Sentiment]) -> pa.Table:
    def numbers(name: str) -> Any:
        values = [getattr(one, name) for one in read]
        return pa.array([None if v is None else round(v, DIGITS) for v in values], pa.float64())

    return pa.table({
        "id": pa.array(asked.ids, pa.string()),
        "polarity": numbers("polarity"),
        "label": pa.array([one.label.value.lower() for one in read], pa.string()),
        "p_neg": numbers("negative"),
        "p_neu": numbers("neutral"),
        "p_pos": numbers("positive"),
        "textblob": numbers("textblob"),
        "vader": numbers("vader"),
        "aspects": pa.array([_aspects(one.aspects) for one in read], pa.string()),
        "language": pa.array([one.language for one in read], pa.string()),
        "reason": pa.array([one.reason for one in read], pa.string()),
    })  # fmt: skip


def _aspects(found: tuple[Aspect, ...]) -> str:
    return json.dumps(
        {one.name: {"polarity": one.polarity, "span": [one.begin, one.end]} for one in found}
    )
