"""Few fixtures; the servers are started by config.settings_test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connection

from campaigns import handover_lock
from tests.factories.customers import NOW


# A slow machine is no fault of the code. CI has such a profile of its own, and draws the same every time.
if os.environ.get("CI") is None:
    hypothesis.settings.register_profile(
        "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("patient")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what other processes said: those that failed, and those with a log in the home."""
    report = yield
    if call.excinfo is None or not report.failed:
        return report
    error = call.excinfo.value
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr or error.stdout or b""
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        report.sections.append(("the failed process said", text[-3_000:]))
    if home := getattr(item, "funcargs", {}).get("home"):
        for log in sorted((home / "logs").glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-12:]
            report.sections.append((f"the end of {log.name}", "\n".join(lines)))
    return report


@pytest.fixture
def now() -> datetime:
    """A fixed moment; the factories' rows are of this moment too."""
    return NOW


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A COTERIE_HOME of the test's own: clock, mirror, artefacts, journals, sink."""
    monkeypatch.setenv("COTERIE_HOME", str(tmp_path))
    monkeypatch.setattr(settings, "HOME", tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def empty_hands(django_db_blocker: Any) -> Iterator[None]:
    """Give back the locks of hand-overs that a test has begun and left: its connection outlives it."""
    yield
    if handover_lock._held:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
        handover_lock._held.clear()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets beside the checkout; tests that need one skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("public data sets are not beside the checkout (../shared/data)")
    return folder


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """A database per xdist worker, on an embedded server that may forget everything at a power cut."""
    if settings.EMBEDDED:
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET fsync = off")
            cursor.execute("SELECT pg_reload_conf()")
