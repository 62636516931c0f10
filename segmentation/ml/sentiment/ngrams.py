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

from segmentation.ml.sentiment import language, splitting
from segmentation.ml.sentiment.splitting import Words
from segmentation.ml.tables import Bools, Floats, Ints


QUESTIONS = 3
RAREST = 3  # texts that a term must be in
BLOCK = 5_000
"""Texts at a time, so that the columns of a file of millions stay in memory."""
_WORD = 1 << 39  # see _kinds


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """
    What a word and a pair of neighbours add to a text's sums, one row each and a last one for all that is not known.

    Columns are the three questions and rarity squared; of a word also its valence and its kinds, where asked. In a
    first sentence the title's rows are added to those.
    """

    words: Any
    pairs: Any
    of_word: Floats
    of_pair: Floats
    of_title_word: Floats
    of_title_pair: Floats


@dataclass(frozen=True, kw_only=True)
class NGrams:
    """words: the V known ones; keys: the terms, sorted; rows, (n, 4): weight a question and rarity squared."""

    words: tuple[str, ...]
    keys: Ints
    rows: Floats
    intercepts: Floats

    def decide(self, texts: Sequence[str], valences: dict[str, float] | None = None) -> Floats:
        """The log odds of the three questions, (n, 3); with `valences` a fourth column, their bounded sum."""
        tables = self._plain if valences is None else self._with(valences)
        sums, _ = self._sums(texts, tables)
        return self._decided(sums)

    def decide_and_tell(
        self, texts: Sequence[str], valences: dict[str, float]
    ) -> tuple[Floats, Bools]:
        """
        As `decide`, and which texts are English beyond doubt, (n,): as `language.tell` would say, by words that
        were looked up anyway. Of the others it has to be asked.
        """
        sums, latin = self._sums(texts, self._with(valences))
        # four counts in one sum: each is below 2 to the 13th, since a text has at most 5,000 characters
        packed = sums[:, -1].astype(np.int64)
        english, foreign, known, words = (packed >> shift & 0x1FFF for shift in (0, 13, 26, 39))
        plainly = (english >= language.PLAINLY) & (english > language.PLAINLY * foreign)
        share = np.where(english > 0, language.KNOWN_WITH_COMMON, language.KNOWN)
        # one foreign word makes no text foreign, see `language.tell`
        enough: Bools = latin & (foreign <= 1) & (words > 0) & (known >= share * words)
        return self._decided(sums), plainly | enough

    def _sums(self, texts: Sequence[str], tables: _Tables) -> tuple[Floats, Bools]:
        """The rows of all terms of each text added up, and which texts are ASCII."""
        sums = [np.empty((0, tables.of_word.shape[1]))]
        latin = [np.empty(0, dtype=bool)]
        for begin in range(0, len(texts), BLOCK):
            read = splitting.split(texts[begin : begin + BLOCK])
            sums.append(_sums_of(read, tables, base=len(self.words)))
            latin.append(read.is_ascii)
        return np.concatenate(sums), np.concatenate(latin)

    def _decided(self, sums: Floats) -> Floats:
        length = sums[:, QUESTIONS : QUESTIONS + 1]
        decided: Floats = sums[:, :QUESTIONS] / np.sqrt(np.maximum(length, 1e-12))
        decided = np.where(length > 0, decided, 0.0) + self.intercepts
        if sums.shape[1] == QUESTIONS + 1:
            return decided
        total = sums[:, QUESTIONS + 1]
        return np.column_stack([decided, total / np.sqrt(total**2 + 9.0)])

    @classmethod
    def fit(
        cls, texts: Sequence[str], classes: Ints, *, seed: int, rarest: int = RAREST
    ) -> "NGrams":
        """`classes`: 0 negative, 1 neutral, 2 positive, (n,)."""
        from scipy.sparse import csr_matrix  # noqa: PLC0415

        words = _common(texts, rarest=rarest)
        owner, keys = _terms(splitting.split(texts), pa.array(words, pa.string()))
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
    def _plain(self) -> _Tables:
        return self._tables(self.words, np.empty((len(self.words) + 1, 0)))

    def _with(self, valences: dict[str, float]) -> _Tables:
        """Also for words that only have a valence or tell a language."""
        kept: _Tables | None = self.__dict__.get("_kept")
        if kept is None:
            others = (valences.keys() | language.COMMON) - self.known
            every = (*self.words, *sorted(others))
            said = [*((valences.get(word, 0.0), self._kinds(word, valences)) for word in every)]
            more = np.array([*said, (0.0, _WORD)], dtype=np.float64)
            kept = self.__dict__["_kept"] = self._tables(every, more)
        return kept

    def _kinds(self, word: str, valences: dict[str, float]) -> int:
        """
        One number for being common in English, common only elsewhere, an English word at all, and a word; each 13
        bits higher.
        """
        if not language.WORD.search(word):
            return 0  # a number
        is_english = word in self.known or word in valences or word not in language.FOREIGN
        return (
            (word in language.ENGLISH)
            + ((word in language.FOREIGN) << 13)
            + (is_english << 26)
            + _WORD
        )

    def _tables(self, words: Sequence[str], more: Floats) -> _Tables:
        """`more`, (e + 1, k): columns of the words beside those of their terms."""
        base, columns = len(self.words), QUESTIONS + 1
        lifted, key = np.divmod(self.keys, base + base**2) if base else (self.keys, self.keys)
        is_pair = key >= base
        pairs = np.unique(key[is_pair])
        of_word = [np.zeros((len(words) + 1, columns)) for _ in range(2)]
        of_pair = [np.zeros((len(pairs) + 1, columns)) for _ in range(2)]
        for title in range(2):
            single, pair = (lifted == title) & ~is_pair, (lifted == title) & is_pair
            of_word[title][key[single]] = self.rows[single]
            of_pair[title][np.searchsorted(pairs, key[pair])] = self.rows[pair]
        return _Tables(
            words=pa.array(words, pa.string()),
            pairs=pa.array(pairs - base, pa.int64()),
            of_word=np.ascontiguousarray(np.hstack([of_word[0], more])),
            of_pair=of_pair[0],
            of_title_word=of_word[1],
            of_title_pair=of_pair[1],
        )


def _sums_of(read: Words, tables: _Tables, *, base: int) -> Floats:
    """(n, k) of a block of texts; `base`: how many of the words have terms."""
    places = _places(read.words, tables.words)
    # the pair of every word and the one before it
    known = places < base
    both = known[1:] & known[:-1]
    within = read.starts[(read.starts > 0) & (read.starts < len(places))]
    both[within - 1] = False  # the first word of a text has none before it
    second = np.flatnonzero(both) + 1
    asked = places[second - 1].astype(np.int64) * base + places[second]
    pairs = np.full(len(places), len(tables.pairs), np.int32)
    pairs[second] = _places(pa.array(asked), tables.pairs)
    sums = _added(places, read.starts, tables.of_word)
    terms = sums[:, : QUESTIONS + 1]
    terms += _added(pairs, read.starts, tables.of_pair)
    titles = read.in_titles()
    starts = np.concatenate([[0], np.cumsum(read.titled)])
    terms += _added(places[titles], starts, tables.of_title_word)
    terms += _added(pairs[titles], starts, tables.of_title_pair)
    return sums


def _added(places: Any, starts: Ints, rows: Floats) -> Floats:
    """The rows at `places` summed by text: (n, k)."""
    from scipy.sparse import csr_array  # noqa: PLC0415

    shape = (len(starts) - 1, len(rows))
    added: Floats = (
        csr_array((np.ones(len(places)), places, starts.astype(np.int32)), shape=shape) @ rows
    )
    return added


def _places(asked: Any, known: Any) -> Any:
    """Where in `known` each is, len(known) for those that are not there; int32."""
    found = pc.index_in(asked, value_set=known)
    return pc.fill_null(found, len(known)).to_numpy()


def _terms(read: Words, known: Any) -> tuple[Ints, Ints]:
    """Texts and keys of all terms of known words."""
    base, places, every = len(known), _places(read.words, known).astype(np.int64), read.owner
    titles = read.in_titles()
    owners, keys = [], []
    for owner, codes, lift in (
        (every, places, 0),
        (every[titles], places[titles], base + base**2),
    ):
        is_known = codes < base
        pair = np.flatnonzero(is_known[:-1] & is_known[1:] & (owner[:-1] == owner[1:]))
        owners += [owner[is_known], owner[pair]]
        keys += [lift + codes[is_known], lift + base + codes[pair] * base + codes[pair + 1]]
    return np.concatenate(owners), np.concatenate(keys)


def _common(texts: Sequence[str], *, rarest: int) -> list[str]:
    """Words that are in at least so many texts, in their order."""
    read = splitting.split(texts)
    owner, coded = read.owner, read.words.dictionary_encode()
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
