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
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from segmentation.ml.sentiment import lexical, pattern, valence, words
from segmentation.ml.sentiment.words import listed
from segmentation.ml.tables import Floats


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


class _Token(NamedTuple):
    word: str
    begin: int
    end: int


class _Clause(NamedTuple):
    first: int  # token
    last: int  # token, exclusive
    turned: bool  # after a "but"


_SENTENCE = frozenset(".!?")
_CUTS = frozenset(",;:()")
_TURNS = listed("but although though however yet whereas while shame sadly except only")
_CONTRAST = listed("but although though however yet whereas while sadly shame")


def find_all(
    texts: Sequence[str], *, overall: Floats, learned: Mapping[str, str]
) -> list[tuple[Aspect, ...]]:
    """The aspects of each text; `overall`, (n,), is its polarity; `learned` terms to names of a shop's own."""
    return [
        find(text, overall=float(its), learned=learned)
        for text, its in zip(texts, overall, strict=True)
    ]


def find(
    text: str, *, overall: float, learned: Mapping[str, str] | None = None
) -> tuple[Aspect, ...]:
    """The aspects of one text, each once: as the clauses that speak of it do on the average."""
    tokens = [
        _Token(match.group().lower().replace("’", "'"), match.start(), match.end())
        for match in words.TOKEN.finditer(text)
    ]
    terms = _terms()
    if not any(
        token.word in terms.first or token.word in (learned or {}) for token in tokens
    ) and not any(len(token.word) > 3 and terms.stems.match(token.word) for token in tokens):
        return ()
    found: dict[str, list[tuple[float, int, int]]] = {}
    for sentence in _sentences(tokens):
        clauses = _clauses(tokens, sentence)
        spoken = [_spoken(tokens, clause, learned or {}) for clause in clauses]
        if not any(spoken):
            continue
        begin, end = tokens[sentence.first].begin, tokens[sentence.last - 1].end
        whole = _opinion(
            text[begin:end], [token.word for token in tokens[sentence.first : sentence.last]]
        )
        only = sentence.first == 0 and sentence.last == len(tokens)
        contrast = any(tokens[i].word in _CONTRAST for i in range(sentence.first, sentence.last))
        for clause, its in zip(clauses, spoken, strict=True):
            if not its:
                continue
            part = slice(clause.first, clause.last)
            start, stop = tokens[clause.first].begin, tokens[clause.last - 1].end
            said = _opinion(text[start:stop], [token.word for token in tokens[part]])
            context = 0.25 * whole if contrast else 0.6 * whole + (0.5 if only else 0.2) * overall
            for name, hint in its.items():
                total = said + 0.8 * hint + context
                polarity = total / (1.0 + abs(total))
                found.setdefault(name, []).append((polarity, start, stop))
    return tuple(
        Aspect(name=name, polarity=round(_mean(those), 4), begin=those[0][1], end=those[0][2])
        for name, those in sorted(found.items())
    )


def _mean(those: list[tuple[float, int, int]]) -> float:
    """Clauses that say more count more: "it fits" beside "but it fell apart"."""
    weights = [0.2 + abs(polarity) for polarity, *_ in those]
    return sum(p * w for (p, *_), w in zip(those, weights, strict=True)) / sum(weights)


def _opinion(text: str, tokens: list[str]) -> float:
    total = words.weigh(tokens)[3]
    return 0.9 * total + 0.5 * valence.score(text).compound + 0.3 * pattern.assess(text).polarity


def _sentences(tokens: list[_Token]) -> list[_Clause]:
    result, first = [], 0
    for place, token in enumerate(tokens):
        if token.word in _SENTENCE:
            if place > first:
                result.append(_Clause(first, place + 1, False))
            first = place + 1
    if len(tokens) > first:
        result.append(_Clause(first, len(tokens), False))
    return result


def _clauses(tokens: list[_Token], sentence: _Clause) -> list[_Clause]:
    cuts = [sentence.first]
    for place in range(sentence.first + 1, sentence.last):
        word = tokens[place].word
        if word in _CUTS or (word in _TURNS and place > cuts[-1] + 1):
            cuts.append(place)
    cuts.append(sentence.last)
    clauses = []
    for first, last in pairwise(cuts):
        begin = first + (tokens[first].word in _CUTS)
        if begin < last:
            clauses.append(_Clause(begin, last, tokens[begin].word in _CONTRAST))
    return clauses


def _spoken(tokens: list[_Token], clause: _Clause, learned: Mapping[str, str]) -> dict[str, float]:
    """The aspects of a clause with what their words themselves say, turned by a negation before them."""
    terms = _terms()
    result: dict[str, float] = {}
    for place in range(clause.first, clause.last):
        word = tokens[place].word
        hits: list[_Term] = []
        best: dict[str, _Term] = {}
        for term in terms.first.get(word, ()):
            rest = tuple(token.word for token in tokens[place + 1 : place + 1 + len(term.rest)])
            if rest == term.rest and (
                term.aspect not in best or len(term.rest) > len(best[term.aspect].rest)
            ):
                best[term.aspect] = term
        hits.extend(best.values())
        if not hits and len(word) > 3 and (match := terms.stems.match(word)):
            hits.append(terms.stem_terms[match.group()])
        if word in learned:
            hits.append(_Term((), learned[word], 0.0))
        for term in hits:
            before = [token.word for token in tokens[max(clause.first, place - 3) : place]]
            turned = any(one in words.NEGATIONS or one.endswith("n't") for one in before)
            says = term.says * (-0.7 if turned else 1.0)
            if abs(says) >= abs(result.get(term.aspect, 0.0)):
                result[term.aspect] = says
    return result


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
            word, *rest = words.tokens_of(phrase)
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
