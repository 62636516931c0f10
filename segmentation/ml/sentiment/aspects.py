"""Of what a text speaks, and how: delivery, price, quality, size and fit, service, and what a shop's texts add.

A text is cut into sentences, and those into clauses at commas and turns ("but", "although"). A clause speaks
of an aspect when one of its words is in `aspectlist.txt`, or was learned. How it speaks is read from the
clause by the lexicons, with the rest of its sentence and the whole text as context: clauses alone are too
short to be read well.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, repeat
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from segmentation.ml.sentiment import lexical, words
from segmentation.ml.sentiment.words import Found, listed


KNOWN = ("delivery", "price", "quality", "size and fit", "service")
NEUTRAL_BAND = 0.12
MOST_LEARNED = 8


@dataclass(frozen=True, kw_only=True)
class Aspect:
    """name; polarity, −1 to 1; begin and end: the clause, in characters of the text with single spaces."""

    name: str
    polarity: float
    begin: int
    end: int


class _Term(NamedTuple):
    rest: tuple[str, ...]
    aspect: str
    says: float


_SENTENCE = frozenset(".!?")
_CUTS = frozenset(",;:()")
_TURNS = listed("but although though however yet whereas while shame sadly except only")
_CONTRAST = listed("but although though however yet whereas while sadly shame")


def find(
    text: str,
    tokens: Sequence[str],
    hits: Sequence[Found],
    *,
    overall: float,
    learned: Mapping[str, str],
) -> tuple[Aspect, ...]:
    """
    The aspects of one text, each once: as the clauses that speak of it do on the average.

    tokens and hits are those of `words` for this text, `overall` its polarity, `learned` terms to names.
    """
    spoken = _spoken(tokens, learned)
    if not spoken:
        return ()
    places = [match.span() for match in words.TOKEN.finditer(text)]
    if len(places) != len(tokens):  # small letters of some scripts are longer than the large ones
        places = [(0, len(text))] * len(tokens)
    valences = _Valences(tokens, hits)
    found: dict[str, list[tuple[float, int, int]]] = {}
    for sentence in _sentences(tokens):
        inside = {place: its for place, its in spoken.items() if sentence[0] <= place < sentence[1]}
        if not inside:
            continue
        whole = valences.of(*sentence)
        only = sentence == (0, len(tokens))
        contrast = not _CONTRAST.isdisjoint(tokens[sentence[0] : sentence[1]])
        context = 0.25 * whole if contrast else 0.6 * whole + (0.5 if only else 0.2) * overall
        for first, last in _clauses(tokens, *sentence):
            its = _strongest(inside, first, last)
            said = valences.of(first, last) if its else 0.0
            for name, hint in its.items():
                total = said + 0.8 * hint + context
                polarity = total / (1.0 + abs(total))
                found.setdefault(name, []).append((polarity, places[first][0], places[last - 1][1]))
    return tuple(
        Aspect(name=name, polarity=round(_mean(those), 4), begin=those[0][1], end=those[0][2])
        for name, those in sorted(found.items())
    )


def _strongest(spoken: Mapping[int, dict[str, float]], first: int, last: int) -> dict[str, float]:
    result: dict[str, float] = {}
    for place in range(first, last):
        for name, says in spoken.get(place, {}).items():
            if abs(says) >= abs(result.get(name, 0.0)):
                result[name] = says
    return result


def _mean(those: list[tuple[float, int, int]]) -> float:
    """Clauses that say more count more: "it fits" beside "but it fell apart"."""
    weights = [0.2 + abs(polarity) for polarity, *_ in those]
    return sum(p * w for (p, *_), w in zip(those, weights, strict=True)) / sum(weights)


class _Valences:
    """What the own list and, where that is silent, VADER's lexicon say between two tokens."""

    def __init__(self, tokens: Sequence[str], hits: Sequence[Found]) -> None:
        self._tokens, self._hits = tokens, hits
        covered = {place for one in hits for place in range(one.begin, one.end)}
        weights = map(lexical.valences().get, tokens, repeat(0.0))
        self._others = [
            (place, weight)
            for place, weight in enumerate(weights)
            if weight and place not in covered
        ]

    def of(self, begin: int, end: int) -> float:
        total: float = 0.9 * words.weigh(self._tokens, self._hits, begin=begin, end=end)[3]
        other = 0.0
        for place, weight in self._others:
            if begin <= place < end:
                before = self._tokens[max(begin, place - 3) : place]
                other += weight * (-0.6 if _negated(before) else 1.0)
        return total + 0.5 * other / sqrt(other * other + 9.0)


def _negated(before: Sequence[str]) -> bool:
    return any(one in words.NEGATIONS or one.endswith("n't") for one in before)


def _sentences(tokens: Sequence[str]) -> list[tuple[int, int]]:
    result, first = [], 0
    for place, token in enumerate(tokens):
        if token in _SENTENCE:
            if place > first:
                result.append((first, place + 1))
            first = place + 1
    if len(tokens) > first:
        result.append((first, len(tokens)))
    return result


def _clauses(tokens: Sequence[str], begin: int, end: int) -> list[tuple[int, int]]:
    cuts = [begin]
    for place in range(begin + 1, end):
        if tokens[place] in _CUTS or (tokens[place] in _TURNS and place > cuts[-1] + 1):
            cuts.append(place)
    cuts.append(end)
    starts = [(first + (tokens[first] in _CUTS), last) for first, last in pairwise(cuts)]
    return [(first, last) for first, last in starts if first < last]


class _Starts(dict[str, tuple[_Term, ...]]):
    """Which terms may begin at a word; looked up in the stems once a word, and kept."""

    def __missing__(self, word: str) -> tuple[_Term, ...]:
        terms = _terms()
        starts = tuple(terms.first.get(word, ()))
        if len(word) > 3 and (match := terms.stems.match(word)):
            starts = (*starts, terms.stem_terms[match.group()])
        if len(self) > _KEPT:
            self.clear()
        self[word] = starts
        return starts


_NONE = "none"
"""In `aspectlist.txt`: a phrase whose words mean something else, as in "it fits the bill"."""
_NUMBERS = listed(
    "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty hundred"
)
_KEPT = 100_000
_STARTS = _Starts()


def _spoken(tokens: Sequence[str], learned: Mapping[str, str]) -> dict[int, dict[str, float]]:
    """At which tokens an aspect is spoken of, and what the words themselves say of it, negations included."""
    result: dict[int, dict[str, float]] = {}
    elsewhere: set[int] = set()
    for place, terms in enumerate(map(_STARTS.__getitem__, tokens)):
        if not terms and tokens[place] not in learned:
            continue
        best: dict[str, _Term] = {}
        following = tokens[place + 1] if place + 1 < len(tokens) else ""
        for term in terms:  # the longest phrase an aspect
            rest = term.rest
            if rest and rest[0] != following and rest[0] != "#":  # of nearly all phrases
                continue
            size = len(rest)
            if size and not _matches(rest, tokens[place + 1 : place + 1 + size]):
                continue
            if term.aspect == _NONE:
                elsewhere.update(range(place, place + size + 1))
                continue
            if term.aspect not in best or size > len(best[term.aspect].rest):
                best[term.aspect] = term
        if tokens[place] in learned:
            name = learned[tokens[place]]
            best[name] = _Term((), name, 0.0)
        if best:
            turned = any(one.says for one in best.values()) and _negated(_before(tokens, place))
            result[place] = {
                name: term.says * (-0.7 if turned else 1.0) for name, term in best.items()
            }
    return {place: its for place, its in result.items() if place not in elsewhere}


def _matches(rest: tuple[str, ...], tokens: Sequence[str]) -> bool:
    return tuple(tokens) == rest or (
        "#" in rest
        and len(tokens) == len(rest)
        and all(
            said == one or (one == "#" and (said.isdecimal() or said in _NUMBERS))
            for one, said in zip(rest, tokens, strict=True)
        )
    )


def _before(tokens: Sequence[str], place: int) -> Sequence[str]:
    """The three words before, of the same clause."""
    begin = max(0, place - 3)
    for other in range(place - 1, begin - 1, -1):
        if tokens[other] in _CUTS or tokens[other] in _SENTENCE or tokens[other] in _CONTRAST:
            return tokens[other + 1 : place]
    return tokens[begin:place]


class _Terms(NamedTuple):
    first: dict[str, list[_Term]]
    stems: re.Pattern[str]
    stem_terms: dict[str, _Term]


@lru_cache(maxsize=1)
def _terms() -> _Terms:
    first: dict[str, list[_Term]] = {}
    stems: dict[str, _Term] = {}
    for line in Path(__file__).with_name("aspectlist.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        aspect, _, listed = line.partition(":")
        for one in listed.split(","):
            phrase, _, says = one.strip().partition(" (")
            weight = float(says.rstrip(")")) if says else 0.0
            if phrase.endswith("*"):
                stems.setdefault(phrase[:-1], _Term((), aspect, weight))
                continue
            word, *rest = words.tokens_of(phrase) if "#" not in phrase else phrase.split()
            first.setdefault(word, []).append(_Term(tuple(rest), aspect, weight))
    return _Terms(first, re.compile("|".join(sorted(stems, key=len, reverse=True))), stems)


# ---------------------------------------------------------------- what a shop's texts add
_BEFORE_NOUNS = listed("the my this its their our his her a an your these")
_GENERAL = listed(
    "thing things time times day days week weeks month months year years lot bit way product products item items "
    "one ones order orders people person store shop company purchase review reviews star stars part end point "
    "reason problem problems issue issues first second last same other next only i it they we you most right "
    "photo photos picture pictures back top front side much little whole rest fact idea person kind sort something "
    "anything everything nothing everyone myself morning night husband wife mother daughter son friend friends "
    "black white red blue green grey gray pink brown yellow purple orange navy design style "
    "gift present birthday christmas home house world life fan very really not"
)


def learn(texts: Sequence[str], *, least: int = 200) -> dict[str, str]:
    """
    Nouns that a shop's texts speak of often and that no aspect covers: term to name.

    A word counts as a noun when an article or "my" stands before it often. Of fewer than `least` texts
    nothing is learned.
    """
    if len(texts) < least:
        return {}
    terms, lexicon = _terms(), lexical.valences()
    documents: Counter[str] = Counter()
    occurrences: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for text in texts:
        tokens = words.tokens_of(text)
        documents.update(set(tokens))
        occurrences.update(tokens)
        after.update(token for before, token in pairwise(tokens) if before in _BEFORE_NOUNS)
    chosen: dict[str, str] = {}
    for token, count in sorted(documents.items(), key=lambda one: (-one[1], one[0])):
        if count < max(25, 0.02 * len(texts)) or len(chosen) >= MOST_LEARNED:
            break
        known = token in terms.first or terms.stems.match(token) or token in lexicon
        if known or token in _GENERAL or len(token) < 4 or not token.isalpha():
            continue
        if after[token] >= 0.35 * occurrences[token]:
            single = token[:-1] if token.endswith("s") and not token.endswith("ss") else token
            name = single if documents[single] >= 0.1 * count else token
            chosen[token] = name
            if name != token:
                chosen[name] = name
    return chosen
