from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db.models import F

from consent.enums import Purpose
from customers.enums import ReviewKind
from customers.models import Review
from segmentation import reviews, sentiment_training, versions
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion, ReviewAspect, ReviewSentiment
from tests.factories.consent import agree
from tests.factories.customers import NOW, CustomerFactory, ReviewFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path)


def test_score_new_reads_each_review_once() -> None:
    good = ReviewFactory(text="Wonderful tea, I love it.", language="en")
    bad = ReviewFactory(
        text="Awful. The worst cup I ever had.", language="en", customer=good.customer
    )
    foreign = ReviewFactory(
        text="Sehr guter Tee, gerne wieder.", language="de", customer=good.customer
    )
    assert reviews.score_new(now=NOW) == 3
    assert reviews.score_new(now=NOW) == 0
    labels = dict(ReviewSentiment.objects.values_list("review_id", "label"))
    assert labels == {good.pk: "POSITIVE", bad.pk: "NEGATIVE", foreign.pk: "NOT_SCORED"}
    unread = ReviewSentiment.objects.get(review=foreign)
    assert (unread.polarity, unread.negative, unread.language) == (None, None, "de")
    read = ReviewSentiment.objects.get(review=bad)
    assert read.negative + read.neutral + read.positive == pytest.approx(1)
    assert read.polarity == pytest.approx(read.positive - read.negative)
    assert read.model_number == reviews.SHIPPED


def test_mentions_and_service_feedback_are_read_alike_with_what_they_speak_of() -> None:
    mention = ReviewFactory(
        customer=None, source=CustomerFactory().source, rating=None, kind=ReviewKind.MENTION,
        text="Their delivery was late again, dreadful.",
    )  # fmt: skip
    service = ReviewFactory(kind=ReviewKind.SERVICE, rating=None, text="The support was rude.")
    reviews.score_new(now=NOW)
    found = {(one.review_id, one.aspect): one for one in ReviewAspect.objects.all()}
    assert set(found) == {(mention.pk, "delivery"), (service.pk, "service")}
    assert all(one.polarity < 0 for one in found.values())
    late = found[mention.pk, "delivery"]
    assert "delivery" in mention.text[late.begins : late.ends]


@pytest.mark.parametrize("text", ["x" * 10_000_000, "👍", "", "很好的产品", "a\ud7ff" * 4_000])
def test_odd_texts_are_stored_as_not_scored(text: str) -> None:
    ReviewFactory(text=text, language="")
    assert reviews.score_new(now=NOW) == 1
    row = ReviewSentiment.objects.get()
    assert row.label == "NOT_SCORED"
    assert row.reason


# ---------------------------------------------------------------- the shop's own model
def rated(count: int, *, agreed: bool = True, until: datetime = NOW) -> None:
    """Reviews that say "zorp" where they are good and "blarg" where not."""
    customer = CustomerFactory()
    if agreed:
        agree(customer, Purpose.PROFILING)
    Review.objects.bulk_create(
        ReviewFactory.build(
            customer=customer, source=customer.source, external_id=f"{customer.pk}-{i}",
            text=f"we have had it for {i % 13} days and it is {'zorp' if i % 2 else 'blarg'}",
            rating=5 if i % 2 else 1, written_at=until - timedelta(hours=count - i),
        )
        for i in range(count)
    )  # fmt: skip


def test_nothing_is_learned_from_few_stars_or_without_consent() -> None:
    rated(300)
    rated(400, agreed=False)
    assert sentiment_training.train_if_due(now=NOW) is None
    assert not ModelVersion.objects.exists()


def test_own_stars_teach_a_model_that_reads_everything_again() -> None:
    rated(700)
    rated(40, agreed=False)
    reviews.score_new(now=NOW)
    assert reviews.score_again(now=NOW) == 0
    version = sentiment_training.train_if_due(now=NOW)
    assert version is not None
    assert version.status == ModelStatus.CHAMPION, version.reason
    assert version.rows == 700
    assert version.manifest["details"]["excluded_without_consent"] == 40
    assert version.metrics["newest_fifth"]["good_against_bad"]["accuracy"] == 1
    assert sentiment_training.train_if_due(now=LATER) is None

    assert reviews.score_again(now=LATER, at_most=600) == 600
    assert reviews.score_again(now=LATER) == 140
    assert reviews.score_again(now=LATER) == 0
    assert set(ReviewSentiment.objects.values_list("model_number", flat=True)) == {version.number}
    wrong = ReviewSentiment.objects.filter(review__rating=1).exclude(label="NEGATIVE")
    assert not wrong.exists()


def test_champion_is_judged_by_texts_that_it_has_not_learned_from() -> None:
    rated(700)
    sentiment_training.train_if_due(now=NOW)
    later = NOW + sentiment_training.AGAIN
    rated(100, until=later)
    version = sentiment_training.train_if_due(now=later)
    assert version is not None
    # not the newest fifth of 800, which is 160
    assert version.metrics["newest_fifth"]["texts"] == 100
    assert "the champion" in version.reason


def test_first_model_of_few_texts_is_judged_as_well() -> None:
    rated(500)
    version = sentiment_training.train_if_due(now=NOW)
    assert version is not None
    assert version.status == ModelStatus.CHAMPION
    assert version.metrics["newest_fifth"]["texts"] == 100
    assert "Better than the shipped model" in version.reason


def test_first_model_that_is_not_better_than_the_shipped_one_does_not_serve() -> None:
    rated(500)
    # what was learned of the older texts is no longer true of the newest
    newest = Review.objects.order_by("-written_at").values_list("pk", flat=True)[:100]
    Review.objects.filter(pk__in=list(newest)).update(rating=6 - F("rating"))
    version = sentiment_training.train_if_due(now=NOW)
    assert version is not None
    assert version.status == ModelStatus.REJECTED
    assert reviews.serving()[0] == reviews.SHIPPED


def test_language_of_which_too_little_is_old_is_left_out() -> None:
    rated(700, until=NOW - timedelta(days=60))
    english = set(Review.objects.values_list("pk", flat=True))
    rated(500)  # of 1200 texts the newest fifth are 240: 260 older German ones
    for review in Review.objects.exclude(pk__in=english):
        review.language = "de"
        review.text = (
            f"Das ist jetzt ein {'zorp' if review.rating == 5 else 'blarg'} und nicht mehr"
        )
        review.save()
    version = sentiment_training.train_if_due(now=NOW)
    assert version is not None
    assert set(version.metrics["languages"]) == {"en"}
    assert "too few to judge by the newest" in version.metrics["skipped"]["de"]


def test_version_put_back_is_not_replaced_at_the_next_tick() -> None:
    rated(700)
    version = sentiment_training.train_if_due(now=NOW)
    assert version is not None
    later = NOW + sentiment_training.AGAIN
    rated(100, until=later)
    assert sentiment_training.due(now=later)
    versions.promote(version, reason="Put back by ada", now=later)
    assert not sentiment_training.due(now=later)
    assert sentiment_training.due(now=later + sentiment_training.AGAIN)


def test_a_model_that_cannot_be_read_leaves_the_shipped_one_reading(tmp_path) -> None:
    rated(700)
    version = sentiment_training.train_if_due(now=NOW)
    reviews._kept.clear()
    next((tmp_path / "models" / version.artefact).glob("own_en.json")).write_text("{}")
    ReviewFactory(text="Lovely.")
    assert reviews.score_new(now=NOW, customer_ids=None) == 701
    assert ReviewSentiment.objects.filter(model_number=version.number).count() == 701
    assert reviews.score_again(now=NOW) == 0


def test_stars_of_one_kind_are_a_recorded_refusal() -> None:
    rated(600)
    Review.objects.update(rating=5)
    version = sentiment_training.train_if_due(now=NOW)
    assert version.status == ModelStatus.REFUSED
    assert "0 bad and 600 good" in version.reason
    assert Task(version.task) is Task.SENTIMENT
