"""
Whether a text may tell of health, religion, sexual life, origin, politics or a union, by lists of words.

Lists and nothing else: what is found can be looked up in them, is the same every time, and is learned from
nobody. "No allergy" tells of health like "an allergy" does, so a "not" changes nothing. Whose health it is cannot
be seen; "may tell" is all that is said.

A list has sections, [HEALTH] and so on, and a term a line: words that follow each other. `*` at the end of a word
stands for any ending, at its beginning for any beginning (German compounds), `?` for one word, `...` for up to five. What
matches a term under [HARMLESS] is taken out of the text first: "look pregnant". Case and accents count for nothing,
but the dots of ä, ö and ü: who has no such key writes "uebel" or "ubel", so a term with dots is found in all three
spellings; and a word with dots is not the one without ("schwül").
All lists are looked through for every text: what a source says of its language is too often wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path


VERSION = 3
"""Raised whenever a list or the way of reading changes: every text is searched again then."""

MOST = 25_000
"""Characters that are searched; what is longer is withheld unread."""

_LANGUAGES = ("en", "de", "es")
_GAP = 5
_SHORTEST = 4
"""Letters that a term with a `*` needs at least, and one less in its later words: fewer would stand for half the
language."""


class Special(StrEnum):
    """What a text may tell of; Article 9(1) of the GDPR."""

    HEALTH = "HEALTH"
    RELIGION = "RELIGION"
    SEXUAL_LIFE = "SEXUAL_LIFE"
    ORIGIN = "ORIGIN"
    POLITICS = "POLITICS"
    UNION = "UNION"
    UNREAD = "UNREAD"  # too long to be searched


LABELS = {
    Special.HEALTH: "Health",
    Special.RELIGION: "Religion or belief",
    Special.SEXUAL_LIFE: "Sexual life or orientation",
    Special.ORIGIN: "Ethnic origin",
    Special.POLITICS: "Political opinion",
    Special.UNION: "Membership of a trade union",
    Special.UNREAD: "Too long to be searched",
}
NOT_SHOWN = "Not shown: the text may tell of health or the like."
_HARMLESS = "HARMLESS"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A term of a list and the places of the words that it names; what stands in its gap is none of them."""

    category: str
    places: tuple[int, ...]


@dataclass(kw_only=True)
class _Index:
    """Terms by the word with which they begin: whole, by its first letters, or by its last."""

    whole: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=dict)
    begins: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=dict)
    ends: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=dict)

    def add(self, category: str, words: tuple[str, ...]) -> None:
        first = words[0]
        if first.startswith("*"):
            self.ends.setdefault(first[-_SHORTEST:], []).append((category, words))
        elif first.endswith("*"):
            self.begins.setdefault(first[:_SHORTEST], []).append((category, words))
        else:
            self.whole.setdefault(first, []).append((category, words))

    def match(self, text: list[str]) -> Iterator[Found]:
        """Every term in the text, at every place."""
        for at, word in enumerate(text):
            if not word:
                continue
            for terms in (
                self.whole.get(word),
                self.begins.get(word[:_SHORTEST]),
                self.ends.get(word[-_SHORTEST:]),
            ):
                for category, words in terms or ():
                    places = _places(words, text, at)
                    if places:
                        yield Found(category=category, places=places)


def categories(text: str) -> frozenset[Special]:
    """What `text` may tell of; empty where the lists find nothing."""
    if len(text) > MOST:
        return frozenset({Special.UNREAD})
    harmless, special = _lists()
    words = words_of(text)
    if next(special.match(words), None) is None:
        return frozenset()  # nearly every text: what is harmless need not be looked for
    for at in {at for one in harmless.match(words) for at in one.places}:
        words[at] = ""
    return frozenset(Special(one.category) for one in special.match(words))


def is_special(*texts: str) -> bool:
    """Whether one of `texts` may tell of anything of the kind."""
    return any(categories(text) for text in texts if text)


def words_of(text: str) -> list[str]:
    """
    In lower case and without accents or what is not seen; an apostrophe belongs to its word, and is gone.

    The German ä, ö and ü are letters of their own.
    """
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain.replace("’", "'"))
        plain = _ODD.sub(lambda found: _bare(found[0]), plain)
    return _WORD.findall(plain.replace("'", ""))


_WORD = re.compile(r"[^\W_]+")
_ODD = re.compile(r"[^\x00-\x7fäöü]+")


def _bare(letters: str) -> str:
    """Without accents, and without what is not seen: soft hyphens, spaces without a width."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", letters)
        if not unicodedata.combining(letter) and unicodedata.category(letter) != "Cf"
    )  # fmt: skip


def _places(words: tuple[str, ...], text: list[str], at: int) -> tuple[int, ...]:
    """Where the words of a term are that begins at `at`; none where it does not."""
    found: list[int] = []
    position = at
    gap = 0
    for wanted in words:
        if wanted == "...":
            gap = _GAP
            continue
        reach = text[position : position + gap + 1]
        step = next((n for n, word in enumerate(reach) if _is(word, wanted)), None)
        if step is None:
            return ()
        position, gap = position + step + 1, 0
        if wanted != "?":
            found.append(position - 1)
    return tuple(found)


def _is(word: str, wanted: str) -> bool:
    if wanted == "?":
        return bool(word)
    if wanted.startswith("*"):
        return word.endswith(wanted[1:])
    if wanted.endswith("*"):
        return word.startswith(wanted[:-1])
    return word == wanted


@cache
def _lists() -> tuple[_Index, _Index]:
    """Harmless terms, and the others, of all languages."""
    harmless, special = _Index(), _Index()
    for language in _LANGUAGES:
        for category, words in terms(
            (Path(__file__).parent / f"{language}.txt").read_text("utf-8")
        ):
            (harmless if category == _HARMLESS else special).add(category, words)
    return harmless, special


def terms(text: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    """
    The terms of a list with their section, in the words that are compared; in each spelling that they have.

    Raises ValueError for an unknown section, a term outside of one, or one that would match too much.
    """
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        term = line.partition("#")[0].strip()
        if not term:
            continue
        if term.startswith("["):
            section = term.strip("[]")
            if section != _HARMLESS and section not in Special.__members__:
                raise ValueError(f"line {number}: no section {section}")
            continue
        words = tuple(_term_word(word) for word in term.split())
        short = [
            word for at, word in enumerate(words)
            if "*" in word and len(word) <= (_SHORTEST if at == 0 else _SHORTEST - 1)
        ]  # fmt: skip
        if not section or {words[0], words[-1]} & {"...", "?"}:
            raise ValueError(f"line {number}: {term}")
        if short:
            raise ValueError(f"line {number}: {term} stands for too many words")
        for spelling in dict.fromkeys(_spellings(words)):
            yield section, spelling


_SPELLINGS: tuple[dict[int, str], ...] = tuple(
    str.maketrans(dict(zip("äöü", dotless, strict=True)))
    for dotless in ("äöü", ("ae", "oe", "ue"), "aou")
)


def _spellings(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """With ä, ö and ü, and as they are written where there is no key for them."""
    for spelling in _SPELLINGS:
        yield tuple(word.translate(spelling) for word in words)


def _term_word(word: str) -> str:
    if word in ("...", "?"):
        return word
    plain = "".join(words_of(word.strip("*")))
    return f"{'*' if word.startswith('*') else ''}{plain}{'*' if word.endswith('*') else ''}"
