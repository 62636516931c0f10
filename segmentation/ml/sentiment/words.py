"""Coterie's own word list: what words and phrases of shops, parcels, meals and machines say.

`wordlist.txt` beside this file was written for the project; it adds to VADER and TextBlob what those do
not know ("stopped working", "will be back", "true to size"). A word counts by the clause it is in: turned
by a negation within three words before it, weighed by how strongly it is said, nearly nothing where it is
only wished for, less before a "but" and more after it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """A phrase of the list: its tokens from `begin` to `end`, and what it weighs there."""

    begin: int
    end: int
    weight: float


class _List(NamedTuple):
    # first word: the rest of the phrase and its weight, the longest first
    phrases: dict[str, list[tuple[tuple[str, ...], float]]]
    stems: re.Pattern[str]
    stem_weights: dict[str, float]


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[.!?;,:()]|\d+/\d+")
STOPS = frozenset(".!?;:")
_BREAKS = frozenset(".!?;:,()")
NEGATIONS = listed(
    "not no never none nobody nothing neither nor cannot without hardly barely scarcely lack lacks lacked "
    "aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt wasnt werent wont wouldnt shouldnt"
)
_STRONG = listed(
    "very really so extremely absolutely super incredibly totally completely utterly truly such most highly "
    "especially definitely always ever simply beyond seriously"
)
_WEAK = listed("little bit slightly somewhat kinda fairly rather almost nearly mostly")
_WISHED = listed(
    "if wish wished hope hoped hoping expected expecting supposed wanted should could would might may must "
    "thought looked seemed promised advertised"
)
_TURNS = frozenset(("but", "however", "yet"))
_CONCEDES = frozenset(("although", "though", "despite", "while", "whilst"))
_TURNING = _TURNS | _CONCEDES


def tokens_of(text: str) -> list[str]:
    """Words in small letters and marks of punctuation."""
    return TOKEN.findall(text.lower().replace("’", "'"))


class _Starts(dict[str, list[tuple[tuple[str, ...], float]]]):
    """What may begin at a word; looked up in the stems once a word, and kept."""

    def __missing__(self, token: str) -> list[tuple[tuple[str, ...], float]]:
        listed = _list()
        starts = list(listed.phrases.get(token, ()))
        if len(token) > 3 and (match := listed.stems.match(token)):
            starts.append(((), listed.stem_weights[match.group()]))
        if len(self) > _KEPT:
            self.clear()
        self[token] = starts
        return starts


_KEPT = 100_000
_STARTS = _Starts()


def found(tokens: Sequence[str]) -> list[Found]:
    """Phrases of the list, the longest at each place, with what surrounds them taken into account."""
    result: list[Found] = []
    free = 0
    for place, starts in enumerate(map(_STARTS.__getitem__, tokens)):
        if not starts or place < free:
            continue
        following = tokens[place + 1] if place + 1 < len(tokens) else ""
        for rest, weight in starts:
            if rest and rest[0] != following:  # of nearly all phrases
                continue
            free = place + 1 + len(rest)
            if not rest or tuple(tokens[place + 1 : free]) == rest:
                result.append(Found(place, free, _in_place(tokens, place, free, weight)))
                break
        else:
            free = place + 1
    return result


def weigh(
    tokens: Sequence[str], hits: Sequence[Found], *, begin: int = 0, end: int | None = None
) -> tuple[float, float, float, float]:
    """
    Of the `hits` that `found` gave, between two tokens: the good, the bad, the last, and all of it with turns.

    Each is bounded by −1 and 1. All of it: what is said before a "but" weighs less, after it more.
    """
    until = len(tokens) if end is None else end
    inside = [one for one in hits if begin <= one.begin < until]
    if not inside:
        return 0.0, 0.0, 0.0, 0.0
    good = sum(one.weight for one in inside if one.weight > 0)
    bad = sum(one.weight for one in inside if one.weight < 0)
    total = good + bad
    part = tokens[begin:until]
    if not _TURNING.isdisjoint(part):
        turn = max((i for i, token in enumerate(part, begin) if token in _TURNS), default=-1)
        if turn >= 0:
            total = sum(one.weight * (0.6 if one.begin < turn else 1.3) for one in inside)
        total -= 0.5 * sum(one.weight for one in inside if _conceded(tokens, one.begin))
    return _bounded(good), _bounded(bad), _bounded(inside[-1].weight), _bounded(total)


def single_words() -> dict[str, float]:
    """The words that are listed by themselves, with their weights."""
    return {
        first: weight
        for first, known in _list().phrases.items()
        for rest, weight in known
        if not rest
    }


def vocabulary() -> frozenset[str]:
    """Every word of the list, and those that rules look for."""
    listed = {
        word
        for first, known in _list().phrases.items()
        for rest, _ in known
        for word in (first, *rest)
    }
    return frozenset(listed | NEGATIONS | _STRONG | _WEAK | _WISHED | _TURNS | _CONCEDES)


def _in_place(  # noqa: C901 one loop over four words
    tokens: Sequence[str], begin: int, end: int, weight: float
) -> float:
    """The weight by the words before it in the same clause, and the marks after it."""
    turned = wished = False
    for back in range(1, 5):
        place = begin - back
        if place < 0 or tokens[place] in _BREAKS:
            break
        before = tokens[place]
        if back <= 3 and (before in NEGATIONS or before.endswith("n't")):
            turned = not turned
        elif back <= 2 and before in _STRONG:
            weight *= 1.3
        elif back <= 2 and before in _WEAK:
            weight *= 0.6
        elif before in _WISHED:
            wished = True
        if before in _TURNS:
            break
    if turned:
        weight *= -0.7 if weight > 0 else -0.5
    elif wished and weight > 0 and end - begin == 1:
        weight *= 0.2
    if end < len(tokens) and tokens[end] == "!":
        weight *= 1.2
    return weight


def _conceded(tokens: Sequence[str], begin: int) -> bool:
    """Whether a clause that began with "although" goes on to this place."""
    for place in range(begin - 1, max(-1, begin - 8), -1):
        if tokens[place] in _BREAKS:
            return False
        if tokens[place] in _CONCEDES:
            return True
    return False


def _bounded(total: float) -> float:
    return total / sqrt(total * total + 9.0)


@lru_cache(maxsize=1)
def _list() -> _List:
    phrases: dict[str, list[tuple[tuple[str, ...], float]]] = {}
    stems: dict[str, float] = {}
    for line in Path(__file__).with_name("wordlist.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        weight, _, words = line.partition(":")
        for phrase in words.split(","):
            if phrase.strip().endswith("*"):
                stems.setdefault(phrase.strip()[:-1], float(weight))
                continue
            first, *rest = tokens_of(phrase)
            known = phrases.setdefault(first, [])
            if tuple(rest) not in [one for one, _ in known]:
                known.append((tuple(rest), float(weight)))
    for known in phrases.values():
        known.sort(key=lambda one: -len(one[0]))
    return _List(phrases, re.compile("|".join(sorted(stems, key=len, reverse=True))), stems)
