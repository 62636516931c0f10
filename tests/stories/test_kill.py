"""
Senders killed at any moment: nobody gets two messages, and nobody is silently forgotten.

Real processes throughout: `manage.py send` runs the very tasks that Celery's worker runs
(campaigns.tasks), forked from a process that has Django loaded as that worker's are; the mail
server is `manage.py sink`, the database is the tests' PostgreSQL.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from campaigns import faults, lifecycle, queries, tasks
from campaigns.channels.sink import JOURNAL
from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from core import clock
from customers.models import Event
from tests.factories.campaigns import CampaignFactory, segment_in_bulk


pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]
RECIPIENTS = int(os.environ.get("COTERIE_CHAOS_RECIPIENTS", "3000"))
KILLS = int(os.environ.get("COTERIE_CHAOS_KILLS", "10"))
CRASHES_EACH = int(os.environ.get("COTERIE_CHAOS_CRASHES", "2"))  # at each point of the code
KILLED = -signal.SIGKILL


class Nursery:
    """Starts processes quickly; see nursery.py."""

    def __init__(self) -> None:
        there = connection.settings_dict
        user = f"{quote(there['USER'])}:{quote(there['PASSWORD'])}" if there["USER"] else ""
        port = f":{there['PORT']}" if there["PORT"] else ""
        host = urlencode({"host": there["HOST"]})
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.stories.nursery"],
            env={
                **os.environ, "COTERIE_LOG_LEVEL": "ERROR",
                "DATABASE_URL": f"postgresql://{user}@{port}/{there['NAME']}?{host}",
            },
            cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._answer() == "ready"

    def ask(self, **order: object) -> int:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate(timeout=20)


@pytest.fixture(scope="module")
def nursery(django_db_setup: None) -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.end()


@dataclass
class Stage:
    """A sink and any number of senders, all processes of their own."""

    home: Path
    nursery: Nursery
    running: list[int] = field(default_factory=list)

    def start(self, *command: str, crash_at: str = "") -> int:
        pid = self.nursery.ask(
            start=command, home=str(self.home), smtp_url=settings.SMTP_URL, crash_at=crash_at
        )
        self.running.append(pid)
        return pid

    def start_sink(self, *options: str) -> str:
        self.start("sink", *options)
        port, deadline = self.home / "sink" / "port", time.monotonic() + 20
        while not port.exists() or not port.read_text():
            assert time.monotonic() < deadline, "the sink did not start"
            time.sleep(0.01)
        return f"smtp://127.0.0.1:{port.read_text()}"

    def end(self, pid: int, *, kill: bool = False) -> int:
        if kill:
            os.kill(pid, signal.SIGKILL)
        self.running.remove(pid)
        return self.nursery.ask(wait=pid)

    def received(self) -> list[str]:
        lines = (self.home / "sink" / JOURNAL).read_text().splitlines()
        return [json.loads(line)["message_id"] for line in lines]

    def received_count(self) -> int:
        return (self.home / "sink" / JOURNAL).read_bytes().count(b"\n")

    def wait_for(self, count: int) -> None:
        """What a dead sender had handed to the kernel still reaches the sink."""
        deadline = time.monotonic() + 10
        while self.received_count() < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert self.received_count() == count

    def is_sending(self, pid: int) -> bool:
        return bool(list((self.home / "journals").glob(f"*-{pid}-*")))


@pytest.fixture
def stage(home: Path, nursery: Nursery) -> Iterator[Stage]:
    stage = Stage(home=home, nursery=nursery)
    yield stage
    for pid in list(stage.running):
        stage.end(pid, kill=True)


def launched(recipients: int) -> Campaign:
    campaign: Campaign = CampaignFactory(segment=segment_in_bulk(recipients), holdout_share=0.1)
    lifecycle.launch(campaign, now=clock.now())
    return campaign


def is_open(campaign: Campaign) -> bool:
    campaign.refresh_from_db()
    return campaign.state in (CampaignState.SCHEDULED, CampaignState.RUNNING)


def check_the_books(stage: Stage, campaign: Campaign) -> dict[str, int]:
    """No duplicate, nobody forgotten, and the mail server's record agrees; returns the states."""
    campaign.refresh_from_db()
    received = stage.received()
    assert [name for name, times in Counter(received).items() if times > 1] == []
    states = queries.counts_by_state(campaign)
    assert sum(states.values()) == campaign.audience
    by_name = dict(Delivery.objects.exclude(message_id="").values_list("message_id", "state"))
    assert {by_name[name] for name in received} <= {DeliveryState.SENT, DeliveryState.UNKNOWN}
    sent = {name for name, state in by_name.items() if state == DeliveryState.SENT}
    assert sent <= set(received)
    assert Event.objects.filter(kind="DELIVERED", campaign_id=campaign.pk).count() == len(sent)
    return {state: count for state, count in states.items() if count}


def test_random_kills_lose_nobody_and_mail_nobody_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(20261122)
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink("--delay", "0.001"))
    campaign = launched(RECIPIENTS)
    to_send = 0.9 * RECIPIENTS
    moments = sorted(rng.uniform(0.02, 0.93) * to_send for _ in range(KILLS))
    start = time.monotonic()
    senders = [stage.start("send") for _ in range(2)]
    for moment in moments:
        while stage.received_count() < moment and is_open(campaign):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.01))
        victim = rng.choice([pid for pid in senders if stage.is_sending(pid)] or senders)
        senders.remove(victim)
        assert stage.end(victim, kill=True) == KILLED
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
    campaign = CampaignFactory(segment=segment_in_bulk(60), holdout_share=0.0)
    lifecycle.launch(campaign, now=clock.now())
    assert stage.end(stage.start("send", crash_at=point)) == 137
    states = queries.counts_by_state(campaign)
    assert {state: count for state, count in states.items() if count} == expected.left
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
    people = 60 + 50 * CRASHES_EACH if point == "after-mark" else 60 + 2 * CRASHES_EACH
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink())
    campaign = CampaignFactory(segment=segment_in_bulk(people), holdout_share=0.0)
    lifecycle.launch(campaign, now=clock.now())
    for _ in range(CRASHES_EACH):
        assert stage.end(stage.start("send", crash_at=point)) == 137
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
    campaign = CampaignFactory(segment=segment_in_bulk(300), holdout_share=0.0)
    lifecycle.launch(campaign, now=clock.now())
    sender = stage.start("send")
    while stage.received_count() < 20:  # in the middle of its first group of 50
        time.sleep(0.002)
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
