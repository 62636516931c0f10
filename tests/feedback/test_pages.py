"""Home, results, models and the page of a customer, read as a marketer reads them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from campaigns.enums import Arm
from consent import ledger
from consent.enums import Purpose, SuppressionReason
from core import clock
from customers.enums import EventKind
from feedback.enums import Verdict
from feedback.models import OutcomeWindow
from segmentation.enums import ModelStatus, SegmentKind, Sentiment, Task
from segmentation.models import FirstPurchase, Membership, ReviewSentiment, Score
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    CustomerFactory,
    EventFactory,
    OrderFactory,
    ReviewFactory,
    SourceFactory,
)
from tests.factories.feedback import FROZEN_AT, FinishedCampaignFactory, deliver
from tests.factories.segmentation import SegmentFactory
from tests.screens.rows import estimate, generation, model_version


pytestmark = pytest.mark.django_db


def read(client: Client, name: str, *args: object, **query: object) -> str:
    response = client.get(reverse(f"admin:{name}", args=args), query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# ------------------------------------------------------------------ home
def test_home_of_an_empty_shop_says_what_to_do_next(admin_client: Client) -> None:
    page = read(admin_client, "index")
    assert "There are no customers yet" in page
    assert "Bring in your shop" in page
    assert "Net sales" not in page


def test_home_shows_money_reach_and_why_not(admin_client: Client) -> None:
    customer = MailableFactory()
    CustomerFactory()
    OrderFactory(customer=customer, placed_at=clock.now() - timedelta(days=3), total_cents=123_456)
    page = read(admin_client, "index")
    assert "€1,235" in page
    assert "of 2 customers" in page
    assert "No consent" in page
    assert "Show as a table" in page
    assert "Simulated shop" not in page


def test_home_says_when_outcomes_are_simulated(admin_client: Client) -> None:
    CustomerFactory(source=SourceFactory(outcomes_simulated=True))
    assert "drawn from a model" in read(admin_client, "index")


def test_home_shows_no_numbers_to_staff_without_permission(client: Client) -> None:
    MailableFactory()
    client.force_login(User.objects.create_user("clerk", password="x", is_staff=True))
    page = read(client, "index")
    assert "may not see the shop" in page
    assert "Net sales" not in page


# ------------------------------------------------------------------ result
def test_result_waits_for_the_window(admin_client: Client) -> None:
    campaign = FinishedCampaignFactory()
    deliver(campaign, Arm.TREATED)
    deliver(campaign, Arm.HOLDOUT)
    page = read(admin_client, "campaign_result", campaign.pk)
    assert "The result can be read after" in page
    assert "Against those held out" not in page
    assert "Held out at random" in page


@pytest.mark.parametrize(
    ("verdict", "sentence", "banner"),
    [
        (Verdict.NOT_ENOUGH_DATA, "Not enough data: between −45 and +225.", "ct-banner-note"),
        (Verdict.HELPED, "EUR 90 more profit than mailing nobody.", "ct-banner-good"),
        (Verdict.HARMED, "EUR 90 less profit than mailing nobody.", "ct-banner-bad"),
        (Verdict.SAMPLE_RATIO, "Do not trust this result.", "ct-banner-warn"),
    ],
)
def test_result_says_the_verdict_in_words(
    admin_client: Client, verdict: str, sentence: str, banner: str
) -> None:
    campaign = FinishedCampaignFactory()
    closed = FROZEN_AT + timedelta(days=14)
    OutcomeWindow.objects.create(
        campaign=campaign, starts_at=FROZEN_AT, ends_at=closed, closed_at=closed, round_number=1
    )
    estimate(campaign=campaign, verdict=verdict, sentence=sentence)
    page = read(admin_client, "campaign_result", campaign.pk)
    assert sentence in page
    assert f'{banner}" role="status"' in page
    assert "−\u2060€0.05 to +\u2060€0.25" in page
    assert "zero is inside" in page
    assert "shown beside and never added" in page


# ------------------------------------------------------------------ models
def test_models_page_before_any_training(admin_client: Client) -> None:
    page = read(admin_client, "models_page")
    assert page.count("Not trained yet") == len(Task)
    assert "No model has been trained yet." in page


def test_models_page_shows_the_champion_beside_the_rule(admin_client: Client) -> None:
    model_version(
        status=ModelStatus.CHAMPION,
        metrics={
            "model": {"auc": 0.781, "log_loss": 0.5},
            "baseline": {"auc": 0.7, "log_loss": 0.6},
            "calibration": [{"predicted": 0.2, "observed": 0.25, "rows": 40}],
        },
    )
    model_version(task=Task.RESPONSE, status=ModelStatus.REFUSED, reason="Too few to learn from.")
    page = read(admin_client, "models_page")
    assert "Ranking (AUC)" in page
    assert "0.781" in page
    assert page.count(">better<") == 2
    assert "predicted 20.0 %, came 25.0 %, 40 customers" in page
    assert "None serves" in page
    assert "Too few to learn from." in page


# ------------------------------------------------------------------ customer
def test_customer_page_tells_the_story(admin_client: Client) -> None:
    customer = MailableFactory(first_name="Grace", last_name="Hopper")
    now = clock.now()
    for days, cents in ((100, 1000), (60, 2000), (30, 3000)):
        OrderFactory(
            customer=customer, placed_at=now - timedelta(days=days, hours=1), total_cents=cents
        )
    review = ReviewFactory(customer=customer, written_at=now - timedelta(days=20))
    ReviewSentiment.objects.create(
        review=review, label=Sentiment.POSITIVE, polarity=0.9, scored_at=now
    )
    group = SegmentFactory(name="Champions", kind=SegmentKind.RFM)
    Membership.objects.create(segment=group, customer=customer, joined_at=now)
    Score.objects.create(generation=generation(is_current=True), customer=customer, value=0.42)
    campaign = FinishedCampaignFactory(name="Tea week")
    deliver(campaign, Arm.HOLDOUT, customer=customer)
    EventFactory(customer=customer, kind=EventKind.CLICKED, campaign_id=campaign.pk)
    page = read(admin_client, "customer_page", customer.pk)
    assert "May be mailed." in page
    assert "€60.00" in page
    assert "usual gap 35 days" in page
    assert "Its words: positive." in page
    assert "Champions" in page
    assert "42 %" in page
    assert "Not sent, because: Held out at random" in page
    assert "Clicked a link" in page


def test_customer_page_tells_what_the_first_order_promises(admin_client: Client) -> None:
    customer = MailableFactory()
    of_first = generation(task=Task.FIRST_PURCHASE, is_current=True)
    of_first.version.metrics = {"segments": ["Loyal", "Once only"], "horizon_days": 365}
    of_first.version.save()
    Score.objects.create(generation=of_first, customer=customer, value=12_345)
    FirstPurchase.objects.create(
        generation=of_first, customer=customer, first_order_cents=3450, shares=[0.31, 0.69]
    )
    OrderFactory(customer=customer, placed_at=of_first.as_of - timedelta(days=100))
    page = read(admin_client, "customer_page", customer.pk)
    assert "Expected of the first order alone, in the 365 days after it" in page
    assert "€123.45" in page
    assert (
        "after €34.50; 100 of the 365 days are over; likeliest groups: 69 % “Once only”, 31 % “Loyal”"
        in page
    )


def test_customer_page_of_somebody_new(admin_client: Client) -> None:
    customer = CustomerFactory(first_name="", last_name="", email="")
    page = read(admin_client, "customer_page", customer.pk)
    assert f"Customer {customer.external_id}" in page
    assert "No e-mail address" in page
    assert "May not be mailed." in page
    assert "Was in no campaign" in page


def test_customer_page_says_why_somebody_may_not_be_mailed(admin_client: Client, now) -> None:
    silent, left, bounced = CustomerFactory(), MailableFactory(), MailableFactory()
    ledger.withdraw(customer=left, purpose=Purpose.MARKETING, method="one-click", now=now)
    ledger.suppress(address_hmac=bounced.email_hmac, reason=SuppressionReason.HARD_BOUNCE, now=now)
    assert "Never agreed" in read(admin_client, "customer_page", silent.pk)
    assert "Consent withdrawn" in read(admin_client, "customer_page", left.pk)
    assert "address does not exist" in read(admin_client, "customer_page", bounced.pk)


def test_customer_timeline_goes_on_to_older_pages(admin_client: Client) -> None:
    customer = CustomerFactory()
    now = clock.now()
    for days in range(1, 61):
        OrderFactory(
            customer=customer, external_id=f"N{days}", placed_at=now - timedelta(days=days)
        )
    first = admin_client.get(reverse("admin:customer_page", args=[customer.pk]))
    assert [entry.title for entry in first.context["timeline"]] == [
        f"Order N{days}" for days in range(1, 41)
    ]
    older = admin_client.get(
        reverse("admin:customer_page", args=[customer.pk]), {"before": first.context["older"]}
    )
    assert [entry.title for entry in older.context["timeline"]] == [
        f"Order N{days}" for days in range(41, 61)
    ]
    assert older.context["older"] is None
    assert "nonsense" not in read(admin_client, "customer_page", customer.pk, before="nonsense")


def test_customer_page_needs_the_permission(client: Client) -> None:
    customer = CustomerFactory()
    client.force_login(User.objects.create_user("clerk", password="x", is_staff=True))
    address = reverse("admin:customer_page", args=[customer.pk])
    assert client.get(address).status_code == 403
