"""The fast path reads whole columns; here it is held against the same, said of one text at a time in plain Python."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from segmentation.ml.sentiment import lexical, model, ngrams, splitting
from segmentation.ml.sentiment.stack import Stack
from segmentation.ml.tables import Floats
from tests.segmentation.ml.sentiment.test_model import MIXED


ODD = [
    "", " ", ".", "\n", "a", "A.", ".a", "no stop at all", "Σ ΣΑΣ İt ’tis don’t", "tab\tand\vfeed\fline\r\nend",
    "control\x1cis\x7fpart of\x01a word", "x" * 200 + ". good", "good " * 23 + "ends. bad", "good " * 24 + "late. bad",
    "“é” " * 20 + "good. bad", "one\u00a0two—three…four", "MiXeD CASE! Second? third", "?!", "a" * 120, "a" * 121,
]  # fmt: skip
MARKS = re.compile('[\x00-\x08!"#$%&()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~“”„«»…–—•\u00a0]')


def small(text: str) -> str:
    """Letter by letter: what a capital is at a word's end does not matter."""
    return "".join(one.lower() if len(one.lower()) == 1 else "i" for one in text.replace("’", "'"))


def words_of(lower: str) -> list[str]:
    return [word for word in re.split("[ \t\n\v\f\r]+", MARKS.sub(" ", lower)) if word]


def title_of(lower: str) -> str:
    first = re.split("[.!?;:\n]", lower)[0]
    return first if len(first.encode()) <= 120 else ""


def test_words_and_first_sentences_are_those_of_each_text_alone() -> None:
    texts = [*ODD, *MIXED]
    read = splitting.split(texts)
    every = read.words.to_pylist()
    titles = [every[place] for place in read.in_titles().tolist()]
    for number, text in enumerate(texts):
        mine = every[read.starts[number] : read.starts[number + 1]]
        assert mine == words_of(small(text))
        first, titles = titles[: read.titled[number]], titles[read.titled[number] :]
        assert first == words_of(title_of(small(text)))
    assert not titles
    assert read.is_ascii.tolist() == [text.isascii() for text in texts]
    assert read.owner.tolist() == [n for n, text in enumerate(texts) for _ in words_of(small(text))]


def test_no_texts_have_no_words() -> None:
    read = splitting.split([])
    assert (len(read.words), read.starts.tolist(), len(read.in_titles())) == (0, [0], 0)


@lru_cache(maxsize=1)
def learned() -> tuple[Stack, dict[str, int], dict[int, Floats]]:
    stack = model.shipped().general
    assert stack is not None
    known = {word: number for number, word in enumerate(stack.ngrams.words)}
    return stack, known, dict(zip(stack.ngrams.keys.tolist(), stack.ngrams.rows, strict=True))


def plainly(text: str) -> list[float]:
    """P(negative), P(neutral), P(positive) of one English text by the shipped weights."""
    stack, known, row_of = learned()
    size = len(known)
    sums = np.zeros(4)
    for part, lift in ((small(text), 0), (title_of(small(text)), size + size**2)):
        codes = [known.get(word, -1) for word in words_of(part)]
        keys = [code for code in codes if code >= 0]
        keys += [size + one * size + two for one, two in pairwise(codes) if one >= 0 and two >= 0]
        for key in keys:
            sums += row_of.get(lift + key, np.zeros(4))
    decided = stack.ngrams.intercepts.copy()
    if sums[3] > 0:
        decided += sums[:3] / np.sqrt(sums[3])
    total = sum(lexical.valences().get(word, 0.0) for word in words_of(small(text)))
    features = np.array([*decided, total / np.sqrt(total**2 + 9)])
    odds = np.exp(stack.fast.weights @ features + stack.fast.intercepts)
    shares: list[float] = (odds / odds.sum()).tolist()
    return shares


def sentences(shared_data) -> list[str]:
    found: list[str] = []
    for name in ("amazon_cells", "yelp"):
        text = (shared_data / f"sentiment/{name}_labelled.txt").read_text(encoding="utf-8")
        found += [line.rsplit("\t", 1)[0] for line in text.split("\n") if line]
    return found


@pytest.mark.parametrize("block", [7, 5_000])
def test_columns_say_of_public_sentences_what_plain_python_does(
    shared_data, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(ngrams, "BLOCK", block)
    texts = [*sentences(shared_data)[:: 40 if block == 7 else 4], *ODD, *MIXED]
    scored = model.shipped().read(texts, fast=True)
    assert sum(one.polarity is not None for one in scored) > len(texts) - 40
    for text, one in zip(texts, scored, strict=True):
        if one.polarity is None:
            continue
        assert [one.negative, one.neutral, one.positive] == pytest.approx(plainly(text), abs=1e-12)
        assert one.polarity == one.positive - one.negative


def test_fast_and_full_path_find_the_same_language_in_public_sentences(shared_data) -> None:
    texts = sentences(shared_data)
    fast, full = (
        model.shipped().read(texts, fast=quick, with_aspects=False) for quick in (True, False)
    )
    assert [(one.language, one.reason) for one in fast] == [
        (one.language, one.reason) for one in full
    ]
