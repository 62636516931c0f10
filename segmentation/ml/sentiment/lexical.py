"""What the three lexicons say of a text, as numbers: VADER, TextBlob, and the project's own word list."""

from collections.abc import Sequence
from functools import lru_cache

from segmentation.ml.sentiment import pattern, valence, words
from segmentation.ml.sentiment.words import STOPS, Found


NAMES = (
    "vader_compound", "vader_positive", "vader_negative",
    "textblob_polarity", "textblob_subjectivity",
    "own_good", "own_bad", "own_last", "own_total",
    "first_good", "first_bad", "first_total",
)  # fmt: skip
VADER, TEXTBLOB, SUBJECTIVITY = 0, 3, 4
"""Places in NAMES of what is shown beside the result."""


def measure(text: str, tokens: Sequence[str], hits: Sequence[Found]) -> tuple[float, ...]:
    """The numbers of NAMES, each within −1 and 1; tokens and hits are those of `words` for this text."""
    vader = valence.score(text)
    blob = pattern.assess(text)
    good, bad, last, total = words.weigh(tokens, hits)
    end = next((place for place, token in enumerate(tokens) if token in STOPS), len(tokens))
    # the title, where there is one; else the first sentence
    first = (good, bad, last, total)
    if end < len(tokens) - 1:
        first = words.weigh(tokens, hits, end=end)
    return (
        vader.compound, vader.positive, vader.negative, blob.polarity, blob.subjectivity,
        good, bad, last, total, first[0], first[1], first[3],
    )  # fmt: skip


def is_english(word: str) -> bool:
    """Whether a word in small letters is in one of the lexicons."""
    return word in _vocabulary()


@lru_cache(maxsize=1)
def valences() -> dict[str, float]:
    """Words in small letters with what VADER or the own list says of them, for the fast path."""
    known = {word: weight for word, weight in valence.lexicon().items() if word.isalpha()}
    return known | words.single_words()


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    return frozenset((*valence.lexicon(), *pattern.lexicon(), *words.vocabulary()))
