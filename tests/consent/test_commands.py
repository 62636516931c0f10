"""Forgetting and copying from the command line; no address stands on it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from consent.enums import RequestStatus
from consent.models import DataRequest, Suppression
from tests.factories.consent import MailableFactory


pytestmark = pytest.mark.django_db


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out)
    last: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return last


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_erase_by_our_number_and_by_the_shops() -> None:
    first, second = MailableFactory(), MailableFactory()
    said = run("erase_customer", "--customer", str(first.pk))
    assert (said["status"], said["customers"], said["rows"]["Customer"]) == ("DONE", 1, 1)
    run("erase_customer", "--source", second.source.name, "--external-id", second.external_id)
    for customer in (first, second):
        customer.refresh_from_db()
        assert customer.erased_at is not None
    assert set(DataRequest.objects.values_list("requested_by", "status")) == {
        ("command line", RequestStatus.DONE)
    }


def test_erase_by_an_address_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    customer = MailableFactory(email="ada@example.com")
    type_in(monkeypatch, "Ada@Example.com\n")
    assert run("erase_customer", "--email", "-")["customers"] == 1
    customer.refresh_from_db()
    assert customer.erased_at is not None
    type_in(monkeypatch, "nobody@example.com\n")
    assert run("erase_customer", "--email", "-")["customers"] == 0
    assert Suppression.objects.count() == 2


def test_export_writes_a_file_for_nobody_else(tmp_path: Path) -> None:
    customer = MailableFactory(email="ada@example.com")
    path = tmp_path / "ada.json"
    said = run("export_customer", "--customer", str(customer.pk), "--out", str(path))
    assert said["rows"]["Consent log"] == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert "ada@example.com" in path.read_text()
    assert DataRequest.objects.get().status == RequestStatus.DONE
    with pytest.raises(CommandError, match="exists"):
        run("export_customer", "--customer", str(customer.pk), "--out", str(path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say who"),
        (["--customer", "1", "--email", "-"], "Say who"),
        (["--customer", "99999999"], "no customer"),
        (["--source", "Nowhere", "--external-id", "1"], "no source"),
        (["--source", "Nowhere"], "belong together"),
        (["--email", "ada@example.com"], "invalid choice"),
    ],
)
def test_nobody_is_erased_by_a_mistake(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("erase_customer", *arguments)
    assert not DataRequest.objects.exists()


def test_for_people_the_commands_print_a_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    customer = MailableFactory()
    call_command("export_customer", "--customer", str(customer.pk), "--out", str(tmp_path / "x"))
    call_command("erase_customer", "--customer", str(customer.pk))
    printed = capsys.readouterr().out
    assert "Consent log" in printed
    assert ": done." in printed
