"""
Senders killed at any moment: nobody gets two messages, and nobody is silently forgotten.

Real processes throughout: see stage.py.
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.core.management import call_command

from campaigns import faults, queries, tasks
from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Delivery
from tests.stories.stage import (
    KILLED,
    Stage,
    check_the_books,
    is_open,
    launched,
    states_of,
    wait_until,
)


pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]
RECIPIENTS = int(os.environ.get("COTERIE_CHAOS_RECIPIENTS", "3000"))
KILLS = int(os.environ.get("COTERIE_CHAOS_KILLS", "10"))
CRASHES_EACH = int(os.environ.get("COTERIE_CHAOS_CRASHES", "20"))  # at each point of the code


def test_random_kills_lose_nobody_and_mail_nobody_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(20261122)
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink("--delay", "0.001"))
    campaign = launched(RECIPIENTS, holdout_share=0.1)
    to_send = 0.9 * RECIPIENTS
    moments = sorted(rng.uniform(0.02, 0.93) * to_send for _ in range(KILLS))
    start = time.monotonic()
    senders = [stage.start("send") for _ in range(2)]
    ends = []
    for moment in moments:
        wait_until(lambda m=moment: stage.received_count() >= m or not is_open(campaign))
        time.sleep(rng.uniform(0, 0.01))
        victim = rng.choice([pid for pid in senders if stage.is_sending(pid)] or senders)
        senders.remove(victim)
        ends.append(stage.end(victim, kill=True))
        senders.append(stage.start("send"))
    assert [stage.end(sender) for sender in senders] == [0, 0]
    seconds = time.monotonic() - start
    assert not is_open(campaign)
    assert campaign.state == CampaignState.FINISHED
    states = check_the_books(stage, campaign)
    unknown = states.get("UNKNOWN", 0)
    call_command("reconcile", "--json")
    after = check_the_books(stage, campaign)
    print(
        f"\n{RECIPIENTS} recipients, {KILLS} kills, {seconds:.1f} s: {states}; "
        f"{len(stage.received())} received, 0 twice, {unknown} unknown; reconciled: {after}"
    )
    assert set(ends) <= {KILLED, 0}  # 0: was done before we got to it, as on a machine that is busy
    assert ends.count(KILLED) > KILLS / 2
    assert unknown <= KILLS
    assert "UNKNOWN" not in after
    assert after["SENT"] == len(stage.received())


@dataclass(frozen=True)
class Crash:
    """What a crash leaves in the database and with the mail server, and how it ends."""

    left: dict[str, int]
    received: int
    end: dict[str, int]
    reconciled: dict[str, int]


ALL = {"SENT": 60}
IN_GROUP = {"SENDING": 50, "CLAIMED": 10}
ONE_UNKNOWN = {"SENT": 59, "UNKNOWN": 1}
ONE_FAILED = {"SENT": 59, "FAILED": 1}
CRASHES = {
    "before-claim": Crash({"PLANNED": 60}, 0, ALL, ALL),
    "after-claim": Crash({"CLAIMED": 60}, 0, ALL, ALL),
    "after-connect": Crash({"CLAIMED": 60}, 0, ALL, ALL),
    "after-intent": Crash(IN_GROUP, 0, ALL, ALL),
    "before-handover": Crash(IN_GROUP, 0, ONE_UNKNOWN, ONE_FAILED),
    "after-envelope": Crash(IN_GROUP, 0, ONE_UNKNOWN, ONE_FAILED),
    "mid-data": Crash(IN_GROUP, 0, ONE_UNKNOWN, ONE_FAILED),
    "after-dot": Crash(IN_GROUP, 1, ONE_UNKNOWN, ALL),
    "after-handover": Crash(IN_GROUP, 1, ONE_UNKNOWN, ALL),
    "after-journal": Crash(IN_GROUP, 1, ALL, ALL),
    "after-mark": Crash({"SENT": 50, "CLAIMED": 10}, 50, ALL, ALL),
}


def test_every_point_of_the_code_has_its_test() -> None:
    assert tuple(CRASHES) == faults.POINTS


@pytest.mark.parametrize("point", CRASHES)
def test_a_crash_at_each_point_has_its_outcome(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    expected = CRASHES[point]
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink())
    campaign = launched(60)
    # a machine that stops us for two seconds is no reason to give half of the group back
    no_hurry = {"dispatch__HANDOVER_SECONDS": 60.0, "dispatch__LATEST_SECONDS": 60.0}
    assert stage.end(stage.start("send", crash_at=point, dispatch__GROUP=50, **no_hurry)) == 137
    assert states_of(campaign) == expected.left
    stage.wait_for(expected.received)
    tasks.sweep()
    tasks.dispatch_due()
    assert not is_open(campaign)
    assert check_the_books(stage, campaign) == expected.end
    call_command("reconcile")
    assert check_the_books(stage, campaign) == expected.reconciled


@pytest.mark.parametrize("point", CRASHES)
def test_many_crashes_in_a_row_at_each_point_double_and_hide_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """One campaign that dies again and again at the same point, each time with what the last one left."""
    group = 10
    people = 60 + (group if point == "after-mark" else 2) * CRASHES_EACH
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink())
    campaign = launched(people)
    for _ in range(CRASHES_EACH):
        assert stage.end(stage.start("send", crash_at=point, dispatch__GROUP=group)) == 137
        tasks.sweep()
    assert stage.end(stage.start("send")) == 0
    assert not is_open(campaign)
    states = check_the_books(stage, campaign)
    unknown = CRASHES_EACH if CRASHES[point].end == ONE_UNKNOWN else 0
    assert states.get("UNKNOWN", 0) == unknown
    call_command("reconcile")
    after = check_the_books(stage, campaign)
    failed = unknown if CRASHES[point].reconciled == ONE_FAILED else 0
    assert after == {"SENT": people - failed, **({"FAILED": failed} if failed else {})}
    print(f"\n{point}: {CRASHES_EACH} crashes, {people} recipients: {states}, reconciled {after}")


def test_a_stopped_sender_is_not_taken_for_dead(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink("--delay", "0.005"))
    campaign = launched(300)
    sender = stage.start("send")
    wait_until(lambda: stage.received_count() >= 20)  # in the middle of its first group
    os.kill(sender, signal.SIGSTOP)
    # even when all its leases are over: what it is handing over is its own, what it claimed is not
    Delivery.objects.filter(owner__gt="").update(leased_until=campaign.created_at)
    held = Delivery.objects.filter(state=DeliveryState.SENDING).count()
    tasks.sweep()
    tasks.dispatch_due()
    assert queries.counts_by_state(campaign)["SENDING"] == held > 0
    os.kill(sender, signal.SIGCONT)
    assert stage.end(sender) == 0
    assert check_the_books(stage, campaign) == {"SENT": 300}
