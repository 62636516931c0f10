"""Polarity and subjectivity of review texts by TextBlob's pattern lexicon; English only, and said so.

The lexicon knows English words. A text in another language would come out neutral, which reads like an
opinion; it is marked as not scored instead, with the reason.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any


LONGEST = 5_000
"""Characters read of one text; a review says what it says before that."""

NEUTRAL_BAND = 0.05

_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")

# The commonest words that are not also common in one of the other languages listed.
_STOP_WORDS = {
    "en": "the and is it this that with for was not very of to my they have are but you these",
    "de": "der und ist ich nicht das mit ein eine sehr auch auf für war aber wir sie dem den",
    "fr": "le et est les une des pas pour très je avec ce cette mais sur vous qui du",
    "es": "el y los las una es muy por con para que pero está como lo del se mi",
    "it": "il e che di non per una è molto con sono ma della questo ho gli anche",
    "nl": "het een van niet en ik is dat zeer met voor maar ook zijn deze wel heel",
    "pt": "o e não uma com muito que para é mas os por isso meu está foi mais",
}
_LANGUAGES = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}


class Label(Enum):
    """What a text says on the whole."""

    POSITIVE = "POSITIVE"  # polarity above the neutral band
    NEUTRAL = "NEUTRAL"  # within 0.05 of zero
    NEGATIVE = "NEGATIVE"  # below the neutral band
    NOT_SCORED = "NOT_SCORED"  # no text, or not English


@dataclass(frozen=True, kw_only=True)
class Sentiment:
    """polarity is -1 to 1, subjectivity 0 to 1; both None with a reason when not scored."""

    label: Label
    polarity: float | None = None
    subjectivity: float | None = None
    reason: str = ""


def score(text: str | None, *, language: str | None = None) -> Sentiment:
    """Score one text. `language` is the shop's word for it ("en", "de-AT"); without it, stop-words decide."""
    read = " ".join((text or "").split())[:LONGEST]
    if not _WORD.search(read):
        return Sentiment(label=Label.NOT_SCORED, reason="no words")
    foreign = _foreign(read, language)
    if foreign:
        return Sentiment(label=Label.NOT_SCORED, reason=foreign)
    return _score(read)


def score_all(
    texts: Sequence[str | None], *, languages: Sequence[str | None] | None = None
) -> list[Sentiment]:
    """Score texts in order; equal texts are scored once."""
    known: Sequence[str | None] = [None] * len(texts) if languages is None else languages
    return [score(text, language=language) for text, language in zip(texts, known, strict=True)]


def _foreign(text: str, language: str | None) -> str:
    """Return why a text is not taken for English, or nothing."""
    if language and language.lower()[:2] not in {"en", "un"}:  # "und": undetermined
        return f"language {language!r} is not English"
    words = [word.lower() for word in _WORD.findall(text)]
    letters = [letter for word in words for letter in word]
    if sum(1 for letter in letters if _LATIN.match(letter)) < len(letters) / 2:
        return "not written in Latin letters"
    counts = {
        language: sum(1 for word in words if word in common)
        for language, common in _LANGUAGES.items()
    }
    likeliest = max(counts, key=lambda language: (counts[language], language == "en"))
    # Two stop-words more than English has: one may be a name, a brand or a typing error.
    if counts[likeliest] >= counts["en"] + 2:
        return f"looks like {likeliest!r}, not English"
    return ""


@lru_cache(maxsize=20_000)
def _score(text: str) -> Sentiment:
    polarity, subjectivity = _analyser().analyze(text)[:2]
    if polarity > NEUTRAL_BAND:
        label = Label.POSITIVE
    elif polarity < -NEUTRAL_BAND:
        label = Label.NEGATIVE
    else:
        label = Label.NEUTRAL
    return Sentiment(label=label, polarity=float(polarity), subjectivity=float(subjectivity))


@lru_cache(maxsize=1)
def _analyser() -> Any:
    from textblob.en.sentiments import PatternAnalyzer  # slow import: seconds, and only here

    return PatternAnalyzer()
