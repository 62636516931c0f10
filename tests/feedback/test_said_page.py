from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from campaigns.enums import Arm, DeliveryState
from campaigns.models import Delivery
from core import clock
from customers.enums import ReviewKind
from feedback.models import Outcome, OutcomeWindow
from feedback.reports import after_bad
from feedback.reports.attention import attention
from feedback.reports.said import Asked, abrupt_change, said
from segmentation import reviews
from segmentation.enums import Task
from segmentation.ml.sentiment import change
from segmentation.models import ModelVersion
from tests.factories.campaigns import CampaignFactory
from tests.factories.customers import NOW, CustomerFactory, ProductFactory, ReviewFactory
from tests.segmentation.versions import make_version


pytestmark = pytest.mark.django_db

GOOD, BAD = (
    "Lovely quality and quick delivery.",
    "The delivery was late and the lid is broken. Awful.",
)


def write(count: int, text: str, *, days_ago: float, **fields) -> None:
    customer = fields.pop("customer", None) or CustomerFactory()
    for number in range(count):
        ReviewFactory(
            customer=customer, text=text, written_at=NOW - timedelta(days=days_ago, minutes=number), **fields
        )  # fmt: skip


def shop() -> None:
    kettle = ProductFactory(name="A kettle with a rather long name " * 4)
    write(6, GOOD, days_ago=40, rating=5, product=kettle)
    write(4, BAD, days_ago=10, rating=5, product=kettle)
    write(2, GOOD, days_ago=5, rating=1)
    write(1, BAD, days_ago=3, rating=None, kind=ReviewKind.MENTION)
    write(1, "Sehr gut und schön", days_ago=2, rating=4)
    reviews.score_new(now=NOW)


def test_report_counts_what_was_said_and_where_stars_and_words_part() -> None:
    shop()
    report = said(Asked(now=NOW))
    assert (report.reviews, report.unscored) == (14, 1)
    assert (report.positive.count, report.negative.count, report.negative.of) == (8, 5, 13)
    assert (report.harsher_words, report.kinder_words, report.rated) == (4, 2, 12)
    assert [(month.negative.count, month.negative.of) for month in report.months] == [
        (0, 6),
        (5, 7),
    ]
    delivery = next(one for one in report.aspects if one.name == "delivery")
    assert (delivery.mentions, delivery.negative.count, delivery.recent.of) == (13, 5, 7)
    assert [one.negative.count for one in report.products] == [4]
    assert len(report.newest) == 5
    assert report.newest[0].kind == "Mention of the brand"
    assert "delivery" in report.newest[0].aspects
    low, high = report.negative.bounds
    assert 0 < low < report.negative.share < high < 1


def test_stars_part_from_words_only_where_the_model_has_not_learned_the_stars(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    taught = make_version(Task.SENTIMENT, champion=True)
    ModelVersion.objects.filter(pk=taught.pk).update(window_ends_at=NOW - timedelta(days=6))
    report = said(Asked(now=NOW))
    assert (report.harsher_words, report.kinder_words, report.rated) == (0, 2, 2)
    assert [one.stars for one in report.stars] == [1]
    page = admin_client.get(reverse("admin:said_page")).content.decode()
    assert "your own model has learned from the stars of those before" in page
    ModelVersion.objects.filter(pk=taught.pk).update(window_ends_at=NOW)
    page = admin_client.get(reverse("admin:said_page")).content.decode()
    assert "No text with stars since" in page


def test_product_and_kind_narrow_it() -> None:
    shop()
    product = said(Asked(now=NOW)).products[0].id
    assert said(Asked(now=NOW, product=product)).reviews == 10
    assert said(Asked(now=NOW, kind="MENTION")).reviews == 1
    assert said(Asked(now=NOW, kind="SERVICE")).reviews == 0


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.mark.usefixtures("at_noon")
def test_page_shows_it_in_few_queries(admin_client: Client, django_assert_max_num_queries) -> None:
    address = reverse("admin:said_page")
    assert "Nothing was written" in admin_client.get(address).content.decode()
    shop()
    with django_assert_max_num_queries(40):
        text = admin_client.get(address).content.decode()
    for words in (
        "Reviews and sentiment",
        "Newest negative texts",
        "Delivery",
        "not enough data",
        "the shipped model",
    ):
        assert words in text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    product = said(Asked(now=NOW)).products[0].id
    assert "The whole brand" in admin_client.get(f"{address}?product={product}").content.decode()
    assert admin_client.get(f"{address}?kind=MENTION").status_code == 200


@pytest.mark.parametrize("query", ["product=x", "product=99999", "kind=NONSENSE", "product=1%00"])
def test_what_does_not_exist_is_not_found(query: str, admin_client: Client) -> None:
    assert admin_client.get(f"{reverse('admin:said_page')}?{query}").status_code == 404


def test_page_needs_permission(client: Client) -> None:
    assert client.get(reverse("admin:said_page")).status_code == 302


# ---------------------------------------------------------------- abrupt change
def test_abrupt_change_reaches_the_list_of_attention() -> None:
    for week in range(1, 16):
        write(6, GOOD, days_ago=7 * week + 1)
        write(1 if week % 2 else 0, BAD, days_ago=7 * week + 2)
    write(14, GOOD, days_ago=1)
    reviews.score_new(now=NOW)
    assert abrupt_change(Asked(now=NOW)) is None
    write(16, BAD, days_ago=2)
    reviews.score_new(now=NOW)
    found = abrupt_change(Asked(now=NOW))
    assert found is not None
    assert found.share > 0.4 > found.before
    lines = [one.text for one in attention(now=NOW) if "abruptly worse" in one.text]
    assert any(line.startswith("Texts got abruptly worse") for line in lines)
    assert any("delivery" in line for line in lines)


def test_stable_weeks_hardly_ever_alarm_and_a_doubling_nearly_always_does() -> None:
    """False alarms of 52 weekly looks in 100 shops with unrest of their own; then power against a jump."""
    rng = np.random.default_rng(7)
    false = missed = 0
    for _ in range(100):
        usual = rng.uniform(0.05, 0.2)
        # the weeks of a shop differ by more than chance
        shares = rng.beta(60 * usual, 60 * (1 - usual), 82)
        of = rng.poisson(80, 82)
        bad = rng.binomial(of, shares)
        false += any(change.worse(bad[week:].tolist(), of[week:].tolist()) for week in range(52))
        jump = [int(rng.binomial(80, 2 * usual + 0.1)) for _ in range(2)]
        missed += change.worse([*jump, *bad.tolist()], [80, 80, *of.tolist()]) is None
    assert false <= 6
    assert missed <= 25


@pytest.mark.parametrize(
    ("bad", "of"),
    [([], []), ([5], [5]), ([0] * 30, [0] * 30), ([20] * 30, [20] * 30)],
)  # fmt: skip
def test_too_little_says_nothing(bad: list[int], of: list[int]) -> None:
    assert change.worse(bad, of) is None


# ---------------------------------------------------------------- what offers earned after a bad experience
def test_gain_is_read_from_holdouts_or_not_at_all(closed_campaign_with) -> None:
    assert after_bad.gains().after_bad.bounds is None
    closed_campaign_with(after_bad={Arm.TREATED: (150, -40), Arm.HOLDOUT: (120, 0)},
                         others={Arm.TREATED: (150, 90), Arm.HOLDOUT: (120, 10)})  # fmt: skip
    assert after_bad.gains().after_bad.mailed == 0  # not summed up yet
    assert (after_bad.measure_closed(), after_bad.measure_closed()) == (1, 0)
    found = after_bad.gains()
    assert found.after_bad.cents == pytest.approx(-40)
    assert found.others.cents == pytest.approx(80)
    assert (found.after_bad.mailed, found.after_bad.held_out) == (150, 120)
    less, low, high = found.difference
    assert less == pytest.approx(120)
    assert low < less < high


def test_page_reads_no_outcomes(closed_campaign_with, django_assert_num_queries) -> None:
    closed_campaign_with(after_bad={Arm.TREATED: (3, 1), Arm.HOLDOUT: (3, 0)}, others={})
    after_bad.measure_closed()
    Outcome.objects.all().delete()
    with django_assert_num_queries(1):
        assert after_bad.gains().after_bad.held_out == 3


@pytest.fixture
def closed_campaign_with():
    """Outcomes of a closed campaign: customers with a bad review before it, and others; arm to (number, cents)."""

    def make(**groups) -> None:
        campaign = CampaignFactory()
        window = OutcomeWindow.objects.create(
            campaign=campaign, starts_at=NOW, ends_at=NOW + timedelta(days=14), closed_at=NOW + timedelta(days=14)
        )  # fmt: skip
        for group, arms in groups.items():
            for arm, (count, cents) in arms.items():
                for number, customer in enumerate(CustomerFactory.create_batch(count)):
                    if group == "after_bad":
                        ReviewFactory(
                            customer=customer, rating=1, written_at=NOW - timedelta(days=3)
                        )
                    delivery = Delivery.objects.create(
                        campaign=campaign, customer=customer, arm=arm, assignment_probability=0.5,
                        state=DeliveryState.SKIPPED, reason="HOLDOUT",
                    )  # fmt: skip
                    Outcome.objects.create(
                        delivery=delivery, window=window, orders=0, revenue_cents=0, margin_cents=0,
                        profit_cents=cents + (10 if number % 2 else -10), clicked=False, unsubscribed=False,
                    )  # fmt: skip

    return make
