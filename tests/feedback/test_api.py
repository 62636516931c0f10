"""Results over REST: what the result page says, with the interval and in the same words."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from campaigns.enums import Arm
from feedback.models import OutcomeWindow
from tests.factories.campaigns import CampaignFactory
from tests.factories.customers import NOW
from tests.factories.feedback import FinishedCampaignFactory, deliver
from tests.gateway.clients import Api
from tests.screens.rows import estimate


pytestmark = pytest.mark.django_db


def test_result_has_interval_and_words() -> None:
    campaign = FinishedCampaignFactory()
    deliver(campaign, Arm.TREATED)
    deliver(campaign, Arm.HOLDOUT)
    OutcomeWindow.objects.create(
        campaign=campaign, starts_at=campaign.frozen_at,
        ends_at=campaign.frozen_at + timedelta(days=14), closed_at=NOW,
    )  # fmt: skip
    estimate(campaign=campaign)
    estimate(campaign=campaign, metric="CONVERSION", low=math.nan, high=math.nan)
    said = Api().get(f"campaigns/{campaign.pk}/results").json()
    profit, conversion = said["lifts"]
    assert (profit["low"], profit["difference"], profit["high"]) == (-5.0, 10.0, 25.0)
    assert profit["sentence"] == "Not enough data: between −45 and +225."
    # JSON has no NaN: a bound that there is none of is null
    assert (conversion["low"], conversion["high"]) == (None, None)
    assert said["waiting"] == ""
    assert {row["code"]: row["count"] for row in said["funnel"]}["SEGMENT"] == 2


def test_campaign_without_a_result_says_why() -> None:
    said = Api().get(f"campaigns/{CampaignFactory().pk}/results").json()
    assert said["lifts"] == []
    assert said["waiting"] == "Nothing has been sent yet."


def test_results_take_their_own_scope() -> None:
    campaign = FinishedCampaignFactory()
    assert Api(["campaigns:read"]).get(f"campaigns/{campaign.pk}/results").status_code == 403
