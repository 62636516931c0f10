"""Exports: written by a worker, of what the key may see, safe in a spreadsheet, gone after a day."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO

import pytest

from core import clock
from customers import exporting, tasks
from gateway import keys
from gateway.models import Export, ExportStatus
from tests.factories.customers import CustomerFactory, OrderFactory, SourceFactory
from tests.gateway.clients import Api, fields


pytestmark = pytest.mark.django_db


def export(api: Api, **body: object) -> list[dict[str, str]]:
    """Ask, let the worker write, download."""
    asked = api.post("exports", body)
    assert asked.status_code == 202, asked.content
    number = asked.json()["id"]
    waiting = api.get(f"exports/{number}/file")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "not_ready")
    tasks.write_exports()
    assert api.get(f"exports/{number}").json()["status"] == "DONE"
    file = api.get(f"exports/{number}/file")
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in file["Content-Disposition"]
    text = b"".join(file.streaming_content).decode()
    for close in file._resource_closers:  # as the server would
        close()
    return list(csv.DictReader(StringIO(text)))


def test_customers_are_exported_without_names_unless_asked() -> None:
    customer = CustomerFactory()
    CustomerFactory(erased_at=clock.now())
    (row,) = export(Api(), kind="CUSTOMERS")
    assert row["external_id"] == customer.external_id
    assert "email" not in row
    (row,) = export(Api(), kind="CUSTOMERS", with_pii=True)
    assert (row["email"], row["first_name"]) == (customer.email, "Ada")


def test_texts_that_a_spreadsheet_would_run_are_quoted() -> None:
    evil = ["=1+1", "+1", "-1", "@x", "\t=1", "  =1"]
    for name in evil:
        CustomerFactory(first_name=name)
    rows = export(Api(), kind="CUSTOMERS", with_pii=True)
    assert [row["first_name"] for row in rows] == [f"'{name}" for name in evil]


def test_orders_are_exported_with_whole_cents() -> None:
    order = OrderFactory(total_cents=1980)
    (row,) = export(Api(), kind="ORDERS")
    assert (row["total_cents"], row["currency"], row["customer"], row["refunded_cents"]) == (
        "1980", "EUR", order.customer.external_id, "",
    )  # fmt: skip


def test_restricted_key_exports_its_sources_only() -> None:
    ours, theirs = CustomerFactory(), CustomerFactory()
    api = Api(source_ids=[ours.source_id])
    rows = export(api, kind="CUSTOMERS")
    assert [row["id"] for row in rows] == [str(ours.pk)]
    body = {"kind": "CUSTOMERS", "source_id": theirs.source_id}
    assert fields(api.post("exports", body)) == {"source_id": "unknown_source"}


def test_one_source_is_exported_of_several() -> None:
    ours = CustomerFactory()
    CustomerFactory()
    rows = export(Api(), kind="CUSTOMERS", source_id=ours.source_id)
    assert [row["id"] for row in rows] == [str(ours.pk)]


@pytest.mark.parametrize(
    ("scopes", "body"),
    [
        (["exports:write"], {"kind": "CUSTOMERS"}),
        (["exports:write", "customers:read"], {"kind": "ORDERS"}),
        (["exports:write", "customers:read"], {"kind": "CUSTOMERS", "with_pii": True}),
    ],
)
def test_export_takes_the_scope_of_what_it_holds(scopes: list[str], body: dict) -> None:
    answer = Api(scopes).post("exports", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert not Export.objects.exists()


def test_export_of_another_key_is_not_there() -> None:
    number = Api().post("exports", {"kind": "ORDERS"}).json()["id"]
    other = Api()
    for path in (f"exports/{number}", f"exports/{number}/file"):
        assert other.get(path).status_code == 404
    assert other.get("exports").json()["results"] == []


def test_file_is_gone_after_a_day_and_with_its_export() -> None:
    api = Api()
    CustomerFactory()
    export(api, kind="CUSTOMERS")
    (row,) = Export.objects.all()
    later = clock.now() + timedelta(hours=25)
    assert exporting.path_of(row).exists()
    assert exporting.delete_old(now=later) == 1
    assert not exporting.path_of(row).exists()
    answer = api.get(f"exports/{row.pk}/file")
    assert (answer.status_code, answer.json()["code"]) == (410, "expired")


def test_revoked_key_gets_no_file() -> None:
    api = Api()
    api.post("exports", {"kind": "ORDERS"})
    keys.revoke(api.key, now=clock.now())
    tasks.write_exports()
    row = Export.objects.get()
    assert (row.status, row.error) == (ExportStatus.FAILED, "The key was revoked.")


def test_export_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    number = api.post("exports", {"kind": "ORDERS"}).json()["id"]
    monkeypatch.setattr(exporting, "folder", lambda: exporting.Path("/dev/null/nowhere"))
    assert exporting.write_next(now=clock.now())
    said = api.get(f"exports/{number}").json()
    assert (said["status"], said["error"]) == ("FAILED", "NotADirectoryError")
    assert api.get(f"exports/{number}/file").json()["code"] == "failed"


def test_source_of_a_wrong_number_is_refused() -> None:
    SourceFactory()
    assert fields(Api().post("exports", {"kind": "ORDERS", "source_id": 10**9})) == {
        "source_id": "unknown_source"
    }
