"""Sentiment of texts: English is scored, other languages once they were learned, everything else says why not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segmentation.ml import artifacts, metrics
from segmentation.ml.artifacts import ArtifactError
from segmentation.ml.sentiment import learning, model
from segmentation.ml.sentiment.model import LONGEST, Label, Sentiment, SentimentModel


def read(text: str | None, language: str | None = None, *, fast: bool = False) -> Sentiment:
    return model.shipped().read([text], languages=[language], fast=fast)[0]


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Excellent quality, I love it", Label.POSITIVE),
        ("Terrible. It broke and the support was awful.", Label.NEGATIVE),
        ("Not good at all, very disappointed", Label.NEGATIVE),
    ],
)
def test_english_gets_a_label_and_probabilities(
    text: str,
    label: Label,
    fast: bool,  # noqa: FBT001
) -> None:
    scored = read(text, fast=fast)
    assert scored.label is label
    assert not scored.reason
    assert scored.negative + scored.neutral + scored.positive == pytest.approx(1)
    assert scored.polarity == pytest.approx(scored.positive - scored.negative)
    assert (scored.subjectivity is None) is fast


def test_a_fact_is_neither() -> None:
    assert read("The box contains two cables and a manual.").label is Label.NEUTRAL


@pytest.mark.parametrize("text", [None, "", "  \n", "12 / 10 !!!", "👍👍", "\x00\x00", "\ud800"])
def test_text_without_words_is_not_scored(text: str | None) -> None:
    scored = read(text)
    assert (scored.label, scored.polarity, scored.reason) == (Label.NOT_SCORED, None, "no words")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Das ist ein sehr gutes Produkt und ich bin zufrieden", "de"),
        ("Sehr gut", "de"),
        ("Très bon produit, je suis très satisfait", "fr"),
        ("Muy bueno, me gusta mucho y es muy bonito", "es"),
        ("È molto bello e sono molto contento della qualità", "it"),
        ("Het is een heel mooi product en ik ben zeer tevreden", "nl"),
        ("Muito bom, gostei muito e é uma maravilha para mim", "pt"),
        ("Mycket bra kvalitet och snabb leverans", "sv"),
        ("Bardzo dobry produkt, polecam", "pl"),
    ],
)
def test_other_language_is_named_and_not_scored(text: str, language: str) -> None:
    scored = read(text)
    assert (scored.label, scored.language) == (Label.NOT_SCORED, language)
    assert language in scored.reason


@pytest.mark.parametrize("text", ["Очень хороший товар", "很好的产品", "ممتاز جدا"])
def test_other_scripts_are_not_scored(text: str) -> None:
    assert read(text).reason == "not written in Latin letters"


def test_what_cannot_be_told_is_not_scored() -> None:
    assert read("Zxqy vrblt grmpf").reason == "language not recognised"


def test_language_of_the_shop_counts_before_the_words() -> None:
    assert read("Super", "de-AT").language == "de"
    assert read("Super", "en-GB").label is Label.POSITIVE
    assert read("Super", "und").label is Label.POSITIVE


def test_plain_english_is_english_where_a_shop_marks_everything_alike() -> None:
    assert read("This is the best tea that I have had in years", "de").label is Label.POSITIVE


def test_a_foreign_name_does_not_make_a_text_foreign() -> None:
    assert read("Best Pinot Noir de la Loire this is").label is not Label.NOT_SCORED


def test_long_text_is_read_from_its_beginning() -> None:
    text = "Wonderful. " * (LONGEST // 11) + "Awful. " * 1_500_000  # 10 MB
    assert read(text) == read(text[:LONGEST])
    assert read(text).label is Label.POSITIVE


def test_order_is_kept_and_lengths_must_agree() -> None:
    shipped = model.shipped()
    scored = shipped.read(["awful", None, "lovely"], languages=[None, None, "fr"])
    assert [one.label for one in scored] == [Label.NEGATIVE, Label.NOT_SCORED, Label.NOT_SCORED]
    assert shipped.read([]) == []
    with pytest.raises(ValueError, match="shorter"):
        shipped.read(["good"], languages=[])


def test_a_text_alone_reads_as_among_others() -> None:
    texts = ["Lovely and soft.", "Das ist gut und schön", "It broke at once", ""]
    together = model.shipped().read(texts)
    for one, alone in zip(together, map(read, texts), strict=True):
        assert (one.label, one.language, one.aspects) == (
            alone.label,
            alone.language,
            alone.aspects,
        )
        assert one.polarity == pytest.approx(alone.polarity)


# ---------------------------------------------------------------- a shop's own stars
GOOD = {"en": ("zorp", "lovely"), "de": ("wunderbar", "klasse")}
BAD = {"en": ("blarg", "awful"), "de": ("furchtbar", "kaputt")}
FRAME = {
    "en": "this is {} and {} for the money, we have had it for {} days",
    "de": "das ist {} und {} für das geld, wir haben es seit {} tagen",
}


def stars_of(language: str, count: int) -> tuple[list[str], list[int]]:
    words = [GOOD[language], BAD[language]]
    texts = [FRAME[language].format(*words[i % 2], i % 17) for i in range(count)]
    return texts, [5 if i % 2 == 0 else 1 for i in range(count)]


@pytest.fixture(scope="module")
def taught() -> learning.Learned:
    texts, stars = stars_of("de", 600)
    english, others = stars_of("en", 560)
    few, some = stars_of("de", 40)
    return learning.learn(
        [*texts, *english, *few], [*stars, *others, *some],
        languages=[*["de"] * 600, *[None] * 560, *["fr"] * 40],
    )  # fmt: skip


def test_other_languages_are_scored_once_learned(taught: learning.Learned) -> None:
    good, bad = taught.model.read(["Das ist wunderbar und klasse", "Das ist furchtbar und kaputt"])
    assert (good.label, bad.label) == (Label.POSITIVE, Label.NEGATIVE)
    assert good.vader is None


def test_a_language_with_few_stars_is_skipped_and_said(taught: learning.Learned) -> None:
    assert taught.rows == {"de": 600, "en": 560}
    assert taught.skipped == {"fr": "40 rated texts; 500 are needed"}


def test_a_shop_teaches_its_own_words_and_the_shipped_model_stays_mixed_in(
    taught: learning.Learned,
) -> None:
    ours = taught.model.read(["we think this is zorp"])[0]
    assert ours.polarity > read("we think this is zorp").polarity + 0.2
    own = taught.model.own["en"]
    texts = ["this is zorp and lovely"]
    alone = SentimentModel(general=None, own=taught.model.own).read(texts)[0]
    weight = own.texts / (own.texts + model.EVEN_AT)
    mixed = weight * alone.positive + (1 - weight) * read(texts[0]).positive
    assert taught.model.read(texts)[0].positive == pytest.approx(mixed)


def test_stars_of_one_class_teach_nothing_and_say_so() -> None:
    texts, _ = stars_of("en", 600)
    nothing = learning.learn(texts, [5] * 600)
    assert not nothing.rows
    assert nothing.skipped == {"en": "0 bad and 600 good texts; 20 of each are needed"}


def test_same_stars_teach_the_same_bytes_and_files_bring_the_model_back(
    taught: learning.Learned,
) -> None:
    texts, stars = stars_of("de", 600)
    files = [learning.learn(texts, stars).model.to_files() for _ in range(2)]
    assert files[0] == files[1]
    again = SentimentModel.from_files(files[0])
    asked = ["Das ist wunderbar", "Lovely", "furchtbar und kaputt, das ist nicht gut"]
    for one, other in zip(
        again.read(asked), learning.learn(texts, stars).model.read(asked), strict=True
    ):
        assert one.label is other.label
        assert one.polarity == pytest.approx(other.polarity, abs=1e-4)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda files: files.pop("own_de_words.txt"),
        lambda files: files.update({"own_de_words.txt": b"a\nb"}),
        lambda files: files.update({"own_de.json": b'{"texts": 3}'}),
        lambda files: files.update({"sentiment.json": b'{"languages": 3}'}),
        lambda files: files.update(
            artifacts.to_files(arrays={"own_de_weights": np.full((3, 4), np.nan)})
        ),
    ],
)
def test_a_damaged_or_foreign_model_is_refused(spoil, taught: learning.Learned) -> None:
    files = taught.model.to_files()
    spoil(files)
    with pytest.raises(ArtifactError):
        SentimentModel.from_files(files)


def test_learned_aspects_are_what_the_shop_speaks_of() -> None:
    texts = [
        f"the teapot is {'lovely' if i % 2 else 'awful'} and my kettle number {i}"
        for i in range(300)
    ]
    learned = learning.learn(texts, [5 if i % 2 else 1 for i in range(300)]).model
    assert set(learned.learned.values()) == {"teapot", "kettle"}
    found = {one.name: one.polarity for one in learned.read(["I love the teapot"])[0].aspects}
    assert found["teapot"] > 0
    json.dumps(learned.learned)


# ---------------------------------------------------------------- public sentences
def test_public_sentences_are_read_better_than_by_either_lexicon(shared_data) -> None:
    """Kotzias et al. (2015), 1,000 sentences each, of which the shipped weights learned nothing."""
    for name, best, area in (("amazon_cells", 0.844, 0.924), ("yelp", 0.816, 0.894)):
        text = (shared_data / f"sentiment/{name}_labelled.txt").read_text(encoding="utf-8")
        rows = [line.rsplit("\t", 1) for line in text.split("\n") if line]
        scored = model.shipped().read([row[0] for row in rows], with_aspects=False)
        lean = np.array([one.polarity or 0.0 for one in scored])
        good = np.array([int(row[1]) for row in rows])
        assert np.mean((lean > 0) == good) > best + 0.03
        assert metrics.auc(label=good, score=lean) > area + 0.02


MIXED = [
    "Lovely quality, it fits me well and I would buy it again.", "Super Produkt", "Great!", "top",
    "Sehr guter Tee, gerne wieder. Die Lieferung war schnell.", "Très bon produit — merci…", "",
    "“Quoted” – it is not what the picture shows • sadly", "10/10", "很好的产品", "die in pain", "👍",
    "Awful.", "the the the", "naïve but it is what they have",
]  # fmt: skip


def test_fast_path_tells_languages_as_the_full_one_does() -> None:
    shipped = model.shipped()
    fast, full = shipped.read(MIXED, fast=True), shipped.read(MIXED)
    assert [one.language for one in fast] == [one.language for one in full]
    assert [one.reason for one in fast] == [one.reason for one in full]
    as_german = ["de"] * len(MIXED)
    fast, full = (shipped.read(MIXED, languages=as_german, fast=quick) for quick in (True, False))
    assert [one.language for one in fast] == [one.language for one in full]


def test_fast_path_says_of_a_text_alone_what_it_says_among_others() -> None:
    shipped = model.shipped()
    together = shipped.read(MIXED, fast=True)
    for text, among in zip(MIXED, together, strict=True):
        (alone,) = shipped.read([text], fast=True)
        assert alone.label == among.label
        assert alone.polarity == pytest.approx(among.polarity)
    spaced = shipped.read(["it is good bad sadly"], fast=True)[0].polarity
    marked = shipped.read(["it is “good”…bad•sadly"], fast=True)[0].polarity
    assert marked == pytest.approx(spaced)
