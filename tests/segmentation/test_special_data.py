"""Reviews that may tell of health or the like: marked when they are read, and then kept from everything."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from consent.desk.personal_data import Person
from consent.desk.portability import portable
from consent.enums import Purpose
from customers.models import Review
from customers.special import finding
from feedback.reports.said import Asked, said
from segmentation import reviews, sentiment_training
from segmentation.enums import Sentiment
from segmentation.models import ReviewAspect, ReviewSentiment
from tests.campaigns.test_races import InThread
from tests.factories.consent import agree
from tests.factories.customers import NOW, CustomerFactory, ReviewFactory
from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db
ILL = "Awful delivery, and the wool is bad for my eczema."
WELL = "Awful delivery, and the wool is bad."


@pytest.fixture
def two() -> tuple[Review, Review]:
    ill = ReviewFactory(text=ILL, rating=1, language="en")
    well = ReviewFactory(text=WELL, rating=1, language="en", customer=ill.customer)
    reviews.score_new(now=NOW)
    return ill, well


def withheld() -> set[int]:
    return set(ReviewSentiment.objects.filter(withheld=True).values_list("review_id", flat=True))


def test_reading_marks_and_takes_nothing_apart(two: tuple[Review, Review]) -> None:
    ill, well = two
    assert withheld() == {ill.pk}
    assert set(ReviewAspect.objects.values_list("review_id", flat=True)) == {well.pk}
    # how good the text is, is told of both: it is no word of it
    assert set(ReviewSentiment.objects.values_list("label", flat=True)) == {Sentiment.NEGATIVE}
    assert not any(
        field.name in ("special", "category", "categories")
        for field in ReviewSentiment._meta.fields
    )


def test_a_title_tells_as_much_as_a_text() -> None:
    one = ReviewFactory(title="For my diabetes", text="Tastes fine.")
    reviews.score_new(now=NOW)
    assert withheld() == {one.pk}


def test_reviews_that_were_read_before_there_were_lists_are_withheld_until_they_are_searched(
    two: tuple[Review, Review],
) -> None:
    ill, well = two
    with connection.cursor() as cursor:  # as the migration finds them
        cursor.execute(
            "UPDATE segmentation_reviewsentiment SET withheld = DEFAULT, lexicon = DEFAULT"
        )
    assert withheld() == {ill.pk, well.pk}
    assert said(Asked(now=NOW.replace(year=NOW.year + 1))).newest == []
    assert reviews.score_again(now=NOW, at_most=1) == 1
    assert reviews.score_again(now=NOW) == 1
    assert reviews.score_again(now=NOW) == 0
    assert withheld() == {ill.pk}
    assert ReviewAspect.objects.filter(review=well).exists()


def test_other_word_lists_search_everything_again(
    two: tuple[Review, Review], monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (finding.VERSION + 1, finding.VERSION):  # a newer one, and one step back
        monkeypatch.setattr(finding, "VERSION", version)
        assert reviews.score_again(now=NOW) == 2
        assert reviews.score_again(now=NOW) == 0


def test_changed_words_are_read_and_searched_again(two: tuple[Review, Review]) -> None:
    ill, well = two
    Review.objects.filter(pk=well.pk).update(text=ILL)
    Review.objects.filter(pk=ill.pk).update(rating=2)  # no other words
    assert ReviewSentiment.objects.filter(review=ill).exists()
    assert not ReviewSentiment.objects.filter(review=well).exists()
    assert not ReviewAspect.objects.filter(review=well).exists()
    reviews.score_new(now=NOW)
    assert withheld() == {ill.pk, well.pk}


def test_words_that_change_while_they_are_read_stay_due(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = ReviewFactory(text=WELL, language="en"), ReviewFactory(text=WELL, language="en")
    searched = finding.is_special

    def changed_meanwhile(*texts: str) -> bool:
        Review.objects.filter(pk=one.pk, text=WELL).update(text=ILL)
        return searched(*texts)

    monkeypatch.setattr(finding, "is_special", changed_meanwhile)
    assert reviews.score_new(now=NOW) == 1
    assert set(ReviewSentiment.objects.values_list("review_id", flat=True)) == {other.pk}
    assert set(ReviewAspect.objects.values_list("review_id", flat=True)) == {other.pk}
    assert reviews.score_new(now=NOW) == 1
    assert withheld() == {one.pk}


@pytest.mark.django_db(transaction=True)
def test_words_that_somebody_is_changing_are_not_waited_for_and_stay_due() -> None:
    review = ReviewFactory(text=WELL, language="en")
    with transaction.atomic():
        Review.objects.update(text=ILL)
        assert InThread(lambda: reviews.score_new(now=NOW)).end() == 0
    assert reviews.score_new(now=NOW) == 1
    assert withheld() == {review.pk}


@pytest.mark.django_db(transaction=True)
def test_who_changes_words_whose_reading_is_being_written_has_them_read_again() -> None:
    review = ReviewFactory(text=WELL, language="en")
    with transaction.atomic():
        assert reviews.score_new(now=NOW) == 1
        change = InThread(lambda: Review.objects.update(text=ILL))
        assert change.is_waiting()
    change.end()
    assert not ReviewSentiment.objects.exists()
    assert reviews.score_new(now=NOW) == 1
    assert withheld() == {review.pk}


def test_screens_show_and_find_none_of_it(two: tuple[Review, Review], admin_client: Client) -> None:
    ill, _ = two
    pages = {
        "said": reverse("admin:said_page"),
        "texts": reverse("admin:segmentation_reviewsentiment_changelist"),
        "shop data": reverse("admin:customers_review_changelist"),
        "review": reverse("admin:customers_review_change", args=[ill.pk]),
        "read": reverse(
            "admin:segmentation_reviewsentiment_change",
            args=[ReviewSentiment.objects.get(review=ill).pk],
        ),
        "customer": reverse("admin:customer_page", args=[ill.customer_id]),
        "search": reverse("admin:segmentation_reviewsentiment_changelist") + "?q=eczema",
    }
    for name, address in pages.items():
        page = admin_client.get(address, follow=True)
        assert page.status_code == 200, name
        assert "for my eczema" not in page.content.decode(), name
    found = admin_client.get(pages["search"]).context["cl"].result_list
    assert list(found) == []
    listed = admin_client.get(pages["texts"]).content.decode()
    assert finding.NOT_SHOWN in listed
    assert "the wool is bad." in listed
    assert finding.NOT_SHOWN in admin_client.get(pages["review"]).content.decode()
    # and no filter in the address tells it letter by letter
    for lookup in ("text__icontains=eczema", "title__startswith=a"):
        asked = admin_client.get(f"{pages['shop data']}?{lookup}")
        assert asked.status_code in (302, 400)


def test_quotes_and_aspects_are_of_the_others(two: tuple[Review, Review]) -> None:
    report = said(Asked(now=NOW.replace(year=NOW.year + 1)))
    assert [one.review_id for one in report.newest] == [two[1].pk]
    assert {one.mentions for one in report.aspects} == {1}
    assert report.negative.count == 2


def test_programs_get_neither_words_nor_category(two: tuple[Review, Review]) -> None:
    ill, well = two
    api = Api()
    rows = {one["id"]: one for one in api.get("reviews").json()["results"]}
    assert (rows[well.pk]["text"], rows[well.pk]["withheld"]) == (WELL, False)
    hidden = rows[ill.pk]
    assert [hidden[name] for name in ("title", "text", "url", "withheld")] == ["", "", "", True]
    assert hidden["rating"] == 1
    assert "HEALTH" not in str(hidden)
    assert api.get(f"reviews/{ill.pk}").json()["text"] == ""


@pytest.mark.parametrize("marked", [True, False])
def test_they_teach_nothing_whatever_was_agreed_to(now: datetime, *, marked: bool) -> None:
    """Not even before they are marked: no shipped wording asks for consent to learn from one's health."""
    customer = CustomerFactory()
    for purpose in (Purpose.PROFILING, Purpose.RESEARCH):
        agree(customer, purpose)
    Review.objects.bulk_create(
        ReviewFactory.build(
            customer=customer, source=customer.source, external_id=str(number), rating=5,
            text=ILL if number < 3 else WELL, written_at=now.replace(year=now.year - 1),
        )
        for number in range(10)
    )  # fmt: skip
    if marked:
        reviews.score_new(now=now)
    rated, excluded = sentiment_training._read(now=now)
    assert rated.texts == [WELL] * 7
    assert excluded == 0


def test_a_copy_for_the_person_has_their_own_words(two: tuple[Review, Review]) -> None:
    person = Person(customer_ids=[two[0].customer_id])
    assert ILL in [one["text"] for one in portable(person)["reviews"]]
