"""Few fixtures; the servers are started by config.settings_test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from campaigns import handover_lock
from tests.factories.customers import NOW


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
