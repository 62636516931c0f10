"""
The stage of stories about senders that die: real processes, forked from one that has Django loaded.

`manage.py send` runs the very tasks that Celery's worker runs (campaigns.tasks); the mail server is
`manage.py sink`, the database is the tests' PostgreSQL.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings

from campaigns import lifecycle, queries
from campaigns.channels.sink import JOURNAL
from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from core import clock
from customers.models import Event
from tests.factories.campaigns import CampaignFactory, segment_in_bulk


KILLED = -signal.SIGKILL
PATIENCE = 120.0  # seconds until something that must happen is given up; nothing is measured by it


class Nursery:
    """Starts processes quickly; see nursery.py."""

    def __init__(self, *, database_url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.stories.nursery"],
            env={**os.environ, "COTERIE_LOG_LEVEL": "ERROR", "DATABASE_URL": database_url},
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
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
        self.process.communicate(timeout=2 * PATIENCE)


def wait_until(happens: Callable[[], bool], *, every: float = 0.005) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        if time.monotonic() > deadline:
            pytest.fail(f"in vain for {PATIENCE:.0f} s: {inspect.getsource(happens).strip()}")
        time.sleep(every)


@dataclass
class Stage:
    """A sink and any number of senders, all processes of their own."""

    home: Path
    nursery: Nursery
    running: list[int] = field(default_factory=list)
    _counted: tuple[int, int] = (0, 0)  # bytes of the sink's journal, lines in them

    def start(self, *command: str, crash_at: str = "", **patches: object) -> int:
        """`patches`: attributes of campaigns' modules, as dispatch__GROUP=10."""
        pid = self.nursery.ask(
            start=command, home=str(self.home), smtp_url=settings.SMTP_URL, crash_at=crash_at,
            patches={f"campaigns.{name.replace('__', '.')}": to for name, to in patches.items()},
        )  # fmt: skip
        self.running.append(pid)
        return pid

    def start_sink(self, *options: str) -> str:
        self.start("sink", *options)
        port = self.home / "sink" / "port"
        wait_until(lambda: port.exists() and bool(port.read_text()))
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
        size, lines = self._counted
        with (self.home / "sink" / JOURNAL).open("rb") as journal:
            journal.seek(size)
            more = journal.read()
        self._counted = size + len(more), lines + more.count(b"\n")
        return self._counted[1]

    def wait_for(self, count: int) -> None:
        """What a dead sender had handed to the kernel still reaches the sink."""
        wait_until(lambda: self.received_count() >= count)
        assert self.received_count() == count

    def is_sending(self, pid: int) -> bool:
        return bool(list((self.home / "journals").glob(f"*-{pid}-*")))


def launched(recipients: int, *, holdout_share: float = 0.0) -> Campaign:
    campaign: Campaign = CampaignFactory(
        segment=segment_in_bulk(recipients), holdout_share=holdout_share
    )
    lifecycle.launch(campaign, now=clock.now())
    return campaign


def is_open(campaign: Campaign) -> bool:
    campaign.refresh_from_db()
    return campaign.state in (CampaignState.SCHEDULED, CampaignState.RUNNING)


def states_of(campaign: Campaign) -> dict[str, int]:
    return {state: count for state, count in queries.counts_by_state(campaign).items() if count}


def check_the_books(stage: Stage, campaign: Campaign) -> dict[str, int]:
    """No duplicate, nobody forgotten, and the mail server's record agrees; returns the states."""
    campaign.refresh_from_db()
    received = stage.received()
    assert [name for name, times in Counter(received).items() if times > 1] == []
    states = states_of(campaign)
    assert sum(states.values()) == campaign.audience
    by_name = dict(Delivery.objects.exclude(message_id="").values_list("message_id", "state"))
    assert {by_name[name] for name in received} <= {DeliveryState.SENT, DeliveryState.UNKNOWN}
    sent = {name for name, state in by_name.items() if state == DeliveryState.SENT}
    assert sent <= set(received)
    assert Event.objects.filter(kind="DELIVERED", campaign_id=campaign.pk).count() == len(sent)
    return states
