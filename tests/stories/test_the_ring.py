"""
The ring, turned twice by the real worker and beat over the real broker.

Simulated shop -> import -> consent -> scores -> campaign -> SMTP -> answers -> outcomes -> retrained model.
"""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from rich.console import Console
from rich.progress import Progress

from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from config.management.commands.demo import STARTS_AT, economics
from config.processes import Processes
from config.ring import Ring
from core import clock
from customers.enums import EventKind
from customers.models import Event
from customers.sources import simulated_shop
from customers.sources.simulation.parameters import ShopParameters
from feedback.models import LiftEstimate, Outcome, OutcomeWindow, RetrainingDecision
from segmentation import queries
from segmentation.enums import Task
from segmentation.models import ReviewSentiment, Score, Segment


pytestmark = [pytest.mark.story, pytest.mark.xdist_group("ring")]


def test_the_ring_turns_twice(processes: Processes) -> None:
    clock.set_now(STARTS_AT)
    source, report = simulated_shop.create(
        name="Story", parameters=ShopParameters.load("regulars"), customers=2_000, seed=7,
        starts_at=STARTS_AT, now=STARTS_AT,
    )  # fmt: skip
    assert report.lines == report.accepted > 20_000
    user = get_user_model().objects.create_superuser("marketer")
    processes.start_sink()
    processes.start_worker_and_beat()
    ring = Ring(
        source=source, economics=economics(source), processes=processes,
        progress=Progress(console=Console(quiet=True)), user=user,
    )  # fmt: skip

    ring.wait_until_trained(Task.CHURN, Task.PURCHASE)
    for number in (1, 2):
        ring.wait_until_scored()
        campaign = ring.launch(number)
        ring.wait_until_frozen(campaign)
        ring.wait_until_sent(campaign)
        ring.let_time_pass(days=28)
        ring.wait_until_closed(campaign)
        ring.wait_until_learned(rounds=number)

    first, second = Campaign.objects.order_by("id")
    _everybody_is_accounted_for(first)
    _the_experiment_is_logged(first)
    # what was learned from the first round decided the second
    assert first.model_version_id is None
    assert second.model_version is not None
    assert second.model_version.task == Task.UPLIFT
    newest = RetrainingDecision.objects.filter(task=Task.UPLIFT).order_by("-rounds").first()
    assert newest is not None
    assert newest.rounds == 2
    assert newest.reason
    # everybody's outcome is known, mailed or not, and lift is stated for each round
    for window in OutcomeWindow.objects.all():
        inside = Delivery.objects.filter(campaign=window.campaign).exclude(arm=Arm.EXCLUDED)
        assert Outcome.objects.filter(window=window).count() == inside.count()
        assert (
            LiftEstimate.objects.filter(campaign=window.campaign).exclude(sentence="").count() >= 3
        )
    # and the rest of the house did its work on the way
    assert ReviewSentiment.objects.exists()
    assert Segment.objects.filter(size__gt=0, kind="RFM").exists()
    assert queries.champion(Task.CHURN) is not None
    assert Score.objects.filter(generation__task=Task.CHURN, generation__is_current=True).exists()


def _everybody_is_accounted_for(campaign: Campaign) -> None:
    assert campaign.state == CampaignState.FINISHED
    rows = Delivery.objects.filter(campaign=campaign)
    assert rows.count() == campaign.audience
    sent = rows.filter(state=DeliveryState.SENT).count()
    assert sent == Event.objects.filter(kind=EventKind.DELIVERED, campaign_id=campaign.pk).count()
    assert (
        sent + rows.filter(state=DeliveryState.SKIPPED).exclude(reason="").count() == rows.count()
    )


def _the_experiment_is_logged(campaign: Campaign) -> None:
    inside = Delivery.objects.filter(campaign=campaign).exclude(arm=Arm.EXCLUDED)
    assert not inside.filter(assignment_probability__isnull=True).exists()
    held_out = inside.filter(arm=Arm.HOLDOUT).count() / inside.count()
    assert 0.06 < held_out < 0.14
