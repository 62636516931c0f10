"""A shop's own model: learned from the stars that its customers gave, a language at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from segmentation.ml.sentiment import aspects, language, lexical, model
from segmentation.ml.sentiment.model import SentimentModel, _readable
from segmentation.ml.sentiment.stack import Settings, Stack
from segmentation.ml.sentiment.words import found, tokens_of
from segmentation.ml.tables import Floats, Ints


LEAST = 500
"""Rated texts of one language, from which on a model of it is learned."""

FEWEST = 20
"""Of each of negative and positive; of less nothing can be judged."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """model: what came of it; rows: texts a language; skipped: why a language was left out, in words."""

    model: SentimentModel
    rows: dict[str, int]
    skipped: dict[str, str] = field(default_factory=dict)


def classes_of(stars: Sequence[int] | Ints) -> Ints:
    """1 and 2 stars are negative, 3 neither, 4 and 5 positive: 0, 1, 2."""
    given = np.asarray(stars, dtype=np.int64)
    return np.where(given <= 2, 0, np.where(given == 3, 1, 2)).astype(np.int64)


def learn(
    texts: Sequence[str | None],
    stars: Sequence[int],
    *,
    languages: Sequence[str | None] | None = None,
    general: SentimentModel | None = None,
    share: float = 1.0,
    seed: int = 42,
) -> Learned:
    """
    Learn from rated texts; languages with too few of them are skipped, with the reason.

    share: of all texts these are so many, the rest being kept to judge by: LEAST and FEWEST are of all.

    `general` is blended in by `model.EVEN_AT`; by default the shipped one, and `SentimentModel(general=None)`
    for none.
    """
    base = model.shipped() if general is None else general
    said: Sequence[str | None] = [None] * len(texts) if languages is None else languages
    read = [_readable(text) for text in texts]
    told = np.array([
        language.tell(text, said=its, is_english=base._is_english).language
        for text, its in zip(read, said, strict=True)
    ], dtype=object)  # fmt: skip
    classes = classes_of(stars)
    least, fewest = ceil(share * LEAST), ceil(share * FEWEST)
    own: dict[str, Stack] = {}
    rows: dict[str, int] = {}
    skipped: dict[str, str] = {}
    for its in sorted({str(one) for one in told if one}):
        chosen = np.flatnonzero(told == its)
        counts = np.bincount(classes[chosen], minlength=3)
        if len(chosen) < least:
            skipped[its] = f"{len(chosen)} rated texts; {least} are needed"
        elif min(counts[0], counts[2]) < fewest:
            skipped[its] = (
                f"{counts[0]} bad and {counts[2]} good texts; {fewest} of each are needed"
            )
        else:
            own[its] = _fit([read[i] for i in chosen], classes[chosen], its, seed=seed)
            rows[its] = len(chosen)
    english = [read[i] for i in np.flatnonzero(told == "en")]
    return Learned(
        model=SentimentModel(general=base.general, own=own, learned=aspects.learn(english)),
        rows=rows,
        skipped=skipped,
    )


def measure_all(texts: Sequence[str]) -> Floats:
    """What the lexicons say of each, (n, k)."""
    measured: Any = []
    for text in texts:
        tokens = tokens_of(text)
        measured.append(lexical.measure(text, tokens, found(tokens)))
    return np.array(measured, dtype=float).reshape(len(texts), len(lexical.NAMES))


def _fit(texts: list[str], classes: Ints, its: str, *, seed: int) -> Stack:
    english = its == "en"
    return Stack.fit(
        texts,
        measure_all(texts) if english else np.empty((len(texts), 0)),
        classes,
        np.arange(len(texts)),
        settings=Settings(lexicons=english, seed=seed),
    )
