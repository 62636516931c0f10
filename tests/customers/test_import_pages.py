"""The import wizard: upload, mapping, dry run, import, undo; by the worker's own code."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from customers.enums import ImportStatus
from customers.importing import runs
from customers.models import Customer, Import, Order, SavedMapping, Source
from tests.factories.customers import SourceFactory


pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = (
    "Order no;SKU;Qty;Placed on;Unit price;Customer no;E-mail;Comment\n"
    "1;TEA;2;31.05.2026 10:00;10,00;7;ada@example.com;\n"
    "1;CUP;1;31.05.2026 10:00;12,50;7;ada@example.com;gift\n"
    "2;TEA;one;31.05.2026 11:00;10,00;8;bob@example.com;\n"
)


def upload(client: Client, text: str | bytes, **also: object) -> Import | None:
    body = text.encode() if isinstance(text, str) else text
    data = {
        "file": SimpleUploadedFile("orders.csv", body),
        "name": "Our shop",
        "source": "",
        **also,
    }
    client.post(reverse("import_pages:new"), data)
    return Import.objects.order_by("-pk").first()


def mapped(client: Client, row: Import, **changes: str) -> None:
    """Post the mapping page as it is offered, with `changes`."""
    url = reverse("import_pages:mapping", args=[row.pk])
    form = client.get(url).context["form"]
    data = {field.name: field.value() or "" for field in form} | changes
    answer = client.post(url, data)
    assert answer.status_code == 302, answer.context["form"].errors
    row.refresh_from_db()


def page_of(client: Client, row: Import) -> str:
    answer = client.get(reverse("import_pages:show", args=[row.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_wizard_from_upload_to_undo(admin_client: Client, now: datetime) -> None:
    row = upload(admin_client, ORDERS)
    assert row is not None
    assert (row.status, row.source.name, row.requested_by) == ("DRAFT", "Our shop", "admin")
    page = admin_client.get(reverse("import_pages:mapping", args=[row.pk])).content.decode()
    assert "31.05.2026 10:00" in page

    mapped(admin_client, row, decimal=",", save_as="Our export")
    assert row.status == ImportStatus.QUEUED
    assert row.settings["mapping"]["columns"]["order"] == "Order no"
    assert "Comment" not in row.settings["mapping"]["columns"].values()
    assert "Waiting for a worker" in page_of(admin_client, row)

    runs.run_due(now=now)  # the worker
    text = page_of(admin_client, row)
    assert "This is what would happen" in text
    assert "bad_quantity" in text
    assert not Order.objects.exists()

    admin_client.post(reverse("import_pages:act", args=[row.pk]), {"act": "run"})
    runs.run_due(now=now)
    row.refresh_from_db()
    assert (row.status, row.lines, row.accepted, row.rejected) == ("FINISHED", 3, 2, 1)
    assert Order.objects.get().total_cents == 3250
    rejected = admin_client.get(reverse("import_pages:rejected", args=[row.pk]))
    assert b"bad_quantity" in b"".join(rejected.streaming_content)

    admin_client.post(reverse("import_pages:act", args=[row.pk]), {"act": "undo"})
    row.refresh_from_db()
    assert row.status == ImportStatus.UNDONE
    assert not Order.objects.exists()
    assert not Customer.objects.exists()
    assert "Undone on" in page_of(admin_client, row)


def test_kept_mapping_is_offered_for_the_same_columns(admin_client: Client, now: datetime) -> None:
    first = upload(admin_client, ORDERS)
    assert first is not None
    mapped(admin_client, first, decimal=",", save_as="Our export", column_6="")
    assert SavedMapping.objects.get().name == "Our export"
    second = upload(admin_client, ORDERS, name="Another")
    assert second is not None
    url = reverse("import_pages:mapping", args=[second.pk])
    assert "Our export" in admin_client.get(url).content.decode()
    form = admin_client.get(url, {"layout": "generic", "use": "Our export"}).context["form"]
    assert form["decimal"].value() == ","
    assert form["column_6"].value() == ""


def test_people_are_asked_where_they_agreed(admin_client: Client, now: datetime) -> None:
    text = "email,consent,consent_at\nada@example.com,yes,2026-05-01\n"
    row = upload(admin_client, text)
    assert row is not None
    assert row.layout == "people"
    mapped(admin_client, row, place="Form on the website")
    assert row.settings["consent"]["place"] == "Form on the website"
    runs.run_due(now=now)
    assert "consents with a time and a place" in page_of(admin_client, row)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\x00\x01\x02binary", "binary"),
        (b"onecolumn\n1\n", "fewer than two columns"),
    ],
)
def test_what_is_no_table_is_told_at_once_and_leaves_nothing(
    admin_client: Client, body: bytes, words: str
) -> None:
    data = {"file": SimpleUploadedFile("orders.csv", body), "name": "Our shop", "source": ""}
    answer = admin_client.post(reverse("import_pages:new"), data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Import.objects.exists()
    assert not Source.objects.exists()


def test_two_columns_cannot_be_one_field(admin_client: Client) -> None:
    row = upload(admin_client, ORDERS)
    assert row is not None
    url = reverse("import_pages:mapping", args=[row.pk])
    form = admin_client.get(url).context["form"]
    data = {field.name: field.value() or "" for field in form} | {"column_7": "order"}
    answer = admin_client.post(url, data)
    assert answer.status_code == 422
    assert "is the order already" in answer.content.decode()


def test_missing_column_is_told_on_the_form(admin_client: Client) -> None:
    row = upload(admin_client, ORDERS)
    assert row is not None
    url = reverse("import_pages:mapping", args=[row.pk])
    form = admin_client.get(url).context["form"]
    data = {field.name: field.value() or "" for field in form} | {"column_0": ""}
    answer = admin_client.post(url, data)
    assert answer.status_code == 422
    assert "Choose which column is the order." in answer.content.decode()
    row.refresh_from_db()
    assert row.status == ImportStatus.DRAFT


def test_every_state_has_a_page(admin_client: Client, now: datetime) -> None:
    for status in ImportStatus.values:
        row = Import.objects.create(
            source=SourceFactory(), status=status, started_at=now, finished_at=now, undone_at=now,
            error="It is broken.", file_name="f.csv",
            report={"undo": {"deleted": 1, "restored": 2, "kept": 0, "consents_withdrawn": 0}},
        )  # fmt: skip
        page_of(admin_client, row)
    assert admin_client.get(reverse("admin:customers_import_changelist")).status_code == 200


def test_wizard_is_for_staff_with_the_permission(client: Client) -> None:
    assert "login" in client.get(reverse("import_pages:new"))["Location"]
