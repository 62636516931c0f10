"""What people wish holds when a message is handed over, not only when the audience is frozen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from campaigns import handover, queries
from campaigns.enums import CampaignState, DeliveryState, SkipReason
from campaigns.models import Campaign, Delivery
from consent.public import choosing
from core import clock, ids
from customers.models import Customer
from tests.factories.campaigns import running_campaign
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> Campaign:
    clock.set_now(LATER)
    monkeypatch.setattr(settings, "SMTP_URL", settings.SMTP_URL or "smtp://127.0.0.1:1")
    return running_campaign("a", now=NOW, min_days_between=0)


def intend(campaign: Campaign) -> int:
    group = handover.claim(campaign_id=campaign.pk, owner="me", limit=100)
    return len(handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER))


def test_a_pause_asked_for_after_the_freeze_holds_the_message_back(campaign: Campaign) -> None:
    customer = Customer.objects.get()
    choosing.wish(customer, at_most_a_month=None, paused_until=LATER + timedelta(days=3), now=LATER)
    assert intend(campaign) == 0
    assert queries.skips_by_reason(campaign) == {SkipReason.PAUSED: 1}


@pytest.mark.parametrize(("limit", "sent_days_ago", "reasons"), [
    (1, 29, {SkipReason.FREQUENCY: 1}), (1, 31, {}), (2, 29, {}), (None, 1, {}),
])  # fmt: skip
def test_at_most_so_many_a_month(
    campaign: Campaign, limit: int | None, sent_days_ago: int, reasons: dict[str, int]
) -> None:
    customer = Customer.objects.get()
    choosing.wish(customer, at_most_a_month=limit, paused_until=None, now=NOW)
    sent = LATER - timedelta(days=sent_days_ago)
    campaign.refresh_from_db()
    earlier = Campaign.objects.get(pk=campaign.pk)
    earlier.pk, earlier.name, earlier.state = None, "earlier", CampaignState.FINISHED
    earlier.salt = "another"
    earlier.save()
    Delivery.objects.create(
        campaign=earlier, customer=customer, arm="TREATED", assignment_probability=1.0, state=DeliveryState.SENT,
        intent_at=sent, accepted_at=sent,
    )  # fmt: skip
    assert intend(campaign) == (0 if reasons else 1)
    assert queries.skips_by_reason(campaign) == reasons


def test_an_address_corrected_in_mid_campaign_is_the_one_that_is_mailed(campaign: Campaign) -> None:
    Customer.objects.update(
        email="right@example.com",
        email_hmac=ids.address_hmac("right@example.com", pepper=settings.SUPPRESSION_PEPPER),
    )
    group = handover.claim(campaign_id=campaign.pk, owner="me", limit=100)
    (row,) = handover.intend(campaign_id=campaign.pk, owner="me", group=group, now=LATER)
    assert row.recipient.email == "right@example.com"
