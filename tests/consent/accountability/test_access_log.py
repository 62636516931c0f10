"""Who looked at whom, over the API too: without the data, with numbers, in plain words, with an alarm."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from consent.accountability import audit, audit_words, breaches, mass_access
from consent.models import PersonalDataAccess
from core import clock, watermarks
from tests.factories.consent import MailableFactory
from tests.factories.customers import CustomerFactory, OrderFactory
from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db


def looks() -> list[PersonalDataAccess]:
    return list(PersonalDataAccess.objects.order_by("pk"))


# ---------------------------------------------------------------- numbers, packed
@pytest.mark.parametrize("numbers", [[], [7], [3, 1, 2, 2], list(range(5, 100_000, 7))])
def test_numbers_come_back_as_they_were(numbers: list[int]) -> None:
    assert watermarks.unpacked(watermarks.packed(numbers)) == sorted(set(numbers))


def test_a_mark_is_found_in_a_line_of_a_file() -> None:
    mark = watermarks.new()
    line = f"17,shop,c-1,{watermarks.stamp(mark, who='clerk', at=clock.now())}"
    assert watermarks.mark_in(line) == mark
    assert watermarks.mark_in("17,shop,c-1") == watermarks.mark_in("ctr-12") == ""


# ---------------------------------------------------------------- programs
def test_reads_over_the_api_are_written_down_a_row_an_answer_and_without_data() -> None:
    people = [MailableFactory() for _ in range(3)]
    order = OrderFactory(customer=people[0])
    api = Api()
    api.get("customers")
    api.get(f"customers/{people[1].pk}/consent")
    api.get(f"orders/{order.pk}")

    listed, consent, read = looks()
    assert (listed.via, listed.actor, listed.what, listed.people) == (
        "KEY", api.key.name, "list_customers", 3,
    )  # fmt: skip
    assert breaches.numbers_of(listed) == sorted(person.pk for person in people)
    assert listed.with_addresses
    assert breaches.numbers_of(consent) == [people[1].pk] == [consent.customer_number]
    assert (breaches.numbers_of(read), read.with_addresses) == ([people[0].pk], False)
    written = json.dumps(list(PersonalDataAccess.objects.values()), default=str)
    assert not any(person.email in written for person in people)


def test_answers_about_nobody_and_refusals_leave_no_row() -> None:
    api = Api()
    api.get("customers")
    api.get("products")
    api.get("customers/999999")
    Api(scopes=["orders:read"]).get(f"customers/{CustomerFactory().pk}")
    assert looks() == []


def test_a_key_without_names_is_told_apart() -> None:
    CustomerFactory()
    Api(scopes=["customers:read"]).get("customers")
    assert [row.with_addresses for row in looks()] == [False]


# ---------------------------------------------------------------- words
def test_the_page_says_in_words_what_was_looked_at(admin_client: Client) -> None:
    customer = MailableFactory()
    OrderFactory(customer=customer)
    admin_client.get("/admin/customers/order/")
    admin_client.get(f"/admin/feedback/outcomewindow/customer/{customer.pk}/")
    api = Api()
    api.get("customers")
    said = [(audit_words.what(row), audit_words.whom(row)) for row in looks()]
    assert said == [
        ("List of orders", f"Customer {customer.pk}"),
        ("Page of a customer", f"Customer {customer.pk}"),
        ("API: list customers", f"Customer {customer.pk}"),
    ]
    page = admin_client.get("/admin/consent/personaldataaccess/").content.decode()
    assert "Page of a customer" in page
    assert f"API key “{api.key.name}”" in page
    assert "customer_page" not in page


# ---------------------------------------------------------------- the alarm
def look(people: int, *, minutes: int, actor: str = "clerk") -> None:
    PersonalDataAccess.objects.create(
        at=clock.now() - timedelta(minutes=minutes),
        actor=actor,
        action="VIEW",
        what="customers_customer_changelist",
        people=people,
    )


def test_an_hour_of_too_many_people_is_an_alarm_and_two_hours_of_as_many_are_not(settings) -> None:
    settings.MASS_ACCESS_PEOPLE = 100
    look(60, minutes=130)
    look(60, minutes=50)
    look(30, minutes=10, actor="other")
    assert mass_access.alarms(now=clock.now()) == []
    look(41, minutes=20)
    (alarm,) = mass_access.alarms(now=clock.now())
    assert (alarm.actor, alarm.people) == ("clerk", 101)
    assert mass_access.alarms(now=clock.now() + timedelta(hours=73)) == []
    settings.MASS_ACCESS_PEOPLE = 0
    assert mass_access.alarms(now=clock.now()) == []


def test_an_alarm_is_on_the_home_page_and_the_doctor_tells_it(
    settings, admin_client: Client
) -> None:
    settings.MASS_ACCESS_PEOPLE = 2
    for _ in range(3):
        CustomerFactory()
    api = Api()
    api.get("customers")
    home = admin_client.get("/admin/").content.decode()
    assert f"The API key “{api.key.name}” looked at 3 customers within an hour" in home

    out = StringIO()
    with pytest.raises(Exception, match="checks failed"):
        call_command("doctor", stdout=out)
    (line,) = [one for one in out.getvalue().splitlines() if "personal data" in one]
    assert line.startswith("BAD")
    assert api.key.name in line


def test_a_command_that_takes_data_along_is_written_down(tmp_path) -> None:
    customer = MailableFactory()
    call_command(
        "export_customer", "--customer", str(customer.pk), "--out", str(tmp_path / "c.json")
    )
    (row,) = looks()
    assert (row.via, row.action, row.people) == (audit.COMMAND, audit.EXPORT, row.people)
    assert row.mark in json.loads((tmp_path / "c.json").read_text())[watermarks.COLUMN]


@pytest.mark.parametrize(
    ("people", "said"), [(0, "–"), (1, "1 customer"), (1200, "1,200 customers")]
)
def test_how_many_were_seen_is_said_in_words(people: int, said: str) -> None:
    assert audit_words.whom(PersonalDataAccess(people=people)) == said
