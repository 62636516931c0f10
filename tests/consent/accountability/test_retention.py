"""What is too old goes where somebody said so, and nothing else; what is processed stands in a register."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client

from consent.accountability import register, retention
from consent.desk.personal_data import holders
from consent.enums import Purpose
from consent.models import PersonalDataAccess
from consent.purposes import MEANINGS
from core import clock
from customers.enums import EventKind
from customers.models import Customer, VisitorEvent
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    SourceFactory,
)


pytestmark = pytest.mark.django_db
LONG_AGO = NOW - timedelta(days=2000)


def visits() -> None:
    source = SourceFactory()
    for number, days in enumerate((10, 100)):
        moment = NOW - timedelta(days=days)
        VisitorEvent.objects.create(
            source=source, anonymous_id="a", external_id=str(number), kind=EventKind.PRODUCT_VIEW,
            happened_at=moment, received_at=moment,
        )  # fmt: skip


def run(*arguments: str) -> dict[str, dict[str, int]]:
    out = io.StringIO()
    call_command("retain", *arguments, "--json", stdout=out)
    said: dict[str, dict[str, int]] = json.loads(out.getvalue())
    return said


@pytest.fixture(autouse=True)
def now() -> None:
    clock.set_now(NOW)


def test_nothing_is_deleted_where_nothing_is_configured() -> None:
    visits()
    assert run("--apply") == {"due": {}, "deleted": {}}
    assert VisitorEvent.objects.count() == 2


def test_a_dry_run_counts_and_changes_nothing_then_it_goes(settings) -> None:
    settings.RETENTION = "visits=90, visitor-rows=90, refused-rows=30"
    visits()
    assert run() == {"due": {"visits": 1, "visitor-rows": 0, "refused-rows": 0}, "deleted": {}}
    assert VisitorEvent.objects.count() == 2
    assert run("--apply")["deleted"]["visits"] == 1
    assert VisitorEvent.objects.count() == 1
    assert run("--apply")["deleted"]["visits"] == 0


def test_customers_of_whom_nothing_was_heard_are_erased(settings) -> None:
    settings.RETENTION = "inactive=1095"
    gone = MailableFactory(joined_at=LONG_AGO, arrived_at=LONG_AGO)
    back = CustomerFactory(joined_at=LONG_AGO, arrived_at=LONG_AGO)
    buyer = CustomerFactory(joined_at=LONG_AGO, arrived_at=LONG_AGO)
    OrderFactory(customer=buyer, placed_at=NOW)
    new = CustomerFactory(joined_at=NOW, arrived_at=NOW)
    EventFactory(
        customer=gone, kind=EventKind.PRODUCT_VIEW, happened_at=LONG_AGO, arrived_at=LONG_AGO
    )
    EventFactory(customer=back, kind=EventKind.PRODUCT_VIEW, happened_at=NOW, arrived_at=NOW)
    assert run("--apply") == {"due": {"inactive": 1}, "deleted": {"inactive": 1}}
    assert set(Customer.objects.filter(erased_at=None)) == {back, buyer, new}
    assert run("--apply")["deleted"] == {"inactive": 0}


@pytest.mark.parametrize("wrong", ["visits", "visits=soon", "everything=3", "inactive=10"])
def test_a_setting_that_means_nothing_deletes_nothing(settings, wrong: str) -> None:
    settings.RETENTION = wrong
    with pytest.raises(retention.RetentionError):
        retention.apply(now=NOW)
    with pytest.raises(CommandError, match="COTERIE_RETENTION"):
        run()


def test_the_register_has_every_purpose_and_every_holder(settings) -> None:
    settings.RETENTION = "visits=90"
    assert set(MEANINGS) == set(Purpose)
    rows = list(csv.DictReader(io.StringIO(register.as_csv())))
    assert {row["name"] for row in rows if row["kind"] == "data"} == {one.what for one in holders()}
    assert len([row for row in rows if row["kind"] == "purpose"]) == len(Purpose)
    kept = {one.table: one.days for one in register.held()}
    assert kept["customers_visitorevent"] == 90
    assert kept["customers_order"] is None


def test_the_register_is_a_page_and_a_file(admin_client: Client) -> None:
    page = admin_client.get("/admin/consent/datarequest/register/")
    assert page.status_code == 200
    assert "Products chosen for me" in page.content.decode()
    file = admin_client.get("/admin/consent/datarequest/register.csv")
    assert file["Content-Disposition"].startswith("attachment")


# ---------------------------------------------------------------- who looked
def test_looks_at_people_are_written_down_without_their_data(admin_client: Client) -> None:
    customer = MailableFactory()
    admin_client.get("/admin/")
    admin_client.get("/admin/campaigns/campaign/")
    assert not PersonalDataAccess.objects.exists()
    admin_client.get("/admin/customers/customer/")
    admin_client.get(f"/admin/customers/customer/{customer.pk}/change/", follow=True)
    seen = list(PersonalDataAccess.objects.order_by("pk"))
    assert (seen[0].actor, seen[0].action, seen[0].what) == (
        "admin", "VIEW", "customers_customer_changelist",
    )  # fmt: skip
    assert seen[0].people == 1
    assert seen[-1].customer_number == customer.pk
    written = json.dumps(list(PersonalDataAccess.objects.values()), default=str)
    assert customer.email not in written
    assert customer.last_name not in written


def test_who_may_not_look_leaves_no_look(client: Client) -> None:
    client.get("/admin/customers/customer/")
    assert not PersonalDataAccess.objects.exists()


def test_looks_cannot_be_taken_back(admin_client: Client) -> None:
    clock.set_now(NOW + timedelta(days=365 * 5))
    admin_client.get("/admin/customers/customer/")
    for change in (lambda rows: rows.update(actor="x"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change(PersonalDataAccess.objects.all())
