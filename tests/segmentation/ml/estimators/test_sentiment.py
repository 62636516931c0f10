"""Review sentiment: English is scored, everything else says why not."""

import pytest

from segmentation.ml import metrics
from segmentation.ml.estimators.sentiment import LONGEST, Label, score, score_all


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Excellent quality, I love it", Label.POSITIVE),
        ("Terrible. It broke and the support was awful.", Label.NEGATIVE),
        ("Not good at all", Label.NEGATIVE),
        ("It arrived on Tuesday", Label.NEUTRAL),
    ],
)
def test_english_gets_a_label(text: str, label: Label) -> None:
    scored = score(text)
    assert scored.label is label
    assert -1 <= scored.polarity <= 1
    assert 0 <= scored.subjectivity <= 1
    assert not scored.reason


@pytest.mark.parametrize("text", [None, "", "  \n", "12 / 10 !!!", "👍👍"])
def test_text_without_words_is_not_scored(text: str | None) -> None:
    scored = score(text)
    assert (scored.label, scored.polarity, scored.reason) == (Label.NOT_SCORED, None, "no words")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Das ist ein sehr gutes Produkt und ich bin zufrieden", "'de'"),
        ("Très bon produit, je suis très satisfait", "'fr'"),
        ("Muy bueno, me gusta mucho y es muy bonito", "'es'"),
        ("È molto bello e sono molto contento della qualità", "'it'"),
        ("Het is een heel mooi product en ik ben zeer tevreden", "'nl'"),
        ("Muito bom, gostei muito e é uma maravilha para mim", "'pt'"),
        ("Очень хороший товар", "Latin"),
        ("很好的产品", "Latin"),
    ],
)
def test_other_language_is_not_scored_and_named(text: str, words: str) -> None:
    scored = score(text)
    assert scored.label is Label.NOT_SCORED
    assert words in scored.reason


def test_language_of_the_shop_counts_before_the_words() -> None:
    assert score("Super", language="de-AT").reason == "language 'de-AT' is not English"
    assert score("Super", language="en-GB").label is Label.POSITIVE
    assert score("Super", language="und").label is Label.POSITIVE


def test_a_foreign_name_does_not_make_a_text_foreign() -> None:
    assert score("Best Pinot Noir de la Loire this is").label is not Label.NOT_SCORED


def test_long_text_is_read_from_its_beginning() -> None:
    text = "Wonderful. " * (LONGEST // 11) + "Awful. " * 100_000
    assert score(text) == score(text[:LONGEST])
    assert score(text).label is Label.POSITIVE


def test_score_all_keeps_the_order() -> None:
    scored = score_all(["bad", None, "good"], languages=[None, None, "fr"])
    assert [one.label for one in scored] == [Label.NEGATIVE, Label.NOT_SCORED, Label.NOT_SCORED]
    with pytest.raises(ValueError, match="shorter"):
        score_all(["good"], languages=[])


def test_polarity_orders_labelled_sentences_as_measured(shared_data) -> None:
    """Kotzias et al. (2015), 1,000 sentences each; AUC of TextBlob's lexicon was .876 and .856."""
    for name, expected in (("amazon_cells", 0.876), ("yelp", 0.856)):
        text = (shared_data / f"sentiment/{name}_labelled.txt").read_text(encoding="utf-8")
        rows = [line.rsplit("\t", 1) for line in text.split("\n") if line]
        polarity = [one.polarity or 0.0 for one in score_all([row[0] for row in rows])]
        label = [int(row[1]) for row in rows]
        assert metrics.auc(label=label, score=polarity) == pytest.approx(expected, abs=0.003)
