"""Whatever people, the shop, staff and crashes do in whatever order: nobody is mailed who may not be."""

from __future__ import annotations

import json
import os
import smtplib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as bounds
from hypothesis.stateful import run_state_machine_as_test

from campaigns import dispatch, handover
from campaigns.channels.sink import JOURNAL
from core import statements
from customers import reports
from tests.campaigns.conftest import RunningSink, running
from tests.stories.sending_machine.machine import DiedError, Sending


pytestmark = [pytest.mark.story, pytest.mark.django_db]
STEPS = int(os.environ.get("COTERIE_MACHINE_STEPS", "5000"))
SEED = int(os.environ.get("COTERIE_MACHINE_SEED", "1"))  # the first of as many as it takes
EXAMPLES, STEPS_EACH = 50, 50  # at most, for each of them
PHASES = [Phase.generate, Phase.shrink][: int(os.environ.get("COTERIE_MACHINE_PHASES", "2"))]


class MailServer:
    def __init__(self, server: RunningSink) -> None:
        self.url, self.port = server.url, server.port
        self.journal = (server.sink.folder / JOURNAL).open()

    def arrived(self) -> list[dict[str, Any]]:
        """What came since the last time."""
        return [json.loads(line) for line in self.journal]

    def settle(self) -> None:
        """Wait until it has read what a dead sender left in its socket: it answers in turn."""
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            client.noop()


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[MailServer]:
    with running(tmp_path / "sink", keep=0) as server:
        mail_server = MailServer(server)
        yield mail_server
        mail_server.journal.close()


@pytest.fixture
def _senders_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sender that dies the system closes the files and the socket; nothing else happens."""
    close = dispatch._Sender.close

    def close_or_die(sender: Any) -> None:
        if not isinstance(sys.exc_info()[1], DiedError):
            close(sender)
            return
        os.close(sender.journal._file)
        sender.channel._drop()

    monkeypatch.setattr(dispatch._Sender, "close", close_or_die)


@pytest.fixture
def _is_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what decides nothing here: half of the time."""
    monkeypatch.setattr(reports, "profile", lambda *told: {})  # for staff: gaps in a file
    monkeypatch.setattr(statements, "plan_anew", lambda: None)  # the tables do not grow
    monkeypatch.setattr(handover, "TRANSACTION_SECONDS", 0)  # here all is one transaction
    for name in ("fsync", "fdatasync"):  # what dies is a process, not the machine
        monkeypatch.setattr(os, name, lambda handle: None)


@pytest.mark.usefixtures("_senders_die", "_is_cheap")
def test_nobody_is_mailed_who_may_not_be_and_nobody_else_is_left_out(
    mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", mail_server.url)
    monkeypatch.setattr(settings, "LOGBOOK", "")  # each example has its own
    monkeypatch.setattr(dispatch, "GROUP", 2)  # so that crashes fall between groups too
    machine = type("Machine", (Sending,), {"mail_server": mail_server})
    start, seeds = time.monotonic(), 0
    while machine.steps < STEPS:
        wanted = min(EXAMPLES, -(-(STEPS - machine.steps) // STEPS_EACH))
        run_state_machine_as_test(
            seed(SEED + seeds)(machine),
            settings=bounds(
                max_examples=wanted, stateful_step_count=STEPS_EACH, deadline=None, database=None,
                print_blob=False, phases=PHASES,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )  # fmt: skip
        seeds += 1
    print(
        f"\n{machine.steps} steps from seed {SEED}, {machine.sent} messages, {machine.crashes} crashes,"
        f" {machine.unknown} unknown: 0 violations, {time.monotonic() - start:.0f} s"
    )
    assert machine.sent > STEPS / 40
    assert machine.crashes > STEPS / 200
