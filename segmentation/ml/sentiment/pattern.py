"""TextBlob's PatternAnalyzer, word for word the same numbers, several times faster.

The lexicon and the tokeniser's tables are TextBlob's own, read once. TextBlob asks a lazily loaded
dictionary twice a word, compiles a named tuple a text and keeps what it found for explanations that
nobody reads here; this walks the same words with plain local variables. Where the rules are those of
`textblob._text.find_tokens` and `Sentiment.assessments`, so are the comments.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple


class Assessment(NamedTuple):
    """polarity is -1 to 1, subjectivity 0 to 1; words: how many assessments were averaged."""

    polarity: float
    subjectivity: float
    words: int


class _Tables(NamedTuple):
    # word: polarity, subjectivity, intensity, may it modify the next word
    words: dict[str, tuple[float, float, float, bool]]
    emoticons: dict[str, float]
    joined: re.Pattern[str]
    abbreviations: frozenset[str]
    abbreviation: re.Pattern[str]


NEGATIONS = frozenset(("no", "not", "n't", "never"))
_PUNCTUATION = ".,;:!?()[]{}`''\"@#$^&*+-|=~_"
_MARKS = tuple(_PUNCTUATION.replace(".", ""))
_ENDS = (*_MARKS, ".")
_EDGES = frozenset(_PUNCTUATION)
_CONTRACTED = re.compile(r"'(?:d|m|s|ll|re|ve)|n't")
_QUOTES = str.maketrans({mark: f" {mark} " for mark in "“”‘’'\""})
_SARCASM = re.compile(r"\( ?\! ?\)")
_KEPT = frozenset(("'d", "'m", "'s", "'ll", "'re", "'ve", "n't"))
# what an emoticon cannot be written without; without one of them the slow search is left out
_MAY_BE_EMOTICON = re.compile(r"[:;=<>♥8*()°\]]|[xX] ?-? ?D|o ?[._] ?O")


def assess(text: str) -> Assessment:  # noqa: C901, PLR0912 one loop with its variables: calls would cost what is saved
    """What `PatternAnalyzer().analyze(text)` returns, and of how many assessments."""
    tables = _tables()
    known, emoticons = tables.words, tables.emoticons
    polarities: list[float] = []
    subjectivities: list[float] = []
    intensities: list[float] = []
    negated: list[bool] = []
    modifier = ""  # the known word before, where it is an adverb
    negation = False
    for word in _tokens(text, tables):
        entry = known.get(word)
        if entry is not None:
            polarity, subjectivity, intensity, modifies = entry
            if modifier:  # "really good"
                strength = intensities[-1]
                polarities[-1] = max(-1.0, min(polarity * strength, 1.0))
                subjectivities[-1] = max(-1.0, min(subjectivity * strength, 1.0))
                intensities[-1] = intensity
            else:
                polarities.append(polarity)
                subjectivities.append(subjectivity)
                intensities.append(intensity)
                negated.append(False)
            if negation:  # "not really good"
                intensities[-1] = 1.0 / intensities[-1]
                negated[-1] = True
            modifier = word if modifies else ""
            negation = word in NEGATIONS
            continue
        if word in NEGATIONS:
            negation = True
        elif negation and len(word.strip("'")) > 1:  # kept across small words: "not a good"
            negation = False
        if negation and modifier.endswith("ly"):  # "really not good"
            negated[-1] = True
            negation = False
        elif modifier and len(word) > 2:  # kept across small words: "really is a good"
            modifier = ""
        if not word.isalpha() and len(word) <= 5:
            if word == "!" and polarities:
                polarities[-1] = max(-1.0, min(polarities[-1] * 1.25, 1.0))
            elif word == "(!)":
                _add(polarities, subjectivities, intensities, negated, polarity=0.0)
            if word in emoticons and word not in _PUNCTUATION:
                _add(polarities, subjectivities, intensities, negated, polarity=emoticons[word])
    count = len(polarities)
    if not count:
        return Assessment(0.0, 0.0, 0)
    total = sum(p * -0.5 if n else p for p, n in zip(polarities, negated, strict=True))
    return Assessment(total / count, sum(subjectivities) / count, count)


def lexicon() -> frozenset[str]:
    """The words that TextBlob knows."""
    return frozenset(_tables().words)


def _add(
    polarities: list[float],
    subjectivities: list[float],
    intensities: list[float],
    negated: list[bool],
    *,
    polarity: float,
) -> None:
    polarities.append(polarity)
    subjectivities.append(1.0)
    intensities.append(1.0)
    negated.append(False)


def _tokens(text: str, tables: _Tables) -> list[str]:
    if "'" in text or '"' in text or not text.isascii():
        text = _CONTRACTED.sub(r" \g<0>", text).translate(_QUOTES)
    tokens: list[str] = []
    for token in text.split():
        if token[0] in _EDGES or token[-1] in _EDGES:
            _split(token, tokens, tables)
        else:
            tokens.append(token)
    joined = " ".join(tokens)
    if "!" in joined and "(" in joined:
        joined = _SARCASM.sub("(!)", joined)
    if _MAY_BE_EMOTICON.search(joined):
        joined = tables.joined.sub(lambda m: m.group(1).replace(" ", "") + m.group(2), joined)
    return joined.lower().split()


def _split(token: str, tokens: list[str], tables: _Tables) -> None:
    """Punctuation before and after a word becomes tokens of its own; an abbreviation keeps its period."""
    while token.startswith(_MARKS) and token not in _KEPT:
        tokens.append(token[0])
        token = token[1:]
    tail: list[str] = []
    while token.endswith(_ENDS) and token not in _KEPT:
        if token.endswith(_MARKS):
            tail.append(token[-1])
            token = token[:-1]
        if token.endswith("..."):
            tail.append("...")
            token = token[:-3].rstrip(".")
        if token.endswith("."):
            if token in tables.abbreviations or tables.abbreviation.match(token):
                break
            tail.append(token[-1])
            token = token[:-1]
    if token:
        tokens.append(token)
    tokens.extend(reversed(tail))


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    from textblob import _text
    from textblob.en import sentiment  # slow import: seconds, and only here

    sentiment.load()
    lexicon: dict[str, dict[str | None, Any]] = {
        word: sentiment[word] for word in dict.keys(sentiment)
    }
    emoticons: dict[str, float] = {}
    for (_, polarity), signs in _text.EMOTICONS.items():
        for sign in signs:
            emoticons.setdefault(sign.lower(), polarity)
    patterns = (_text.RE_ABBR1.pattern, _text.RE_ABBR2.pattern, _text.RE_ABBR3.pattern)
    return _Tables(
        words={
            word: (*(float(number) for number in senses[None]), "RB" in senses)  # type: ignore[misc]
            for word, senses in lexicon.items()
        },
        emoticons=emoticons,
        joined=_text.RE_EMOTICONS,
        abbreviations=frozenset(_text.ABBREVIATIONS),
        abbreviation=re.compile("|".join(patterns)),
    )
