from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from consent import ages, gate
from consent.desk import requests
from consent.enums import Purpose, Refusal, RequestKind
from consent.models import ConsentState
from core import clock
from customers.models import Customer
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory


pytestmark = pytest.mark.django_db


def refusal_of(**traits: Any) -> Refusal | None:
    customer = MailableFactory(traits=traits)
    ages.check(now=NOW)
    customer.refresh_from_db()
    return gate.refusal(customer)


@pytest.mark.parametrize(
    "traits",
    [
        {"birthday": "2014-05-01"},
        {"birthday": "2014-05-01T00:00:00Z"},
        {"date_of_birth": "2014-05-01"},
        {"age": 15},
        {"age": "9"},
        {"is_minor": True},
        {"under_age": "yes"},
        {"birthday": "2014-05-01", "is_minor": False},
    ],
)
def test_who_declared_to_be_a_child_gets_no_promotions(traits: dict[str, Any]) -> None:
    assert refusal_of(**traits) == Refusal.UNDER_AGE


@pytest.mark.parametrize(
    "traits",
    [
        {"birthday": "1980-05-01"}, {"age": 40}, {"is_minor": False}, {"size": "M"}, {},
        {"birthday": "unknown"}, {"birthday": "2014-13-45"}, {"age": "old"},
        {"birthday": "1980-05-01", "is_minor": True},
    ],
)  # fmt: skip
def test_others_do(traits: dict[str, Any]) -> None:
    assert refusal_of(**traits) is None


def test_a_child_is_not_profiled_and_on_the_birthday_is() -> None:
    birthday = datetime(2010, 6, 15, tzinfo=UTC)
    customer = MailableFactory(traits={"birthday": f"{birthday:%Y-%m-%d}"})
    agree(customer, Purpose.PROFILING)
    profiled = ConsentState.objects.filter(purpose=Purpose.PROFILING, is_granted=True)
    assert ages.check(now=birthday.replace(year=2026) - timedelta(days=1)) == (1, 0)
    assert not profiled.exists()
    agree(customer, Purpose.PROFILING, now=NOW + timedelta(minutes=1))
    assert not profiled.exists()
    assert ages.check(now=birthday.replace(year=2026)) == (0, 1)
    assert profiled.exists()


def test_an_age_that_is_told_later_counts_and_is_forgotten_with_the_person() -> None:
    customer = MailableFactory()
    assert ages.check(now=NOW) == (0, 0)
    Customer.objects.filter(pk=customer.pk).update(traits={"age": 12})
    assert ages.check(now=NOW) == (1, 0)
    row = requests.ask(kind=RequestKind.ERASURE, customer=customer, requested_by="t", now=NOW)
    requests.carry_out(row, now=NOW)
    customer.refresh_from_db()
    assert (customer.born_on, customer.is_minor, customer.is_under_age) == (None, None, False)


def test_nobody_is_asked_where_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "AGE_OF_CONSENT", 0)
    assert refusal_of(birthday="2014-05-01") is None


def test_an_age_in_years_is_the_youngest_that_it_can_mean() -> None:
    CustomerFactory(traits={"age": 16}, arrived_at=NOW)
    assert ages.check(now=NOW) == (0, 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT born_on FROM customers_customer")
        born_on = cursor.fetchone()[0]
    assert clock.wall().date() > born_on
    assert born_on.year == NOW.year - 17
