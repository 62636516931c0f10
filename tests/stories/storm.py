"""Blow after blow while two senders work, which a supervisor keeps alive."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from campaigns import tasks
from campaigns.models import Campaign
from tests.stories.stage import Stage, check_the_books, is_open, wait_until


BLOWS = int(os.environ.get("COTERIE_CHAOS_BLOWS", "12"))  # of each kind
EACH = 80  # messages between two blows
GROUP = 50  # less than that: a stopped sender keeps its own


@dataclass
class Storm:
    stage: Stage
    campaign: Campaign
    rng: random.Random
    senders: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)  # exit codes

    def start(self) -> None:
        started = self.stage.start(
            "send", sessions__IDLE_SECONDS=0.5, handover__TRANSACTION_SECONDS=5,
            dispatch__GROUP=GROUP,
        )  # fmt: skip
        self.senders.append(started)

    def rage(self, blow: Callable[[], object]) -> dict[str, int]:
        """`blow` again and again while two senders send; returns the states at the end."""
        for _ in range(2):
            self.start()
        for number in range(1, BLOWS + 1):
            wait_until(lambda n=number: self._is_time(n * EACH))
            time.sleep(self.rng.uniform(0, 0.02))
            blow()
            self._revive()
        wait_until(self._is_finished)
        self.ended += [self.stage.end(sender) for sender in self.senders]
        tasks.sweep()
        return check_the_books(self.stage, self.campaign)

    def _is_time(self, count: int) -> bool:
        self._revive()
        return self.stage.received_count() >= count or not is_open(self.campaign)

    def _is_finished(self) -> bool:
        self._revive()
        return not is_open(self.campaign)

    def _revive(self) -> None:
        """What a supervisor does."""
        for sender in list(self.senders):
            if is_zombie(sender):
                self.senders.remove(sender)
                self.ended.append(self.stage.end(sender))
                if is_open(self.campaign):
                    self.start()


def is_zombie(pid: int) -> bool:
    """Whether it has ended and nobody has asked for its exit code yet."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
