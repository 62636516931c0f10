from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Campaign
from customers.enums import EventKind, ImportStatus
from customers.models import Import, Refund
from feedback.enums import Metric, Verdict
from feedback.models import LiftEstimate
from feedback.reports import home
from segmentation import score_partitions
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion, ReviewSentiment, Score, ScoreGeneration
from tests.factories.customers import (
    CustomerFactory,
    EventFactory,
    OrderFactory,
    ReviewFactory,
    SourceFactory,
)
from tests.factories.feedback import FinishedCampaignFactory, deliver


pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def estimate(
    campaign: Campaign,
    *,
    difference: float,
    half: float,
    at: datetime,
    verdict: str = "HELPED",
    held_out: int = 100,
) -> None:
    LiftEstimate.objects.create(
        campaign=campaign,
        metric=Metric.PROFIT,
        treated=1000,
        held_out=held_out,
        treated_mean=difference,
        holdout_mean=0,
        difference=difference,
        low=difference - half,
        high=difference + half,
        total=1000 * difference,
        sample_ratio_p=0.5,
        verdict=verdict,
        sentence="…",
        estimated_at=at,
    )


def test_home_of_an_empty_shop_is_all_zeros(now: datetime) -> None:
    shown = home(now=now)
    assert (shown.money.net_cents, shown.money.attributed_cents, shown.money.change) == (0, 0, None)
    assert (shown.incremental.campaigns, shown.incremental.total_cents) == (0, None)
    assert (shown.reach.customers, shown.reach.reachable, shown.reach.why_not) == (0, 0, ())
    assert shown.at_risk.customers is None
    assert shown.complaints.share is None
    assert (shown.campaigns, shown.attention) == ((), ())
    assert len(shown.revenue_by_day) == 31
    assert shown.reviews.negative_share is None


def test_home_nets_refunds_and_compares_with_the_month_before(now: datetime) -> None:
    order = OrderFactory(placed_at=now - DAY, total_cents=5000)
    OrderFactory(placed_at=now - 2 * DAY, total_cents=2000)
    OrderFactory(placed_at=now - 2 * DAY, total_cents=9900, status="CANCELLED")
    OrderFactory(placed_at=now - 40 * DAY, total_cents=4000)
    OrderFactory(placed_at=now + DAY, total_cents=77)
    Refund.objects.create(
        source=order.source,
        external_id="r",
        order=order,
        refunded_at=now - DAY,
        arrived_at=now,
        amount_cents=1000,
    )
    money = home(now=now).money
    assert (money.net_cents, money.prior_net_cents, money.change) == (6000, 4000, 0.5)


def test_home_splits_revenue_by_day_into_attributed_and_other(now: datetime) -> None:
    campaign = FinishedCampaignFactory()
    customer = CustomerFactory()
    EventFactory(
        customer=customer,
        kind=EventKind.CLICKED,
        happened_at=now - 4 * DAY,
        campaign_id=campaign.pk,
    )
    OrderFactory(customer=customer, placed_at=now - 3 * DAY, total_cents=300)
    OrderFactory(placed_at=now - 3 * DAY, total_cents=50)
    shown = home(now=now)
    days = {d.day: (d.attributed_cents, d.other_cents) for d in shown.revenue_by_day}
    assert days.pop((now - 3 * DAY).date()) == (300, 50)
    assert set(days.values()) == {(0, 0)}
    assert shown.money.attributed_cents == 300


def test_home_adds_up_what_campaigns_caused_with_one_interval(now: datetime) -> None:
    for difference, half, at, verdict in (
        (3.0, 3.0, now - DAY, Verdict.NOT_ENOUGH_DATA),
        (5.0, 4.0, now - 2 * DAY, Verdict.HELPED),
        (99.0, 1.0, now - 3 * DAY, Verdict.SAMPLE_RATIO),
        (99.0, 1.0, now - 31 * DAY, Verdict.HELPED),
    ):
        estimate(
            FinishedCampaignFactory(), difference=difference, half=half, at=at, verdict=verdict
        )
    # one with too few held out; that one is unclear is no reason to leave it out
    estimate(FinishedCampaignFactory(), difference=99.0, half=1.0, at=now - DAY, held_out=99)
    found = home(now=now).incremental
    assert (found.campaigns, found.left_out) == (2, 2)
    # half-widths of independent holdouts add in squares: 3, 4 → 5
    assert (found.low_cents, found.total_cents, found.high_cents) == (3000, 8000, 13000)
    assert found.sentence == "Between +\u2060€30 and +\u2060€130."


def test_home_reach_adds_up(now: datetime) -> None:
    for email in ("", "a@example.com", "b@example.com"):
        CustomerFactory(email=email)
    reach = home(now=now).reach
    assert (reach.customers, reach.reachable) == (3, 0)
    assert [(why.code, why.count) for why in reach.why_not] == [
        ("NO_ADDRESS", 1),
        ("NO_CONSENT", 2),
    ]


def test_home_at_risk_are_loyal_customers_with_a_high_churn_score(now: datetime) -> None:
    version = ModelVersion.objects.create(
        task=Task.CHURN, number=1, status=ModelStatus.CHAMPION, trained_at=now, as_of=now
    )
    generation = ScoreGeneration.objects.create(
        task=Task.CHURN, version=version, as_of=now, written_at=now, is_current=True
    )
    score_partitions.make(generation.pk)
    for churn, orders, days_ago in ((0.9, 2, 10), (0.6, 2, 10), (0.9, 1, 10), (0.9, 2, 400)):
        customer = CustomerFactory()
        Score.objects.create(generation=generation, customer=customer, value=churn)
        for _ in range(orders):
            OrderFactory(customer=customer, placed_at=now - days_ago * DAY, total_cents=700)
    at_risk = home(now=now).at_risk
    assert (at_risk.customers, at_risk.value_cents) == (1, 1400)


def test_home_watches_complaints_against_what_mailbox_providers_accept(now: datetime) -> None:
    campaign = FinishedCampaignFactory()
    for _ in range(2):
        deliver(campaign, Arm.TREATED, accepted_at=now - DAY)
    assert home(now=now).complaints.level == ""
    EventFactory(kind=EventKind.COMPLAINED, happened_at=now - DAY, campaign_id=campaign.pk)
    shown = home(now=now)
    assert (shown.complaints.count, shown.complaints.of, shown.complaints.level) == (1, 2, "stop")
    assert shown.unsubscribes.count == 0


def test_home_shows_the_last_five_campaigns(now: datetime, django_assert_max_num_queries) -> None:
    campaigns = [FinishedCampaignFactory(frozen_at=now - n * DAY) for n in range(6)]
    delivery = deliver(campaigns[0], Arm.TREATED)
    EventFactory(
        customer=delivery.customer,
        kind=EventKind.CLICKED,
        happened_at=now - DAY / 2,
        campaign_id=campaigns[0].pk,
    )
    estimate(campaigns[0], difference=1, half=0.5, at=now)
    with django_assert_max_num_queries(50):
        shown = home(now=now).campaigns
    assert [row.campaign.pk for row in shown] == [c.pk for c in campaigns[:5]]
    assert (shown[0].sent, shown[0].clicks.share, shown[0].lift.total) == (1, 1.0, 1000)
    assert (shown[1].revenue_per_recipient_cents, shown[1].lift) == (None, None)


def test_home_names_what_needs_attention(now: datetime) -> None:
    paused = FinishedCampaignFactory(name="Spring", state=CampaignState.PAUSED, note="5.7.28")
    for _ in range(2):
        deliver(paused, Arm.TREATED, state=DeliveryState.UNKNOWN, accepted_at=None)
    broken = FinishedCampaignFactory(name="Lost")
    estimate(broken, difference=1, half=1, at=now - DAY, verdict=Verdict.SAMPLE_RATIO)
    source = SourceFactory(name="Files")
    Import.objects.create(
        source=source, status=ImportStatus.FAILED, started_at=now - DAY, error="not a table"
    )
    ModelVersion.objects.create(
        task=Task.CHURN,
        number=1,
        status=ModelStatus.CHAMPION,
        trained_at=now - 61 * DAY,
        as_of=now,
    )
    ModelVersion.objects.create(
        task=Task.UPLIFT,
        number=1,
        status=ModelStatus.REFUSED,
        trained_at=now,
        as_of=now,
        reason="Only 12 customers ordered.",
    )
    for sentiment, days_ago, number in (
        ("NEGATIVE", 5, 10),
        ("POSITIVE", 5, 20),
        ("NEGATIVE", 50, 1),
        *(("POSITIVE", 15 + 7 * week, 8) for week in range(20)),
    ):
        for _ in range(number):
            review = ReviewFactory(written_at=now - days_ago * DAY)
            ReviewSentiment.objects.create(review=review, label=sentiment, scored_at=now)
    found = home(now=now).attention
    assert all(reverse(a.url_name, args=a.url_args) for a in found)
    assert [(a.kind, a.text) for a in found] == [
        ("PROBLEM", "“Spring” is paused: 5.7.28"),
        (
            "PROBLEM",
            "“Spring”: 2 messages of it are in doubt after a crash, sent or not; none is sent again.",
        ),
        ("PROBLEM", "The last import from Files failed and left nothing behind: not a table"),
        (
            "PROBLEM",
            "“Lost”: the holdout is not what was planned, so its result cannot be trusted.",
        ),
        ("NOTICE", "The churn model was trained 61 days ago and no newer one has proved better."),
        ("NOTICE", "The uplift model was not trained. Only 12 customers ordered."),
        (
            "NOTICE",
            "Texts got abruptly worse: 33\u00a0% of the last week are negative, 1\u00a0% in the half year before.",
        ),
    ]


def test_home_tells_of_a_source_that_fails_again_and_again_once(now: datetime) -> None:
    source = SourceFactory(name="Files")
    for hours in (3, 2, 1):
        Import.objects.create(
            source=source, status=ImportStatus.FAILED, error=f"try {hours}",
            started_at=now - timedelta(hours=hours),
        )  # fmt: skip
    told = [one.text for one in home(now=now).attention if "Files" in one.text]
    assert told == ["The last import from Files failed and left nothing behind: try 1"]


def test_home_forgets_a_failed_import_after_a_good_one(now: datetime) -> None:
    source = SourceFactory()
    Import.objects.create(source=source, status=ImportStatus.FAILED, started_at=now - 2 * DAY)
    Import.objects.create(source=source, status=ImportStatus.FINISHED, started_at=now - DAY)
    assert home(now=now).attention == ()
