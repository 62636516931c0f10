"""The fast lexicons say what the packages say, to the last digit."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from textblob.en.sentiments import PatternAnalyzer
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from segmentation.ml.sentiment import pattern, valence, words


TEXTS = [
    "AT LEAST it isn't a HORRIBLE book.", "kind of good!!! :) xD", "Really not good :( (!)",
    "Sarcasm ( ! ) e.g. U.S. Mr. Foo... wow?!", "no good or nice thing, the bomb. 💘 and 😁 but bad but bad",
    "never so good, without a doubt excellent", "it's \"great\" – isn't it? “Yes”", "", ". ! ?",
    "sort of great thing it was the shit yeah right", "o_O :'( 8-) >:( <3", "no", "not", "VERY GOOD and least bad",
    "Terribly good, hardly ever bad; never this good???", "etc. p.m. vs. w/ Inc. (good)", "n't 'good' ''bad''",
    "The least interesting, at least for me", "kind", "good " * 300 + "but bad " * 50,
]  # fmt: skip


def same(text: str) -> None:
    blob, ours = PatternAnalyzer().analyze(text), pattern.assess(text)
    assert (ours.polarity, ours.subjectivity) == pytest.approx(tuple(blob), abs=1e-9)
    vader, score = SentimentIntensityAnalyzer().polarity_scores(text), valence.score(text)
    assert score.compound == pytest.approx(vader["compound"], abs=6e-5)
    assert score.positive == pytest.approx(vader["pos"], abs=6e-4)
    assert score.negative == pytest.approx(vader["neg"], abs=6e-4)


@pytest.mark.parametrize("text", TEXTS)
def test_same_numbers_as_textblob_and_vader(text: str) -> None:
    same(text)


def test_same_numbers_on_real_reviews(shared_data) -> None:
    packed = (shared_data / "womens-clothing-reviews/reviews_dev.csv.gz").read_bytes()
    rows = csv.DictReader(io.StringIO(gzip.decompress(packed).decode("utf-8"), newline=""))
    analyser, vader = PatternAnalyzer(), SentimentIntensityAnalyzer()
    for _, row in zip(range(400), rows, strict=False):
        text = f"{row['Title']}. {row['Review Text']}"
        assert pattern.assess(text).polarity == pytest.approx(analyser.analyze(text)[0], abs=1e-9)
        compound = vader.polarity_scores(text)["compound"]
        assert valence.score(text).compound == pytest.approx(compound, abs=6e-5)


def own(text: str) -> float:
    tokens = words.tokens_of(text)
    return words.weigh(tokens, words.found(tokens))[3]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("It works great", "It stopped working"),
        ("good", "not good"),
        ("very good", "good"),
        ("no problems at all", "problems"),
        ("nothing to complain about", "I complain"),
        ("late but lovely", "lovely but late"),
        ("I like it", "I wish it were good"),
        ("never looked better", "never looked worse"),
    ],
)
def test_own_words_count_by_what_is_around_them(better: str, worse: str) -> None:
    assert own(better) > own(worse)
