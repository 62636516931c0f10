from __future__ import annotations

import pytest

from segmentation import reviews
from segmentation.models import ReviewSentiment
from tests.factories.customers import NOW, ReviewFactory


pytestmark = pytest.mark.django_db


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
    assert ReviewSentiment.objects.get(review=foreign).polarity is None
