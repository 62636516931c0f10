"""The privacy officer sees how many texts may tell of what; nobody's, and not which."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from customers.enums import ReviewKind
from feedback.reports.special import special_data
from segmentation import reviews
from tests.factories.customers import NOW, ReviewFactory


pytestmark = pytest.mark.django_db
PAGE = "admin:special_data"


def client_of(role: str) -> Client:
    user = User.objects.create_user("somebody", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_texts_are_counted_by_category_and_kind() -> None:
    ReviewFactory(text="Good for my asthma, and I wore it to church.")
    ReviewFactory(text="Not with my allergies.", kind=ReviewKind.SERVICE)
    ReviewFactory(text="Lovely tea.")
    reviews.score_new(now=NOW)
    ReviewFactory(text="I have gout.")  # came since
    found = special_data()
    assert (found.texts, found.waiting, found.withheld) == (4, 1, 2)
    assert found.share == pytest.approx(2 / 3)
    assert {
        one.category: (one.texts, one.reviews, one.mentions, one.service)
        for one in found.rows
        if one.texts
    } == {"Health": (2, 1, 0, 1), "Religion or belief": (1, 1, 0, 0)}


def test_the_privacy_officer_sees_numbers_and_no_word() -> None:
    review = ReviewFactory(text="Good for my asthma")
    reviews.score_new(now=NOW)
    page = client_of("Privacy officer").get(reverse(PAGE)).content.decode()
    assert "asthma" not in page
    assert str(review.customer) not in page
    assert "Every text was searched" in page
    assert page.count('<th scope="row">') == 7


@pytest.mark.parametrize("role", ["Marketer", "Analyst", "Approver"])
def test_others_do_not(role: str) -> None:
    assert client_of(role).get(reverse(PAGE)).status_code == 403


def test_a_shop_without_texts_is_told_so() -> None:
    assert "There are no texts yet." in client_of("Admin").get(reverse(PAGE)).content.decode()
