"""VADER's scores, word for word the same numbers, several times faster.

Lexicon, boosters and negations are those of the vaderSentiment package (MIT; Hutto and Gilbert 2014),
read once. The package writes the whole text in small letters anew for every word that it looks at;
this does so once a text. Where the rules are those of `SentimentIntensityAnalyzer`, so are the names.
"""

import math
import re
import string
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple


class Valence(NamedTuple):
    """compound is -1 to 1; negative, neutral and positive are shares. Not rounded, as VADER's are."""

    compound: float
    negative: float
    neutral: float
    positive: float


class _Tables(NamedTuple):
    lexicon: dict[str, float]
    emojis: dict[str, str]
    boosters: dict[str, float]
    negations: frozenset[str]
    idioms: dict[str, float]
    any_idiom: re.Pattern[str]


_NEGATED = -0.74
_CAPITALS = 0.733
_DAMPED = (1.0, 0.95, 0.9)


def score(text: str) -> Valence:
    """What `SentimentIntensityAnalyzer().polarity_scores(text)` returns, before it rounds."""
    tables = _tables()
    if not text.isascii():
        text = _without_emojis(text, tables.emojis)
    text = text.strip()
    words = [_stripped(word) for word in text.split()]
    if not words:
        return Valence(0.0, 0.0, 0.0, 0.0)
    lower = [word.lower() for word in words]
    capitals = sum(word.isupper() for word in words) if any(map(str.isupper, words)) else 0
    loud = 0 < capitals < len(words)
    idiomatic = tables.any_idiom.search(" ".join(lower)) is not None
    sentiments: list[float] = []
    lexicon, boosters = tables.lexicon, tables.boosters
    last = len(lower) - 1
    for i, word in enumerate(lower):
        if word not in lexicon or word in boosters or (
            i < last and word == "kind" and lower[i + 1] == "of"
        ):  # fmt: skip
            sentiments.append(0)
        else:
            sentiments.append(
                _valence(i, words=words, lower=lower, loud=loud, idiomatic=idiomatic, tables=tables)
            )
    if "but" in lower:
        _but(sentiments, lower.index("but"))
    return _summed(sentiments, text)


def lexicon() -> dict[str, float]:
    """Words in small letters and emoticons, −4 to 4."""
    return _tables().lexicon


def _valence(
    i: int, *, words: list[str], lower: list[str], loud: bool, idiomatic: bool, tables: _Tables
) -> float:
    """The weight of the lexicon's word at `i`, by the three words before it."""
    lexicon = tables.lexicon
    word = lower[i]
    valence = lexicon[word]
    # "no" before another word of the lexicon turns that and weighs nothing itself
    if word == "no" and i != len(lower) - 1 and lower[i + 1] in lexicon:
        valence = 0.0
    if (
        (i > 0 and lower[i - 1] == "no")
        or (i > 1 and lower[i - 2] == "no")
        or (i > 2 and lower[i - 3] == "no" and lower[i - 1] in {"or", "nor"})
    ):
        valence = lexicon[word] * _NEGATED
    if loud and words[i].isupper():
        valence += _CAPITALS if valence > 0 else -_CAPITALS
    for back in range(min(3, i)):
        before = lower[i - back - 1]
        if before in lexicon:
            continue
        if before in tables.boosters:
            scalar = tables.boosters[before] * (-1 if valence < 0 else 1)
            if loud and words[i - back - 1].isupper():
                scalar += _CAPITALS if valence > 0 else -_CAPITALS
            valence += scalar * _DAMPED[back]
        valence = _turned(valence, lower, i, back, tables)
        if back == 2 and idiomatic:
            valence = _idiom(valence, lower, i, tables)
    return _least(valence, lower, i, lexicon)


def _turned(valence: float, lower: list[str], i: int, back: int, tables: _Tables) -> float:
    before = lower[i - back - 1]
    if back == 1:
        if before == "never" and lower[i - 1] in {"so", "this"}:
            return valence * 1.25
        if before == "without" and lower[i - 1] == "doubt":
            return valence
    if back == 2:
        if (before == "never" and lower[i - 2] in {"so", "this"}) or lower[i - 1] in {"so", "this"}:
            return valence * 1.25
        if before == "without" and "doubt" in (lower[i - 2], lower[i - 1]):
            return valence
    return valence * _NEGATED if before in tables.negations or "n't" in before else valence


def _idiom(valence: float, lower: list[str], i: int, tables: _Tables) -> float:
    three, two, one, word = lower[i - 3 : i + 1]
    idioms, boosters = tables.idioms, tables.boosters
    before = (f"{three} {two} {one}", f"{three} {two}", f"{two} {one}")
    for phrase in (f"{one} {word}", f"{two} {one} {word}", before[2], before[0], before[1]):
        if phrase in idioms:
            valence = idioms[phrase]
            break
    valence = idioms.get(" ".join(lower[i : i + 2]), valence)
    valence = idioms.get(" ".join(lower[i : i + 3]), valence)
    return valence + sum(boosters.get(phrase, 0.0) for phrase in before)


def _least(valence: float, lower: list[str], i: int, lexicon: dict[str, float]) -> float:
    if i > 0 and lower[i - 1] == "least" and "least" not in lexicon:
        if i > 1 and lower[i - 2] in {"at", "very"}:
            return valence
        return valence * _NEGATED
    return valence


def _but(sentiments: list[float], place: int) -> None:
    """What is said after "but" weighs more; like VADER, by the first place of an equal weight."""
    for sentiment in sentiments:
        first = sentiments.index(sentiment)
        if first < place:
            sentiments[first] = sentiment * 0.5
        elif first > place:
            sentiments[first] = sentiment * 1.5


def _summed(sentiments: list[float], text: str) -> Valence:
    total = float(sum(sentiments))
    asked = text.count("?")
    emphasis = min(text.count("!"), 4) * 0.292
    if asked > 1:
        emphasis += asked * 0.18 if asked <= 3 else 0.96
    total += math.copysign(emphasis, total) if total else 0.0
    positive = sum(one + 1 for one in sentiments if one > 0)
    negative = sum(one - 1 for one in sentiments if one < 0)
    neutral = sum(1 for one in sentiments if one == 0)
    if positive > -negative:
        positive += emphasis
    elif positive < -negative:
        negative -= emphasis
    weight = positive - negative + neutral
    compound = max(-1.0, min(1.0, total / math.sqrt(total * total + 15)))
    return Valence(compound, abs(negative / weight), neutral / weight, abs(positive / weight))


def _stripped(token: str) -> str:
    """Without punctuation round it, unless it is so short that it is likely an emoticon."""
    bare = token.strip(string.punctuation)
    return token if len(bare) <= 2 else bare


def _without_emojis(text: str, emojis: dict[str, str]) -> str:
    parts: list[str] = []
    after_space = True
    for letter in text:
        name = emojis.get(letter)
        if name is None:
            parts.append(letter)
            after_space = letter == " "
        else:
            parts.append(name if after_space else f" {name}")
            after_space = False
    return "".join(parts)


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    package = import_module("vaderSentiment.vaderSentiment")  # slow: only where it is used

    analyser: Any = package.SentimentIntensityAnalyzer()
    phrases = [*package.SPECIAL_CASES, *(word for word in package.BOOSTER_DICT if " " in word)]
    return _Tables(
        lexicon=analyser.lexicon,
        emojis=analyser.emojis,
        boosters=package.BOOSTER_DICT,
        negations=frozenset(package.NEGATE),
        idioms=package.SPECIAL_CASES,
        any_idiom=re.compile("|".join(map(re.escape, phrases))),
    )
