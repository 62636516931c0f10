"""The drill: a key, a login, a file or an hour names whom it showed, with a clock of 72 hours."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from consent.desk import requests
from consent.enums import RequestKind
from consent.models import Breach, PersonalDataAccess
from core import clock, watermarks
from customers import exporting
from customers.models import Customer
from tests.factories.consent import MailableFactory
from tests.factories.customers import CustomerFactory, OrderFactory
from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db


def breach(*args: str) -> dict[str, Any]:
    out = StringIO()
    call_command("breach", *args, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return found


def people(path: Path) -> dict[int, dict[str, str]]:
    return {int(row["customer"]): row for row in csv.DictReader(io.StringIO(path.read_text()))}


def test_drill_of_a_stolen_key(tmp_path: Path) -> None:
    seen = [MailableFactory() for _ in range(3)]
    source = seen[0].source
    unseen = CustomerFactory(source=source)
    thief, honest = Api(source_ids=[source.pk]), Api()
    thief.get(f"customers/{seen[0].pk}")
    thief.get(f"customers/{seen[0].pk}/consent")
    honest.get("customers")

    path = tmp_path / "affected.csv"
    found = breach("--key", thief.key.name, "--out", str(path), "--addresses")
    assert (found["people"], found["with_names"], found["looks"]) == (1, 1, 2)
    assert found["could_read"] == 2
    rows = people(path)
    assert set(rows) == {seen[0].pk}
    assert unseen.pk not in rows
    row = rows[seen[0].pk]
    assert row["email"] == seen[0].email
    assert "Names or addresses" in row["categories"]
    assert path.stat().st_mode & 0o077 == 0

    case = Breach.objects.get()
    assert case.due_at - case.noticed_at == timedelta(hours=72)
    assert json.dumps(case.selection) == json.dumps({"key": thief.key.name})


def test_drill_of_a_login_and_of_a_span_of_time(admin_client: Client, tmp_path: Path) -> None:
    early, late = MailableFactory(), MailableFactory()
    admin_client.get(f"/admin/feedback/outcomewindow/customer/{early.pk}/")
    PersonalDataAccess.objects.create(
        at=clock.now() - timedelta(days=3), actor="admin", action="VIEW", what="customer_page",
        customer_number=late.pk,
    )  # fmt: skip
    path = tmp_path / "affected.csv"
    assert breach("--user", "admin", "--drill", "--out", str(path))["people"] == 2
    assert "email" not in people(path)[early.pk]
    since = f"{clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    assert breach("--since", since, "--user", "admin", "--drill")["people"] == 1
    assert breach("--until", since, "--drill")["people"] == 1
    assert not Breach.objects.exists()


@pytest.mark.parametrize("kind", ["CUSTOMERS", "ORDERS"])
def test_drill_of_a_file_that_turned_up(kind: str) -> None:
    buyers = [OrderFactory().customer for _ in range(2)]
    CustomerFactory()
    api = Api()
    number = api.post("exports", {"kind": kind, "with_pii": True}).json()["id"]
    exporting.write_next(now=clock.now())
    file = api.get(f"exports/{number}/file")
    lines = b"".join(file.streaming_content).decode().splitlines()
    for close in file._resource_closers:
        close()
    assert all(api.key.name in line and watermarks.mark_in(line) for line in lines[1:])

    found = breach("--file", lines[1], "--drill")
    assert found["people"] == (3 if kind == "CUSTOMERS" else len(buyers))
    assert found["exports"] == 1
    (row,) = PersonalDataAccess.objects.filter(action="EXPORT")
    assert (row.actor, row.mark) == (api.key.name, watermarks.mark_in(lines[1]))


def test_a_copy_that_staff_handed_out_names_who_did(admin_client: Client, home: Path) -> None:
    customer = MailableFactory()
    row = requests.ask(
        kind=RequestKind.ACCESS, requested_by="clerk", customer=customer, now=clock.now()
    )
    requests.carry_out(row, now=clock.now())
    copy = admin_client.get(f"/admin/consent/datarequest/{row.pk}/copy/").json()
    assert copy[watermarks.COLUMN].endswith(" admin")
    found = breach("--file", copy[watermarks.COLUMN], "--drill")
    assert (found["people"], found["with_names"]) == (1, 1)
    page = admin_client.get(
        "/admin/consent/personaldataaccess/", {"q": copy[watermarks.COLUMN]}
    ).content.decode()
    assert page.count(watermarks.mark_in(copy[watermarks.COLUMN])) >= 1
    assert "of a customer" in page


def test_a_leak_of_the_database_is_about_everybody_then(tmp_path: Path) -> None:
    now = clock.now()
    here = CustomerFactory(arrived_at=now - timedelta(days=9))
    CustomerFactory(arrived_at=now - timedelta(days=1))
    gone = CustomerFactory(arrived_at=now - timedelta(days=9))
    Customer.objects.filter(pk=gone.pk).update(erased_at=now - timedelta(days=8))
    span = (
        "--since", f"{now - timedelta(days=5):%Y-%m-%dT%H:%M}",
        "--until", f"{now - timedelta(days=4):%Y-%m-%dT%H:%M}",
    )  # fmt: skip
    path = tmp_path / "all.csv"
    found = breach("--everybody", *span, "--out", str(path))
    assert (found["people"], found["with_names"]) == (1, 1)
    assert set(people(path)) == {here.pk}


def test_the_clock_is_on_the_home_page_until_the_authority_knows(admin_client: Client) -> None:
    MailableFactory()
    api = Api()
    api.get("customers")
    case = breach("--key", api.key.name)["breach"]
    listed = admin_client.get("/admin/consent/breach/").content.decode()
    assert "Authority to know by" in listed
    assert "Noticed at" not in listed
    home = admin_client.get("/admin/").content.decode()
    assert f"Breach {case}: 1 customer affected" in home
    with pytest.raises(CommandError, match="--note"):
        call_command("breach", "--told", str(case))
    call_command("breach", "--told", str(case), "--note", "by its form", stdout=StringIO())
    assert f"Breach {case}" not in admin_client.get("/admin/").content.decode()
    assert (
        "by its form" in admin_client.get(f"/admin/consent/breach/{case}/change/").content.decode()
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "Say by what"),
        (["--key", "none"], "no API key"),
        (["--user", "nobody"], "Nothing in the access log for user nobody."),
        (["--file", "a line"], "no mark"),
        (["--file", "ctr-0f3a… 2026-06-01T12:00Z Warehouse"], "no mark"),
        (["--file", f"{watermarks.new()} Warehouse"], "Nothing in the access log for file ctr-"),
        (["--told", "7", "--note", "x"], "no breach 7"),
    ],
)
def test_what_names_nothing_is_said_and_starts_no_clock(args: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("breach", *args, stdout=StringIO())
    assert not Breach.objects.exists()


def test_a_drill_says_so_and_nobody_affected_starts_no_clock() -> None:
    MailableFactory()
    api = Api()
    out = StringIO()
    call_command("breach", "--key", api.key.name, stdout=out)
    assert "Nobody is affected" in out.getvalue()
    assert "authority" not in out.getvalue()
    api.get("customers")
    call_command("breach", "--key", api.key.name, "--drill", stdout=out)
    assert "This is a drill: no clock was started" in out.getvalue()
    assert "authority" not in out.getvalue()
    assert not Breach.objects.exists()
    call_command("breach", "--key", api.key.name, stdout=out)
    assert "tell the authority until" in out.getvalue()
    assert Breach.objects.count() == 1
