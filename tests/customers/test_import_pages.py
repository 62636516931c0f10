"""The import wizard: upload, mapping, dry run, import, undo; by the worker's own code."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from customers import import_pages
from customers.enums import ImportStatus
from customers.importing import runs, undoing
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

    assert "Guessed from “10,00” in the file." in page
    mapped(admin_client, row, save_as="Our export")
    assert row.settings["mapping"]["decimal"] == ","
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
    assert "Being undone" in page_of(admin_client, row)
    assert Order.objects.exists()
    assert undoing.undo_due(now=now) == 1  # the worker
    row.refresh_from_db()
    assert row.status == ImportStatus.UNDONE
    assert not Order.objects.exists()
    assert not Customer.objects.exists()
    assert "Undone on" in page_of(admin_client, row)


def test_a_file_that_was_tried_out_is_not_being_set_up_any_more(
    admin_client: Client, now: datetime
) -> None:
    row = upload(admin_client, ORDERS)
    assert row is not None
    listed = reverse("admin:customers_import_changelist")
    assert "Tried out, nothing imported" not in admin_client.get(listed).content.decode()
    mapped(admin_client, row)
    runs.run_due(now=now)
    assert "Tried out, nothing imported" in admin_client.get(listed).content.decode()


def test_amounts_that_do_not_tell_their_sign_are_asked_for(admin_client: Client) -> None:
    row = upload(admin_client, "order;product;quantity;date;price\n1;TEA;2;2026-05-31;10\n")
    assert row is not None
    page = admin_client.get(reverse("import_pages:mapping", args=[row.pk])).content.decode()
    assert "do not tell" in page


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
        (b"a,a\n1,2\n", "orders.csv has the column"),
        (",".join(f"c{n}" for n in range(1001)).encode() + b"\n", "orders.csv is too wide"),
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


def posted(client: Client, row: Import, **changes: str) -> HttpResponse:
    url = reverse("import_pages:mapping", args=[row.pk])
    form = client.get(url).context["form"]
    return client.post(url, {f.name: f.value() or "" for f in form} | changes)


def test_answers_about_other_columns_are_asked_again(admin_client: Client) -> None:
    """Read with another separator, "column 0" is another column: nothing must be taken for it."""
    row = upload(admin_client, "email;x,consent;y\nada@example.com;1,yes;2\n", name="List")
    assert row is not None
    answer = posted(admin_client, row, delimiter=",")
    assert answer.status_code == 200
    assert "has other columns" in answer.content.decode()
    assert answer.context["form"]["delimiter"].value() == ","
    row.refresh_from_db()
    assert row.status == ImportStatus.DRAFT
    assert "mapping" not in row.settings


@pytest.mark.parametrize(
    "changes",
    [{"encoding": "utf-16"}, {"encoding": "hex"}, {"delimiter": "ab"}, {"delimiter": "\0"}],
)
def test_no_answer_about_the_reading_breaks_the_page(
    admin_client: Client, changes: dict[str, str]
) -> None:
    row = upload(admin_client, ORDERS)
    assert row is not None
    answer = posted(admin_client, row, **changes)
    assert answer.status_code in {200, 302, 422}
    row.refresh_from_db()
    assert row.status == ImportStatus.DRAFT
    assert admin_client.get(reverse("import_pages:mapping", args=[row.pk])).status_code == 200


def test_an_import_that_was_begun_is_not_set_back_to_a_draft(
    admin_client: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two windows show one draft; the other one's import is over when this one is sent."""
    row = upload(admin_client, ORDERS)
    assert row is not None
    begun = import_pages.detect

    def other_window(*args: Any, **named: Any) -> Any:
        Import.objects.filter(pk=row.pk).update(status=ImportStatus.FINISHED)
        return begun(*args, **named)

    url = reverse("import_pages:mapping", args=[row.pk])
    form = admin_client.get(url).context["form"]
    monkeypatch.setattr(import_pages, "detect", other_window)
    admin_client.post(url, {f.name: f.value() or "" for f in form} | {"decimal": ","})

    row.refresh_from_db()
    assert row.status == ImportStatus.FINISHED


def test_import_twice_and_undo_twice_by_a_double_click(admin_client: Client, now: datetime) -> None:
    row = upload(admin_client, ORDERS)
    assert row is not None
    act = reverse("import_pages:act", args=[row.pk])
    admin_client.post(act, {"act": "run"})  # nothing was tried out yet
    row.refresh_from_db()
    assert row.status == ImportStatus.DRAFT
    mapped(admin_client, row, decimal=",")
    admin_client.post(act, {"act": "run"})
    row.refresh_from_db()
    assert row.settings["only_try"]
    runs.run_due(now=now)
    for _ in range(2):
        admin_client.post(act, {"act": "run"})
    assert runs.run_due(now=now) == 1
    admin_client.post(act, {"act": "run"})
    assert runs.run_due(now=now) == 0
    for _ in range(2):
        admin_client.post(act, {"act": "undo"})
    assert undoing.undo_due(now=now) == 1
    admin_client.post(act, {"act": "undo"})
    assert undoing.undo_due(now=now) == 0
    row.refresh_from_db()
    assert row.status == ImportStatus.UNDONE
    assert not Order.objects.exists()


def test_a_file_of_very_many_columns_can_be_imported(admin_client: Client, now: datetime) -> None:
    extra = [f"extra {n}" for n in range(900)]
    text = ",".join(["email", *extra, "first name"]) + "\n"
    text += ",".join(["ada@example.com", *[""] * 900, "Ada"]) + "\n"
    row = upload(admin_client, text)
    assert row is not None
    page = admin_client.get(reverse("import_pages:mapping", args=[row.pk]), {"layout": "people"})
    assert "Of 902 columns" in page.content.decode()
    fields = page.context["form"].column_fields
    assert len(fields) == 301
    answer = admin_client.post(
        reverse("import_pages:mapping", args=[row.pk]) + "?layout=people",
        {field.name: field.value() or "" for field in page.context["form"]},
    )
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.settings["mapping"]["columns"] == {"email": "email", "first_name": "first name"}
    runs.run_due(now=now)
    row.refresh_from_db()
    assert row.dry_run["accepted"] == 1


def test_nothing_of_a_file_is_html(admin_client: Client, now: datetime) -> None:
    evil = "<script>alert(1)</script>"
    text = f"email,{evil},consent\n{evil},{evil},{evil}\n"
    file = SimpleUploadedFile(f"{evil.replace('/', '')}.csv", text.encode())
    admin_client.post(reverse("import_pages:new"), {"file": file, "name": evil, "source": ""})
    row = Import.objects.get()
    url = reverse("import_pages:mapping", args=[row.pk])
    for page in (admin_client.get(url).content, admin_client.get(url + "?layout=generic").content):
        assert b"<script>alert" not in page
    mapped(admin_client, row)
    runs.run_due(now=now)
    assert "<script>alert" not in page_of(admin_client, row)
    listed = admin_client.get(reverse("admin:customers_import_changelist"))
    assert b"<script>alert" not in listed.content


def test_rows_that_were_refused_are_for_those_who_may_see_them(
    client: Client, admin_client: Client, now: datetime
) -> None:
    row = upload(admin_client, ORDERS)
    assert row is not None
    mapped(admin_client, row, decimal=",")
    runs.run_due(now=now)
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_import"))
    client.force_login(clerk)
    assert "bob@example.com" in page_of(admin_client, row)
    assert "bob@example.com" not in page_of(client, row)
    assert client.get(reverse("import_pages:rejected", args=[row.pk])).status_code == 403


def test_a_file_that_cannot_be_looked_at_leaves_nothing(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    def broken(path: Path) -> None:
        kept.append(path)
        raise OSError("No space left")

    monkeypatch.setattr(import_pages, "detect", broken)
    with pytest.raises(OSError, match="No space"):
        upload(admin_client, ORDERS)
    assert not kept[0].exists()
    assert not Import.objects.exists()
