"""The demo's driver: what a marketer does each month, and waiting for the real processes to do the rest.

Nothing is computed here on the product's behalf. Campaigns are made and launched as the admin does it;
worker and beat freeze, send, close, learn and score because their schedule says so; the driver only
moves the simulated clock and looks at the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from rich.progress import Progress

from campaigns import lifecycle
from campaigns.enums import Arm, CampaignState, DeliveryState, Targeting
from campaigns.models import Campaign, Delivery
from config.processes import Processes
from core import clock
from customers.models import Source
from customers.queries import known_until
from feedback.models import OutcomeWindow, RetrainingDecision
from segmentation import refreshing
from segmentation.enums import SegmentKind, Task
from segmentation.models import Segment


# Seconds for each step. Long: three trainings of 2,000 customers took 180 s on two busy cores, and a
# process that ends is noticed at once.
PATIENCE = 600.0
BODY = """<p>Hello {{ customer.first_name | default: "there" }},</p>
<p>we would like to see you again: take {{ discount_percent }} % off your next order.</p>
<p><a href="https://shop.example/welcome-back">To the shop</a></p>
<p>{{ shop.postal_address }}<br><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>"""


class TooSlowError(RuntimeError):
    """A step did not happen in time; the message names it and the log to read."""


@dataclass(frozen=True, kw_only=True)
class Economics:
    """What a mail of this shop costs, as its parameters say."""

    discount_percent: int
    contact_cost_cents: int
    unsubscribe_cost_cents: int
    outcome_days: int


@dataclass
class Ring:
    """One shop on one machine, turned round by round."""

    source: Source
    economics: Economics
    processes: Processes
    progress: Progress
    user: AbstractBaseUser

    def wait(self, what: str, done: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
        """
        Wait until `done`, showing `what`.

        Raises TooSlowError, or processes.ProcessDiedError when a process ends.
        """
        bar = self.progress.add_task(what, total=None)
        deadline = time.monotonic() + seconds
        while not done():
            self.processes.check()
            if time.monotonic() > deadline:
                raise TooSlowError(
                    f"{what}: nothing happened in {seconds:.0f} s; see {self.processes.logs}"
                )
            time.sleep(0.2)
        self.progress.remove_task(bar)

    def wait_until_scored(self) -> None:
        self.wait(
            "scores and segments", lambda: not refreshing.due(now=known_until(now=clock.now()))
        )

    def wait_until_trained(self, *tasks: Task) -> None:
        for task in tasks:
            self.wait(
                f"training: {task.label.split(':')[0].lower()}",
                RetrainingDecision.objects.filter(task=task).exists,
            )

    def wait_until_learned(self, *, rounds: int) -> None:
        """Wait until the outcomes of `rounds` campaigns have been trained on and decided about."""
        for task in (Task.RESPONSE, Task.UPLIFT):
            self.wait(
                f"learning from {rounds} rounds: {task.label.split(':')[0].lower()}",
                RetrainingDecision.objects.filter(task=task, rounds__gte=rounds).exists,
            )

    def launch(self, number: int) -> Campaign:
        """Make and launch the campaign of one round, as the admin's form does; or take up an earlier run's."""
        now = clock.now()
        salt = f"demo-{self.source.pk}-{number}"
        if found := Campaign.objects.filter(salt=salt).exclude(state=CampaignState.DRAFT).first():
            if found.state == CampaignState.PAUSED:  # an earlier run's mail server went away
                lifecycle.resume(found, now=now)
            return found
        Campaign.objects.filter(salt=salt).delete()
        campaign = Campaign.objects.create(
            name=f"{now:%B %Y}: come back ({number})",
            segment=Segment.objects.get(kind=SegmentKind.EVERYONE),
            from_name="Sample Shop",
            from_email="news@shop.example",
            subject="{{ customer.first_name | default: 'Hello' }}, {{ discount_percent }} % for you",
            body_html=BODY,
            targeting=Targeting.PROFIT,
            discount_percent=self.economics.discount_percent,
            contact_cost_cents=self.economics.contact_cost_cents,
            unsubscribe_cost_cents=self.economics.unsubscribe_cost_cents,
            outcome_days=self.economics.outcome_days,
            created_at=now,
            created_by_id=self.user.pk,
            salt=salt,
        )
        lifecycle.launch(campaign, now=now)
        return campaign

    def wait_until_frozen(self, campaign: Campaign) -> None:
        def frozen() -> bool:
            campaign.refresh_from_db()
            return campaign.frozen_at is not None

        self.wait("audience", frozen)

    def wait_until_sent(self, campaign: Campaign) -> None:
        """Follow the sending with a bar until the campaign is finished."""
        to_send = Delivery.objects.filter(campaign=campaign, arm=Arm.TREATED)
        bar = self.progress.add_task("sending", total=to_send.count())
        waiting = to_send.filter(
            state__in=[
                DeliveryState.PLANNED,
                DeliveryState.CLAIMED,
                DeliveryState.SENDING,
                DeliveryState.DEFERRED,
            ]
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            campaign.refresh_from_db()
            self.progress.update(bar, completed=to_send.count() - waiting.count())
            if campaign.state == CampaignState.FINISHED:
                break
            if campaign.state in (CampaignState.PAUSED, CampaignState.CANCELLED):
                raise TooSlowError(f"{campaign} is {campaign.get_state_display()}: {campaign.note}")
            self.processes.check()
            if time.monotonic() > deadline:
                raise TooSlowError(f"sending {campaign} did not end; see {self.processes.logs}")
            time.sleep(0.3)
        self.progress.remove_task(bar)

    def let_time_pass(self, *, days: int) -> None:
        """Move the shop's clock; the simulated shop notices and answers."""
        target = clock.now() + timedelta(days=days)
        clock.set_now(target)
        epoch = int(target.timestamp()) - 6 * 3600

        def answered() -> bool:
            self.source.refresh_from_db()
            return int(self.source.settings.get("answered_until", 0)) >= epoch

        self.wait("customers order, click, unsubscribe", answered)

    def wait_until_closed(self, campaign: Campaign) -> None:
        self.wait(
            "closing the outcome window",
            OutcomeWindow.objects.filter(campaign=campaign, closed_at__isnull=False).exists,
        )
