from __future__ import annotations

import socket
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config import env
from core import clock
from tests.campaigns.conftest import RunningSink, running
from tests.factories.customers import NOW


pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSink]:
    with running(tmp_path / "sink") as server:
        monkeypatch.setattr(settings, "SMTP_URL", server.url)
        yield server


def doctor(*, failed: int = 0) -> list[str]:
    out = StringIO()
    if failed:
        with pytest.raises(CommandError, match=f"{failed} of 11 checks failed") as error:
            call_command("doctor", stdout=out)
        assert error.value.returncode == 1
    else:
        call_command("doctor", stdout=out)
    return out.getvalue().splitlines()


def test_doctor_finds_nothing_wrong(sink: RunningSink) -> None:
    lines = doctor()
    assert len(lines) == 11
    assert all(line.startswith("ok ") for line in lines)
    assert "PostgreSQL" in lines[0]
    assert lines[-1] == "ok  clock: real time"
    assert sink.received == []  # asked, not mailed


def test_doctor_tells_a_simulated_clock(sink: RunningSink) -> None:
    clock.set_now(NOW)
    assert "simulated: the shop's time is 2026-06-01 12:00" in doctor()[-1]


@pytest.mark.parametrize("url", ["", "smtp://127.0.0.1:1"])
def test_doctor_names_a_mail_server_that_is_not_there(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", url)
    (bad,) = (line for line in doctor(failed=1) if line.startswith("BAD"))
    assert bad.startswith("BAD mail server: ")


def test_doctor_names_a_server_that_speaks_no_tls(
    sink: RunningSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SMTP_URL", sink.url.replace("smtp:", "smtps:"))
    assert any("BAD mail server" in line for line in doctor(failed=1))


def test_doctor_names_a_folder_that_cannot_be_written(
    sink: RunningSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path / "not there")
    assert any(line.startswith("BAD folder for artefacts") for line in doctor(failed=1))


def test_a_mail_server_that_the_runner_started_is_found(
    sink: RunningSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As settings do in another terminal, beside `make run`."""
    (tmp_path / "sink" / "port").write_text(f"{sink.url.rpartition(':')[2]}\n")
    monkeypatch.setattr(settings, "SMTP_URL", env.sink_of(tmp_path))
    assert sink.url == settings.SMTP_URL
    assert any(line.startswith("ok  mail server: 127.0.0.1") for line in doctor())


@pytest.mark.parametrize("left_behind", [None, "", "many", "1", "99999999"])
def test_a_mail_server_that_runs_no_more_is_none(tmp_path: Path, left_behind: str | None) -> None:
    if left_behind is not None:
        (tmp_path / "sink").mkdir()
        (tmp_path / "sink" / "port").write_text(left_behind)
    assert env.sink_of(tmp_path) == ""


def test_another_program_on_the_port_of_the_mail_server_is_not_it(tmp_path: Path) -> None:
    (tmp_path / "sink").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        (tmp_path / "sink" / "port").write_text(str(other.getsockname()[1]))

        def greet() -> None:
            client, _ = other.accept()
            client.sendall(b"220 somebody else\r\n")
            client.close()

        greeter = Thread(target=greet)
        greeter.start()
        assert env.sink_of(tmp_path) == ""
        greeter.join()
