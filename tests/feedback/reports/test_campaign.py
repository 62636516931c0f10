from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.enums import Arm, CampaignState, DeliveryState
from customers.enums import EventKind
from feedback import outcomes
from feedback.reports import campaign_report
from tests.factories.customers import EventFactory, OrderFactory, SourceFactory
from tests.factories.feedback import FROZEN_AT, FinishedCampaignFactory, deliver


pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def campaign():
    """Seven in the segment: two mailed of whom one clicked and bought, two held out of whom one bought."""
    campaign = FinishedCampaignFactory(outcome_days=3)
    buyer, reader = deliver(campaign, Arm.TREATED), deliver(campaign, Arm.TREATED)
    deliver(campaign, Arm.TREATED, state=DeliveryState.UNKNOWN, accepted_at=None)
    held_out_buyer, _ = deliver(campaign, Arm.HOLDOUT), deliver(campaign, Arm.HOLDOUT)
    deliver(campaign, Arm.NOT_TARGETED)
    deliver(campaign, Arm.EXCLUDED)
    for delivery, kind in (
        (buyer, EventKind.CLICKED),
        (buyer, EventKind.CLICKED),
        (reader, EventKind.UNSUBSCRIBED),
        (reader, EventKind.COMPLAINED),
    ):
        EventFactory(
            customer=delivery.customer,
            kind=kind,
            happened_at=FROZEN_AT + DAY / 2,
            campaign_id=campaign.pk,
        )
    OrderFactory(customer=buyer.customer, placed_at=FROZEN_AT + DAY)
    OrderFactory(customer=held_out_buyer.customer, placed_at=FROZEN_AT + 2.5 * DAY)
    return campaign


def test_campaign_report_counts_every_member_once(campaign, now: datetime) -> None:
    report = campaign_report(campaign)
    assert [(step.code, step.count) for step in report.funnel] == [
        ("SEGMENT", 7),
        ("ELIGIBLE", 6),
        ("CHOSEN", 3),
        ("SENT", 2),
        ("CLICKED", 1),
        ("ORDERED", 1),
    ]
    assert [(s.code, s.count) for s in report.states] == [
        ("SENT", 2),
        ("UNKNOWN", 1),
        ("SKIPPED", 4),
    ]
    assert [(s.code, s.count) for s in report.skips] == [
        ("NO_CONSENT", 1),
        ("HOLDOUT", 2),
        ("NOT_TARGETED", 1),
    ]


def test_campaign_report_shows_credit_and_complaints_with_their_rules(campaign) -> None:
    report = campaign_report(campaign)
    assert (report.attributed_orders, report.attributed_revenue_cents) == (1, 2000)
    assert "clicked last, at most 5 days before" in report.attribution_rule
    assert (report.unsubscribes.share, report.unsubscribes.level) == (0.5, "")
    assert (report.complaints.share, report.complaints.level) == (0.5, "stop")
    assert report.bounces.share == 0


def test_campaign_report_waits_for_the_window(campaign, now: datetime) -> None:
    report = campaign_report(campaign)
    assert (report.lifts, report.headline, report.conversion_by_day) == ((), None, ())
    assert report.waiting.startswith("The result can be read after 5 May 2026")
    outcomes.close_due(now=now)
    report = campaign_report(campaign)
    assert report.waiting == ""
    assert [lift.metric for lift in report.lifts] == ["PROFIT", "CONVERSION", "REVENUE", "MAILED"]
    assert report.headline.sentence.startswith("Not enough data")
    assert report.headline.total == pytest.approx(4 * ((800 - 2 * 5 - 300) / 4 - 400))


def test_campaign_report_draws_conversion_day_by_day(campaign, now: datetime) -> None:
    outcomes.close_due(now=now)
    days = campaign_report(campaign).conversion_by_day
    assert [(d.day, d.treated, d.held_out) for d in days] == [
        (1, 0, 0),
        (2, 0.25, 0),
        (3, 0.25, 0.5),
    ]
    assert all(0 <= d.treated_low <= d.treated <= d.treated_high <= 1 for d in days)


@pytest.mark.parametrize("is_simulated", [True, False])
def test_campaign_report_says_whether_outcomes_are_simulated(*, is_simulated: bool) -> None:
    campaign = FinishedCampaignFactory()
    source = SourceFactory(outcomes_simulated=is_simulated)
    delivery = deliver(campaign, Arm.TREATED)
    delivery.customer.source = source
    delivery.customer.save()
    report = campaign_report(campaign)
    assert report.is_simulated is is_simulated
    assert ("simulated" in report.simulated_note) is is_simulated


@pytest.mark.parametrize(
    ("fields", "waiting"),
    [
        ({"state": CampaignState.DRAFT, "frozen_at": None}, "Nothing has been sent yet."),
        ({"state": CampaignState.CANCELLED}, "The campaign was cancelled"),
    ],
)
def test_campaign_report_of_a_campaign_without_a_result(
    fields: dict[str, object], waiting: str
) -> None:
    report = campaign_report(FinishedCampaignFactory(**fields))
    assert report.waiting.startswith(waiting)
    assert report.unsubscribes.share is None
