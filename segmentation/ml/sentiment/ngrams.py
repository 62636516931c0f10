"""Words and pairs of words, weighed by a linear model: learned with scikit-learn, read by whole columns.

A text is its words, its neighbouring pairs, and those of its first sentence (which is the title, where there
is one) once more. Each is weighed by how rare it is; the weights of one text have about length one. Three
questions are answered at once, each by a logistic regression: is it negative, is it positive, and is it
positive rather than negative. A fourth number is the lexicons' sum over its words, whatever is around them.

Every term is one whole number: a word is its place among the V known words, the pair of a and b is
V + a V + b, and what stands in the first sentence lies V + V² higher. So a batch of texts is read by a few
operations of Arrow and NumPy, and no word is ever a Python object.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.ml.sentiment import language
from segmentation.ml.tables import Bools, Floats, Ints


QUESTIONS = 3
RAREST = 3  # texts that a term must be in
_TITLE = 120  # characters; none is longer
_AFTER = r"(?s)[.!?;:\n].*"
# byte by byte: a regular expression costs ten times as much; few texts have the other marks
_MARKS = bytes(range(9)) + b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'
_BLANKED = bytes(0x20 if byte in _MARKS else byte for byte in range(256))
_OTHER_MARKS = "[\u00a0“”„«»…–—•]+"


@dataclass(frozen=True, kw_only=True)
class NGrams:
    """words: the V known ones; keys: the terms, sorted; rows, (n, 4): weight a question and rarity squared."""

    words: tuple[str, ...]
    keys: Ints
    rows: Floats
    intercepts: Floats

    def decide(self, texts: Sequence[str], valences: dict[str, float] | None = None) -> Floats:
        """The log odds of the three questions, (n, 3); with `valences` a fourth column, their bounded sum."""
        return self._decided(self._read(texts, valences), len(texts), valences)

    def decide_and_tell(
        self, texts: Sequence[str], valences: dict[str, float]
    ) -> tuple[Floats, Bools]:
        """
        As `decide`, and which texts are English beyond doubt, (n,): as `language.tell` would say, by words that
        were looked up anyway. Of the others it has to be asked.
        """
        read = self._read(texts, valences)
        # four counts in one sum: each is below 2 to the 13th, since a text has at most 5,000 characters
        packed = np.bincount(read.owner, self._kinds(valences)[read.codes], minlength=len(texts))
        english, foreign, known, words = (
            packed.astype(np.int64) >> shift & 0x1FFF for shift in (0, 13, 26, 39)
        )
        plainly = (english >= language.PLAINLY) & (english > language.PLAINLY * foreign)
        share = np.where(english > 0, language.KNOWN_WITH_COMMON, language.KNOWN)
        latin = np.array([text.isascii() for text in texts], dtype=bool)
        enough: Bools = latin & (foreign == 0) & (words > 0) & (known >= share * words)
        return self._decided(read, len(texts), valences), plainly | enough

    def _read(self, texts: Sequence[str], valences: dict[str, float] | None) -> "_Read":
        known = self._words if valences is None else self._with(valences)[0]
        return _Read.of(texts, known, len(self.words))

    def _decided(self, read: "_Read", texts: int, valences: dict[str, float] | None) -> Floats:
        owner, keys = read.terms()
        place = _places(keys, self._keys)
        found = place >= 0
        owner, place = owner[found], place[found]
        sums = np.column_stack([
            np.bincount(owner, column[place], minlength=texts) for column in self._columns
        ]) if len(self.keys) else np.zeros((texts, QUESTIONS + 1))  # fmt: skip
        decided: Floats = sums[:, :QUESTIONS] / np.sqrt(np.maximum(sums[:, 3:], 1e-12))
        decided = np.where(sums[:, 3:] > 0, decided, 0.0) + self.intercepts
        if valences is None:
            return decided
        weighed = self._with(valences)[1][
            read.codes
        ]  # the last entry, for what is not known, is nothing
        total = np.bincount(read.owner, weighed, minlength=texts)
        return np.column_stack([decided, total / np.sqrt(total**2 + 9.0)])

    @classmethod
    def fit(
        cls, texts: Sequence[str], classes: Ints, *, seed: int, rarest: int = RAREST
    ) -> "NGrams":
        """`classes`: 0 negative, 1 neutral, 2 positive, (n,)."""
        from scipy.sparse import csr_matrix  # noqa: PLC0415

        words = _common(texts, rarest=rarest)
        owner, keys = _Read.of(texts, pa.array(words, pa.string()), len(words)).terms()
        known, place = np.unique(keys, return_inverse=True)
        # how often a term is in a text
        cells, times = np.unique(owner * max(1, len(known)) + place, return_counts=True)
        owner, place = np.divmod(cells, max(1, len(known)))
        texts_with = np.bincount(place, minlength=len(known))
        kept = texts_with >= rarest
        moved = np.cumsum(kept) - 1
        chosen = kept[place]
        owner, place, times = owner[chosen], moved[place[chosen]], times[chosen]
        rarity = np.log((1 + len(texts)) / (1 + texts_with[kept])) + 1
        length = np.bincount(owner, times * rarity[place] ** 2, minlength=len(texts))
        values = times * rarity[place] / np.sqrt(length[owner])
        matrix = csr_matrix((values, (owner, place)), shape=(len(texts), int(kept.sum())))
        weights = np.zeros((int(kept.sum()), QUESTIONS))
        intercepts = np.zeros(QUESTIONS)
        for question, (asked, answer) in enumerate(_questions(classes)):
            if len(weights) and 0 < answer.sum() < len(answer):
                fitted = _logistic(matrix[asked], answer, seed=seed)
                weights[:, question], intercepts[question] = fitted
        # rarity is in the weights already: one multiplication less a word
        rows = np.column_stack([weights * rarity[:, None], rarity**2])
        return cls(words=tuple(words), keys=known[kept], rows=rows, intercepts=intercepts)

    @cached_property
    def known(self) -> frozenset[str]:
        """The words that it has learned something of."""
        return frozenset(self.words)

    @cached_property
    def _columns(self) -> Floats:
        return np.ascontiguousarray(self.rows.T)

    @cached_property
    def _words(self) -> Any:
        return pa.array(self.words, pa.string())

    @cached_property
    def _keys(self) -> Any:
        return pa.array(self.keys, pa.int64())

    def _with(self, valences: dict[str, float]) -> tuple[Any, Floats]:
        """
        The known words and after them those that only have a valence or tell a language; and the valences, the last
        of no word.
        """
        kept: tuple[Any, Floats] | None = self.__dict__.get("_kept")
        if kept is None:
            others = (valences.keys() | language.COMMON) - set(self.words)
            every = [*self.words, *sorted(others)]
            weights = np.array([*(valences.get(word, 0.0) for word in every), 0.0])
            kept = self.__dict__["_kept"] = (pa.array(every, pa.string()), weights)
        return kept

    def _kinds(self, valences: dict[str, float]) -> Floats:
        """
        Of the words of `_with`, and of no word: one number for being common in English, common only elsewhere, an
        English word at all, and a word; each 13 bits higher.
        """
        kept: Floats | None = self.__dict__.get("_kept_kinds")
        if kept is None:
            every = self._with(valences)[0].to_pylist()
            foreign = language.FOREIGN - self.known - valences.keys()
            told = [
                (word in language.ENGLISH)
                + ((word in language.FOREIGN) << 13)
                + ((word not in foreign) << 26)
                + (1 << 39)
                if language.WORD.search(word)
                else 0  # a number
                for word in every
            ]
            kept = self.__dict__["_kept_kinds"] = np.array([*told, 1 << 39], dtype=np.float64)
        return kept


@dataclass(frozen=True, kw_only=True)
class _Read:
    """The words of some texts: owner is the text, codes the place of the word, −1 where it is not known."""

    owner: Ints
    codes: Ints
    first_owner: Ints
    first_codes: Ints
    base: int

    @classmethod
    def of(cls, texts: Sequence[str], known: Any, base: int) -> "_Read":
        """`base`: how many of the `known` words have terms; the others only have valences."""
        lower = pc.utf8_lower(pc.replace_substring(pa.array(texts, pa.large_string()), "’", "'"))
        owner, words = _split(lower)
        begun = pc.utf8_slice_codeunits(lower, 0, _TITLE + 1)
        first = pc.replace_substring_regex(begun, _AFTER, "")
        # a short text without a full stop is all title; a long one has none
        first = pc.if_else(pc.less_equal(pc.binary_length(first), _TITLE), first, "")
        first_owner, first_words = _split(first)
        return cls(
            owner=owner,
            codes=_places(words, known),
            first_owner=first_owner,
            first_codes=_places(first_words, known),
            base=base,
        )

    def terms(self) -> tuple[Ints, Ints]:
        """Texts and keys of all terms of known words."""
        parts = [
            (owner[at], key + lift)
            for owner, codes, lift in (
                (self.owner, self.codes, 0),
                (self.first_owner, self.first_codes, self.base + self.base**2),
            )
            for at, key in _keys(owner, codes, self.base)
        ]
        return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])


def _keys(owner: Ints, codes: Ints, base: int) -> list[tuple[Any, Ints]]:
    known = (codes >= 0) & (codes < base)
    single = np.flatnonzero(known)
    pair = np.flatnonzero(known[:-1] & known[1:] & (owner[:-1] == owner[1:]))
    return [(single, codes[single]), (pair, base + codes[pair] * base + codes[pair + 1])]


def _split(lower: Any) -> tuple[Ints, Any]:
    """The text of every word, and the words."""
    spaced = _unmarked(lower)
    lists = pc.ascii_split_whitespace(pc.ascii_trim_whitespace(spaced))
    sizes = np.diff(lists.offsets.to_numpy())
    words = pc.cast(lists.flatten(), pa.string())
    return np.repeat(np.arange(len(sizes)), sizes), words


def _unmarked(lower: Any) -> Any:
    """The texts with spaces for marks."""
    validity, offsets, letters = lower.buffers()
    if letters is None:  # not one letter
        return lower
    raw = letters.to_pybytes()
    blanked = pa.py_buffer(raw.translate(_BLANKED))
    spaced = pa.Array.from_buffers(
        lower.type, len(lower), [validity, offsets, blanked], offset=lower.offset
    )
    if raw.isascii():
        return spaced
    others = pc.invert(pc.string_is_ascii(spaced))
    replaced = pc.replace_substring_regex(spaced.filter(others), _OTHER_MARKS, " ")
    return pc.replace_with_mask(spaced, others, replaced)


def _places(asked: Any, known: Any) -> Ints:
    """Where in `known` each is, −1 for those that are not there."""
    if not isinstance(asked, pa.Array):
        asked = pa.array(asked, known.type)
    found = pc.index_in(asked, value_set=known)
    places: Ints = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return places


def _common(texts: Sequence[str], *, rarest: int) -> list[str]:
    """Words that are in at least so many texts, in their order."""
    lower = pc.utf8_lower(pc.replace_substring(pa.array(texts, pa.large_string()), "’", "'"))
    owner, words = _split(lower)
    coded = words.dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    size = max(1, len(coded.dictionary))
    once = np.unique(owner * size + codes) % size
    counts = np.bincount(once, minlength=size)
    every = coded.dictionary.to_pylist()
    return sorted(
        word for word, count in zip(every, counts, strict=False) if count >= rarest and word
    )


def _questions(classes: Ints) -> list[tuple[Any, Any]]:
    everyone = np.arange(len(classes))
    decided = everyone[classes != 1]
    return [
        (everyone, classes == 0),
        (everyone, classes == 2),
        (decided, classes[decided] == 2),
    ]


def _logistic(matrix: Any, answer: Any, *, seed: int) -> tuple[Floats, float]:
    from sklearn.linear_model import LogisticRegression

    # the dual of liblinear: some tenths of a second where others take seconds on such a table
    model = LogisticRegression(
        C=3.0,
        class_weight="balanced",
        solver="liblinear",
        dual=True,
        tol=0.02,
        max_iter=300,
        random_state=seed,
    )
    model.fit(matrix, answer)
    return model.coef_[0], float(model.intercept_[0])
