"""Stories run real processes: they see the tests' database, broker and home through the environment."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.db import connection

from config.processes import Processes
from core import clock
from tests.ports import free_port
from tests.stories.stage import Nursery, Stage, launched
from tests.stories.storm import BLOWS, EACH, Storm


def database_url() -> str:
    """The test database of this xdist worker, for a child process."""
    there = connection.settings_dict
    user = f"{quote(there['USER'])}:{quote(there['PASSWORD'])}" if there["USER"] else ""
    port = f":{there['PORT']}" if there["PORT"] else ""
    return f"postgresql://{user}@{port}/{there['NAME']}?{urlencode({'host': there['HOST']})}"


@pytest.fixture(scope="module")
def nursery(django_db_setup: None) -> Iterator[Nursery]:
    nursery = Nursery(database_url=database_url())
    yield nursery
    nursery.end()


@pytest.fixture
def stage(home: Path, nursery: Nursery) -> Iterator[Stage]:
    stage = Stage(home=home, nursery=nursery)
    yield stage
    for pid in list(stage.running):
        stage.end(pid, kill=True)


@pytest.fixture
def storm(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Storm:
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink("--delay", "0.001"))
    return Storm(stage, launched(EACH * (BLOWS + 2)), random.Random(20261122))


@pytest.fixture
def processes(
    transactional_db: None, home: Path, monkeypatch: pytest.MonkeyPatch, worker_id: str
) -> Iterator[Processes]:
    """Worker, beat and sink as `make run` starts them, with a broker database of their own."""
    # 0 is of runs without xdist, 1 to 7 are of its workers' own tests (config.settings_test)
    number = 8 + (int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0)
    broker = os.environ["REDIS_URL"].rsplit("/", 1)[0]
    monkeypatch.setenv("DATABASE_URL", database_url())
    monkeypatch.setenv("REDIS_URL", f"{broker}/{number}")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings_test")
    monkeypatch.setenv("COTERIE_SMTP_URL", "")
    monkeypatch.setattr(settings, "SMTP_URL", "")
    started = Processes()
    yield started
    started.stop()
    clock.reset()


@pytest.fixture
def web(processes: Processes) -> Callable[[], int]:
    """Starts the web server, in the environment as it is then, and returns its port."""

    def start() -> int:
        port = free_port()
        processes.start_web(port=port)
        return port

    return start
