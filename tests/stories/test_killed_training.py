"""A trainer killed in the middle: what served goes on serving, its lock is free, and the next training works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.db import connection

from consent import ledger
from customers.sources import simulated_shop
from customers.sources.simulation.parameters import ShopParameters
from feedback import retraining
from feedback.models import RetrainingDecision, TrainingRequest
from segmentation import attempts, mirror, queries, versions
from segmentation.enums import ModelStatus, Task
from segmentation.models import ModelVersion
from tests.segmentation.shop.rounds import STARTS_AT
from tests.segmentation.versions import rule_champion
from tests.sessions import another_session


pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]

TRAINER = """
import os, sys, django
django.setup()
from datetime import datetime
from segmentation import versions
from feedback import retraining

save = versions.artifacts.save
def slowly(directory, *, files, provenance):
    # the moment between a finished model and its record: say so, and stay there
    print("saving", directory, flush=True)
    sys.stdin.readline()
    return save(directory, files=files, provenance=provenance)
versions.artifacts.save = slowly
now = datetime.fromisoformat(sys.argv[1])
print([one.reason for one in retraining.run_due(now=now, known_until=now)], flush=True)
"""


def trainer(home: Path) -> subprocess.Popen[str]:
    there = connection.settings_dict
    user = f"{quote(there['USER'])}:{quote(there['PASSWORD'])}" if there["USER"] else ""
    port = f":{there['PORT']}" if there["PORT"] else ""
    host = urlencode({"host": there["HOST"]})
    return subprocess.Popen(
        [sys.executable, "-c", TRAINER, STARTS_AT.isoformat()],
        env={
            **os.environ, "COTERIE_LOG_LEVEL": "ERROR", "COTERIE_HOME": str(home),
            "COTERIE_EMBEDDED": "0", "COTERIE_TRAIN_TRIALS": "0",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "COTERIE_SECRET_KEY": "x" * 40, "COTERIE_LINK_KEY": "x" * 40,
            "COTERIE_SUPPRESSION_PEPPER": "x" * 40, "COTERIE_SOURCE_KEY": "x" * 40,
            "DATABASE_URL": f"postgresql://{user}@{port}/{there['NAME']}?{host}",
        },
        cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def lock_is_free(name: str) -> bool:
    """Asked until the server has noticed that the session is gone."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with another_session() as other:
            if other.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name]).fetchone() == (True,):  # fmt: skip
                return True
        time.sleep(0.2)
    return False


def test_killed_training_leaves_the_champion_serving_and_the_next_one_works(home: Path) -> None:
    simulated_shop.create(
        name="Shop", parameters=ShopParameters.load("regulars"), customers=600, seed=3,
        starts_at=STARTS_AT, now=STARTS_AT,
    )  # fmt: skip
    ledger.absorb(now=STARTS_AT)
    champion = rule_champion(Task.PURCHASE, now=STARTS_AT - timedelta(days=40))
    for task in retraining.FROM_ORDERS:  # nothing is due by itself
        RetrainingDecision.objects.create(
            task=task, decided_at=STARTS_AT, trigger="", promoted=False, reason=""
        )
    retraining.ask(Task.PURCHASE, why="asked for by ada", now=STARTS_AT)

    with trainer(home) as killed:
        assert killed.stdout
        assert killed.stdout.readline().startswith("saving ")
        assert not TrainingRequest.objects.filter(taken_at=None).exists()
        with another_session() as other:
            got = other.execute(
                "SELECT pg_try_advisory_lock(hashtext(%s))", [f"training {Task.PURCHASE}"]
            ).fetchone()
        assert got == (False,)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(timeout=30) == -signal.SIGKILL

    assert queries.champion(Task.PURCHASE) == champion
    assert versions.load(champion).files
    assert list(ModelVersion.objects.filter(task=Task.PURCHASE)) == [champion]
    assert lock_is_free("retraining")
    assert lock_is_free(f"training {Task.PURCHASE}")

    # not at the next tick, but after a while, by itself
    assert retraining.needs(now=STARTS_AT + timedelta(minutes=9)) == []
    (again,) = retraining.needs(now=STARTS_AT + timedelta(minutes=10))
    assert (again.task, "was cut off" in again.trigger) == (Task.PURCHASE, True)
    cut_off = attempts.cut_off(Task.PURCHASE)
    assert cut_off is not None
    assert cut_off.deaths == 1

    mirror.refresh()
    retraining.ask(Task.PURCHASE, why="asked for again", now=STARTS_AT)
    (decision,) = retraining.run_due(now=STARTS_AT, known_until=STARTS_AT)
    assert decision.trigger == "asked for again"
    assert decision.challenger is not None
    assert decision.challenger.number == champion.number + 1
    serving = ModelVersion.objects.get(task=Task.PURCHASE, status=ModelStatus.CHAMPION)
    assert versions.load(serving).files
    assert attempts.left_open(Task.PURCHASE) is None
