"""Texts to sentiment: language first, then the stack of that language, then what the text speaks of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from segmentation.ml import artifacts
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.sentiment import aspects, language, lexical, words
from segmentation.ml.sentiment.aspects import Aspect
from segmentation.ml.sentiment.stack import Stack
from segmentation.ml.sentiment.words import tokens_of
from segmentation.ml.tables import Floats


LONGEST = 5_000
"""Characters read of one text; a review says what it says before that."""

EVEN_AT = 500
"""Texts of its own with which a shop's model weighs as much as the shipped one."""


class Label(Enum):
    """What a text says on the whole."""

    POSITIVE = "POSITIVE"  # the likeliest of the three
    NEUTRAL = "NEUTRAL"
    NEGATIVE = "NEGATIVE"
    NOT_SCORED = "NOT_SCORED"  # no words, or of a language that nothing was learned of


_LABELS = (Label.NEGATIVE, Label.NEUTRAL, Label.POSITIVE)


class Sentiment(NamedTuple):
    """
    polarity is P(positive) − P(negative), −1 to 1; subjectivity, textblob and vader are of English only.
    All are None, with a reason, when the text is not scored.
    """

    label: Label
    language: str = ""
    polarity: float | None = None
    negative: float | None = None
    neutral: float | None = None
    positive: float | None = None
    textblob: float | None = None
    vader: float | None = None
    subjectivity: float | None = None
    reason: str = ""
    aspects: tuple[Aspect, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SentimentModel:
    """general: for English texts of any trade; own: by language, from the shop's stars; learned: aspects by term."""

    general: Stack | None
    own: Mapping[str, Stack] = field(default_factory=dict)
    learned: Mapping[str, str] = field(default_factory=dict)

    def read(
        self,
        texts: Sequence[str | None],
        *,
        languages: Sequence[str | None] | None = None,
        fast: bool = False,
        with_aspects: bool = True,
    ) -> list[Sentiment]:
        """
        Score texts in order. `languages` are the shop's words for them ("en", "de-AT"), where it has any.

        `fast` leaves out the lexicons' rules and the aspects: a twentieth of the work, for a little less.
        `with_aspects=False` leaves out the aspects alone.
        """
        said: Sequence[str | None] = [None] * len(texts) if languages is None else languages
        if len(said) != len(texts):
            raise ValueError("languages are shorter or longer than texts")
        cut = [_readable(text, fast=fast) for text in texts]
        result: list[Sentiment | None] = [None] * len(texts)
        asked: Sequence[int] = range(len(texts))
        if fast and "en" not in self.own and self.general and self.general.lexicons:
            skimmed, asked = _skim(self.general, cut, said)
            result = [*skimmed]
        rows: dict[str, list[int]] = {}
        for number in asked:
            told = language.tell(cut[number], said=said[number], is_english=self._is_english)
            if told.language == "en" and result[number]:
                continue
            if told.language in self.own or (told.language == "en" and self.general):
                rows.setdefault(told.language, []).append(number)
            else:
                result[number] = _not_scored(told)
        for its_language, numbers in rows.items():
            scored = self._read_one(
                [cut[i] for i in numbers], its_language, fast=fast, with_aspects=with_aspects
            )
            for number, one in zip(numbers, scored, strict=True):
                result[number] = one
        return [one for one in result if one is not None]

    def _read_one(
        self, texts: list[str], its: str, *, fast: bool, with_aspects: bool
    ) -> list[Sentiment]:
        measured: Floats | None = None
        found: list[tuple[Aspect, ...]] = [()] * len(texts)
        if fast:
            share = self._mixed(its, lambda stack: stack.skim(texts))
        elif its != "en":
            share = self._mixed(its, lambda stack: stack.read(texts, np.empty((len(texts), 0))))
        else:
            tokens = [tokens_of(text) for text in texts]
            hits = [words.found(one) for one in tokens]
            every = np.array(list(map(lexical.measure, texts, tokens, hits)))
            share = self._mixed(its, lambda stack: stack.read(texts, every))
            found = (
                found
                if not with_aspects
                else [
                    aspects.find(text, one, its_hits, overall=lean, learned=self.learned)
                    for text, one, its_hits, lean in zip(
                        texts, tokens, hits, (share[:, 2] - share[:, 0]).tolist(), strict=True
                    )
                ]
            )
            measured = every
        best = share.argmax(axis=1).tolist()
        numbers = share.tolist()
        known: list[Any] = [None] * len(texts) if measured is None else measured.tolist()
        return [
            Sentiment(
                label=_LABELS[best[i]],
                language=its,
                polarity=numbers[i][2] - numbers[i][0],
                negative=numbers[i][0],
                neutral=numbers[i][1],
                positive=numbers[i][2],
                textblob=known[i][lexical.TEXTBLOB] if known[i] else None,
                vader=known[i][lexical.VADER] if known[i] else None,
                subjectivity=known[i][lexical.SUBJECTIVITY] if known[i] else None,
                aspects=found[i],
            )
            for i in range(len(texts))
        ]

    def _mixed(self, its: str, ask: Any) -> Floats:
        """The shop's own model and the shipped one, weighed by how many texts the shop's has learned from."""
        own = self.own.get(its)
        general = self.general if its == "en" else None
        if own is None or general is None:
            answer: Floats = ask(own or general)
            return answer
        weight = own.texts / (own.texts + EVEN_AT)
        mixed: Floats = weight * ask(own) + (1 - weight) * ask(general)
        return mixed

    def _is_english(self, word: str) -> bool:
        return lexical.is_english(word) or (
            self.general is not None and word in self.general.ngrams.known
        )

    def to_files(self) -> dict[str, bytes]:
        """What was learned of the shop; the shipped model is part of the program."""
        files = artifacts.to_files(
            documents={"sentiment": {"languages": sorted(self.own), "learned": dict(self.learned)}}
        )
        for its, stack in self.own.items():
            files |= stack.to_files(f"own_{its}")
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "SentimentModel":
        """Raises ArtifactError when they are not those of `to_files`."""
        document = artifacts.read_document(files, "sentiment")
        try:
            languages = [str(one) for one in document["languages"]]
            learned = {str(term): str(name) for term, name in document["learned"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(f"not a model of sentiment: {error}; train it again") from error
        return cls(
            general=shipped().general,
            own={its: Stack.from_files(files, f"own_{its}") for its in languages},
            learned=learned,
        )


# what stands in a Sentiment after its probabilities, where only the words were looked at
_NOT_MEASURED = (repeat(None), repeat(None), repeat(None), repeat(""), repeat(()))

WEIGHTS = Path(__file__).with_name("weights")


@lru_cache(maxsize=1)
def shipped() -> SentimentModel:
    """The model that comes with the program; raises ArtifactError when its files are damaged."""
    files = {path.name: path.read_bytes() for path in sorted(WEIGHTS.glob("general*"))}
    if not files:
        raise ArtifactError(f"no weights in {WEIGHTS}; restore them from the repository")
    return SentimentModel(general=Stack.from_files(files, "general"))


def _skim(
    stack: Stack, texts: list[str], said: Sequence[str | None]
) -> tuple[list[Sentiment], list[int]]:
    """What the fast path says of each text if it is English, and of which that has to be asked yet: of few."""
    share, plainly = stack.skim_and_tell(texts)
    label = [_LABELS[best] for best in share.argmax(axis=1).tolist()]
    columns = ((share[:, 2] - share[:, 0]).tolist(), *share.T.tolist())
    read = list(map(Sentiment._make, zip(label, repeat("en"), *columns, *_NOT_MEASURED)))
    is_open = [its is None or language.is_left_open(its) for its in said]
    return read, np.flatnonzero(~(plainly & is_open)).tolist()


def _readable(text: str | None, *, fast: bool = False) -> str:
    """The beginning of a text with single spaces, without what no letter is."""
    begun = (text or "")[: 2 * LONGEST].replace("\x00", " ")
    if not begun.isascii():
        begun = begun.encode("utf-8", "replace").decode("utf-8")
    return begun[:LONGEST] if fast else " ".join(begun.split())[:LONGEST]


def _not_scored(told: language.Told) -> Sentiment:
    reason = told.reason or f"nothing was learned of {told.language!r} yet"
    return Sentiment(label=Label.NOT_SCORED, language=told.language, reason=reason)
