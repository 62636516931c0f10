"""A real process that brings a file in, killed in the middle; another one goes on and ends right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum

from customers.enums import ImportStatus
from customers.importing import loading, reading, runs, workspace
from customers.importing.workspace import BusyError
from customers.models import Import, Order, OrderLine, RejectedRow
from tests.customers.files import HEADER
from tests.factories.customers import SourceFactory


# Stops at a point that the test names, and stays there until it is killed.
CHILD = """
import sys, time
import django; django.setup()
from datetime import datetime
from customers.importing import runs
from customers.models import Import

def tell(phase, done, total):
    if phase == sys.argv[2]:
        print("here", flush=True)
        time.sleep(300)

runs.run(Import.objects.get(pk=int(sys.argv[1])), now=datetime.fromisoformat(sys.argv[3]), progress=tell)
print("too far", flush=True)
"""


def _write(path: Path) -> Path:
    lines = [
        f"{number // 3},{number % 7},p{number % 5},Tea,{1 + number % 3},2026-01-05 10:00,9.90,"
        for number in range(600)
    ]
    path.write_text("\n".join([HEADER, *lines, "bad,7,tea,Tea,1,never,9.90,", ""]))
    return path


def _environment() -> dict[str, str]:
    """Of a process that uses this test's database."""
    told = connection.settings_dict
    url = os.environ["DATABASE_URL"]
    base, _, query = url.partition("?")
    base = f"{base.rpartition('/')[0]}/{told['NAME']}"
    return {
        **os.environ,
        "DATABASE_URL": f"{base}?{query}" if query else base,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "COTERIE_HOME": str(settings.HOME),
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("phase", "finished"),
    [
        ("reading", {"look"}),
        ("translating", {"look", "read"}),
        ("checking", {"look", "read", "translate"}),
        ("order lines", {"look", "read", "translate", "check"}),
        ("committing", {"look", "read", "translate", "check"}),
    ],
)
def test_a_killed_import_is_taken_up_and_ends_right(
    phase: str,
    finished: set[str],
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = _write(tmp_path / "shop.csv")
    row = runs.create(
        source=SourceFactory(), path=path, file_name="shop.csv", layout="generic", now=now
    )
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(row.pk), phase, now.isoformat()],
        cwd=Path(__file__).parents[3], env=_environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout
    assert child.stdout.readline() == "here\n"
    row.refresh_from_db()
    assert row.status == ImportStatus.RUNNING
    with pytest.raises(BusyError):
        runs.run(row, now=now)
    assert runs.run_due(now=now) == 0, "its lease runs"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert not Order.objects.exists()
    Import.objects.update(leased_until=now.replace(year=2000))
    with workspace.opened(row.pk) as place:
        names = {name for (name,) in place.db.execute("SELECT name FROM phases").fetchall()}
    assert names == finished
    if "read" in finished:  # what was finished is not done again
        monkeypatch.setattr(reading, "read", None)
    assert runs.run_due(now=now) == 1
    row.refresh_from_db()
    assert (row.status, row.lines, row.accepted, row.rejected) == (
        ImportStatus.FINISHED,
        601,
        600,
        1,
    )
    assert (Order.objects.count(), OrderLine.objects.count()) == (200, 600)
    assert RejectedRow.objects.get().line_number == 602
    assert Order.objects.aggregate(Sum("total_cents")) == {"total_cents__sum": 990 * 1200}
    assert not workspace.folder(row.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_an_import_that_kills_its_worker_again_and_again_is_given_up(
    tmp_path: Path, now: datetime
) -> None:
    row: Any = runs.create(
        source=SourceFactory(), path=_write(tmp_path / "f.csv"), file_name="f.csv", layout="generic", now=now
    )  # fmt: skip
    runs.queue(row)
    row.settings["tries"] = runs.MAX_TRIES
    row.save()
    assert runs.run_due(now=now) == 1
    row.refresh_from_db()
    assert row.status == ImportStatus.FAILED
    assert "never came to an end" in row.error
    assert runs.run_due(now=now) == 0


@pytest.mark.django_db(transaction=True)
def test_the_command_goes_on_with_an_import_of_the_same_file_that_was_killed(
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = _write(tmp_path / "shop.csv")

    def killed(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loading, "load", killed)
        with pytest.raises(KeyboardInterrupt):  # as at kill -9, nothing is written of its end
            call_command("import_shop", path)
    row = Import.objects.get()
    assert row.status == ImportStatus.RUNNING
    with pytest.raises(CommandError, match="in 60 seconds"):
        call_command("import_shop", path)
    Import.objects.update(leased_until=now.replace(year=2000))
    with monkeypatch.context() as patch:
        patch.setattr(reading, "read", None)  # what was finished is not done again
        call_command("import_shop", path)
    assert "Going on with import" in capsys.readouterr().err
    row.refresh_from_db()
    assert (row.status, row.accepted) == (ImportStatus.FINISHED, 600)
    path.write_text(path.read_text() + "999,1,p1,Tea,1,2026-01-06 10:00,9.90,\n")
    call_command("import_shop", path)  # over: the file again is a new import
    assert Import.objects.count() == 2
    assert Order.objects.count() == 201


@pytest.mark.django_db(transaction=True)
def test_a_file_that_was_changed_since_is_read_anew(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "shop.csv")

    def failed(*args: object, **kwargs: object) -> None:
        raise ValueError("no more room")

    with monkeypatch.context() as patch:
        patch.setattr(loading, "load", failed)
        with pytest.raises(CommandError, match="no more room"):
            call_command("import_shop", path)
    path.write_text(path.read_text() + "999,1,p1,Tea,1,2026-01-06 10:00,9.90,\n")
    call_command("import_shop", path)
    row = Import.objects.get()
    assert (row.status, row.accepted) == (ImportStatus.FINISHED, 601)
