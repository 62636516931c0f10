"""What a report means for the sender's own books: unknown deliveries, budgets, refusals in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from campaigns import handover, lifecycle
from campaigns.channels.base import Verdict
from campaigns.enums import BounceClass, DeliveryState
from campaigns.handover import Outcome
from campaigns.journal import Reply
from campaigns.models import Campaign, Delivery, DeliveryReport
from campaigns.returns import budget
from customers.models import Event
from tests.campaigns.returns.test_recording import LATER, came_back, sent
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", "smtp://127.0.0.1:1")


def test_a_refusal_that_says_in_words_alone_that_it_is_about_us_is_not_held_against_the_address() -> (
    None
):
    campaign = running_campaign("a", now=NOW)
    group = handover.claim(campaign_id=campaign.pk, owner="me", limit=1)
    (row,) = handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)
    reply = Reply(
        delivery_id=row.id, epoch=row.epoch, verdict=Verdict.PERMANENT, enhanced="", at=LATER,
        reply="550 Service unavailable; client host blocked using zen.spamhaus.org",
    )  # fmt: skip
    outcome = Outcome(id=row.id, epoch=row.epoch, attempt=1, reply=reply)
    handover.mark(owner="me", outcomes=[outcome], now=LATER)
    campaign.refresh_from_db()
    assert (Delivery.objects.get().state, campaign.reputation_errors) == (DeliveryState.FAILED, 1)
    assert DeliveryReport.objects.get().bounce == BounceClass.REPUTATION
    assert not Event.objects.filter(kind="BOUNCED").exists()


def test_what_comes_back_late_about_messages_before_the_resumption_is_not_in_the_new_budget() -> (
    None
):
    deliveries = sent(*(f"c{n}" for n in range(5)))
    campaign = Campaign.objects.get()
    lifecycle.pause(campaign, now=LATER)
    lifecycle.resume(campaign, now=LATER)
    for delivery in deliveries:
        came_back("06-null-mx", delivery, now=LATER + timedelta(hours=1))
    assert budget.returns_of(campaign).hard == 5
    assert budget.returns_of(campaign, since=campaign.budget_since).hard == 0


def test_what_came_back_before_the_delivery_became_unknown_settles_it_too() -> None:
    campaign = running_campaign("fast", now=NOW)
    group = handover.claim(campaign_id=campaign.pk, owner="me", limit=1)
    (row,) = handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)
    came_back("12-delivered-as-asked", Delivery.objects.get())
    reply = Reply(
        delivery_id=row.id, epoch=row.epoch, verdict=Verdict.AMBIGUOUS, reply="no answer", enhanced="",
        at=LATER,
    )  # fmt: skip
    outcome = Outcome(id=row.id, epoch=row.epoch, attempt=1, reply=reply)
    handover.mark(owner="me", outcomes=[outcome], now=LATER)
    assert Delivery.objects.get().state == DeliveryState.SENT
    assert Event.objects.filter(kind="DELIVERED").count() == 1
