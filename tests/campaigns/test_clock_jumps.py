"""Clocks that are put on, put back or run wild: every campaign begins once, and no lease depends on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from campaigns import dispatch, handover, lifecycle, queries, tasks
from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from core import clock
from tests.campaigns.test_quiet import ZONES, edges
from tests.factories.campaigns import CampaignFactory, running_campaign
from tests.factories.consent import MailableFactory
from tests.factories.customers import NOW
from tests.factories.segmentation import segment_of


pytestmark = pytest.mark.django_db
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.mark.parametrize("name", ZONES)
def test_at_every_change_of_clocks_a_campaign_begins_once_and_mails_once(
    sink: Any, name: str
) -> None:
    segment = segment_of([MailableFactory()])
    zone = ZoneInfo(name)
    moments = edges(zone) or [datetime(2028, 2, 29, 18, 30, tzinfo=UTC)]  # midnight of a leap day
    for moment in moments:
        at = moment.astimezone(zone)  # as somebody there means it
        campaign = CampaignFactory(segment=segment, holdout_share=0.0, min_days_between=0)
        lifecycle.schedule(campaign, at=at, now=moment - 2 * HOUR)

        def tick(now: datetime, campaign: Campaign = campaign) -> str:
            dispatch.run(
                now=lambda: now,
                seconds=5,
                channel_url=sink.url,
                journals=settings.HOME / "journals",
            )
            campaign.refresh_from_db()
            return campaign.state

        early = [tick(moment - HOUR), tick(moment - SECOND)]
        assert early == [CampaignState.SCHEDULED] * 2
        # the hour comes a second time, the clock jumps a day, and goes back
        after = [tick(moment + shift) for shift in (0 * HOUR, -HOUR, SECOND, 24 * HOUR, -24 * HOUR)]
        assert after == [CampaignState.FINISHED] * 5
        assert campaign.frozen_at == moment
        assert Delivery.objects.filter(campaign=campaign).count() == 1
    assert len(sink.recipients) == len(moments)
    print(f"\n{name}: {len(moments)} changes of clocks, each campaign begun once")


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 24 * HOUR, -24 * HOUR, timedelta(days=366)])
def test_leases_and_retries_run_by_the_clock_of_the_database(sink: Any, jump: timedelta) -> None:
    clock.set_now(NOW)
    campaign = running_campaign("a", "b", "reply-451", now=NOW)
    (waiting,) = Delivery.objects.filter(customer__email__startswith="reply-451")
    tasks.dispatch_due()
    claimable = running_campaign("c", now=NOW)
    (claimed,) = handover.claim(campaign_id=claimable.pk, owner="alive", limit=1)
    clock.set_now(NOW + jump)
    assert tasks.sweep() == 0
    assert Delivery.objects.get(pk=claimed.id).state == DeliveryState.CLAIMED
    tasks.dispatch_due()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempt) == (DeliveryState.DEFERRED, 1)
    assert queries.counts_by_state(campaign)["SENT"] == 2
    assert sorted(sink.recipients) == ["a@example.com", "b@example.com"]
