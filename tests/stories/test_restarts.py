"""Deployment after deployment in mid-send: SIGTERM to a Celery worker, wait until it ends, start the next."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from django.conf import settings

from campaigns.enums import DeliveryState
from campaigns.models import Delivery
from config.celery import app
from tests.stories.stage import Stage, check_the_books, is_open, launched, wait_until


pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]
RESTARTS = int(os.environ.get("COTERIE_CHAOS_RESTARTS", "5"))
EACH = 160  # messages at the most from one restart to the next
GROUP = 25  # messages that a worker ends in any case
SECONDS = 0.2  # of sending in one task; a worker that is asked to end ends its task first
WORKER = (
    "worker", "--queues", "send", "--concurrency", "2", "--without-gossip", "--without-mingle",
    "--loglevel", "ERROR",
)  # fmt: skip


def start(stage: Stage) -> int:
    return stage.start("celery", *WORKER, dispatch__GROUP=GROUP)


@pytest.fixture
def _beat() -> Iterator[None]:
    """Rings as beat does, and for shorter portions."""
    ended = threading.Event()

    def ring() -> None:
        while not ended.wait(0.1):
            app.send_task("campaigns.tasks.dispatch_due", kwargs={"seconds": SECONDS})

    thread = threading.Thread(target=ring)
    thread.start()
    yield
    ended.set()
    thread.join()
    with app.connection_for_write() as connection:
        connection.default_channel.queue_purge("send")


@pytest.mark.usefixtures("_beat")
def test_restart_after_restart_in_mid_send_leaves_nothing_unknown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(20261122)
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink("--delay", "0.004"))
    campaign = launched(EACH * (RESTARTS + 1))
    in_mid_send = 0
    waits = []
    for _ in range(RESTARTS):
        worker, had = start(stage), stage.received_count()
        wait_until(lambda had=had: stage.received_count() >= had + rng.randrange(1, GROUP))
        in_mid_send += bool(list((stage.home / "journals").glob("*.journal")))
        asked = time.monotonic()
        os.kill(worker, signal.SIGTERM)
        assert stage.end(worker) == 0
        waits.append(time.monotonic() - asked)
        assert is_open(campaign)
        in_hand = Delivery.objects.filter(state__in=[DeliveryState.SENDING, DeliveryState.UNKNOWN])
        assert not in_hand.exists()
        assert list((stage.home / "journals").glob("*.journal")) == []
    assert stage.end(stage.start("send")) == 0  # and the rest, at once
    assert not is_open(campaign)
    states = check_the_books(stage, campaign)
    print(
        f"\n{RESTARTS} restarts, {in_mid_send} of them in mid-send: {states}; the longest wait for a"
        f" worker's end {max(waits):.1f} s"
    )
    assert states == {"SENT": campaign.audience}
    assert in_mid_send > RESTARTS / 2
