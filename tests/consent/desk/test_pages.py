"""The desk for data requests, as a privacy officer uses it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from consent import ledger
from consent.desk import requests
from consent.enums import RequestKind, RequestStatus
from consent.models import DataRequest
from core import clock
from customers.enums import EventKind, SourceKind
from customers.models import Customer
from tests.factories.consent import MailableFactory
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    SourceFactory,
)


pytestmark = pytest.mark.django_db
LIST = "consent_datarequest_changelist"


@pytest.fixture(autouse=True)
def today() -> None:
    clock.set_now(NOW + timedelta(days=1))


@pytest.fixture
def officer() -> Client:
    """May see and carry out data requests, and see customers; nothing else."""
    user = User.objects.create_user("olga", is_staff=True)
    codenames = ("view_datarequest", "carry_out_datarequest", "view_customer")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def ask(kind: RequestKind = RequestKind.ERASURE, **more: object) -> DataRequest:
    if not more:
        more = {"customer": MailableFactory(email="ada@example.com", last_name="Lovelace")}
    return requests.ask(kind=kind, requested_by="olga", **{"now": NOW, **more})


def read(client: Client, name: str, *args: object, **query: object) -> str:
    response = client.get(reverse(f"admin:{name}", args=args), query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def press(client: Client, name: str, row: DataRequest, **fields: str) -> DataRequest:
    client.post(reverse(f"admin:data_request_{name}", args=[row.pk]), fields)
    row.refresh_from_db()
    return row


def test_the_list_shows_what_is_due_and_what_is_overdue(officer: Client) -> None:
    ask()
    late = ask(customer=CustomerFactory(), now=NOW - timedelta(days=40))
    done = ask(customer=CustomerFactory(), now=NOW - timedelta(days=50))
    requests.carry_out(done, now=NOW)
    shown = read(officer, LIST)
    assert shown.count("overdue</span>") == 1
    assert "1 Jul 2026" in shown
    assert shown.index(f">Erasure {late.pk}<") < shown.index(f">Erasure {done.pk}<")
    assert f"Erasure {done.pk}<" not in read(officer, LIST, todo="open")
    assert f"Erasure {late.pk}<" in read(officer, LIST, todo="overdue")
    assert f"Erasure {done.pk}<" in read(officer, LIST, todo="closed")


def test_an_erasure_shows_what_goes_and_wants_a_tick(officer: Client) -> None:
    row = ask()
    OrderFactory(customer=row.customer)
    shown = read(officer, "data_request_page", row.pk)
    assert "What goes, and what stays" in shown
    assert "The sums, as accounting law asks." in shown
    response = officer.post(reverse("admin:data_request_carry_out", args=[row.pk]))
    assert (response.status_code, "Tick this to confirm" in response.content.decode()) == (
        400,
        True,
    )
    assert not Customer.objects.exclude(erased_at=None).exists()
    row = press(officer, "carry_out", row, checked="on")
    assert row.status == RequestStatus.DONE
    shown = read(officer, "data_request_page", row.pk)
    assert "What was erased" in shown
    assert "Lovelace" not in shown
    assert "Lovelace" not in read(officer, LIST)


def test_a_copy_is_prepared_downloaded_and_marked_as_handed_over(officer: Client) -> None:
    row = press(officer, "carry_out", ask(RequestKind.ACCESS))
    response = officer.get(reverse("admin:data_request_copy", args=[row.pk]))
    assert response["Content-Disposition"].startswith("attachment")
    assert "no-store" in response["Cache-Control"]
    assert "ada@example.com" in response.content.decode()
    assert press(officer, "delivered", row).status == RequestStatus.DONE
    assert officer.get(reverse("admin:data_request_copy", args=[row.pk])).status_code == 404
    press(officer, "delivered", row)  # twice does no harm
    assert "is closed already" in read(officer, "data_request_page", row.pk)


def test_a_refusal_wants_a_reason(officer: Client) -> None:
    row = press(officer, "refuse", ask(), why="")
    assert row.status == RequestStatus.RECEIVED
    assert press(officer, "refuse", row, why="Not they who asked").status == RequestStatus.REFUSED
    assert "Not they who asked" in read(officer, "data_request_page", row.pk)


def test_a_new_request_from_the_customers_page_and_by_address(officer: Client) -> None:
    customer = MailableFactory(email="ada@example.com")
    link = f"{reverse('admin:data_request_new')}?customer={customer.pk}"
    assert link in read(officer, "customer_page", customer.pk)
    assert str(customer) in read(officer, "data_request_new", customer=customer.pk)
    officer.post(link, {"kind": "ACCESS", "customer": customer.pk})
    officer.post(link, {"kind": "ERASURE", "address": "Stranger@Example.com"})
    first, second = DataRequest.objects.order_by("pk")
    assert (first.customer, first.requested_by) == (customer, "olga")
    assert (second.customer, len(second.address_hmac)) == (None, 64)
    assert "Somebody unknown" in read(officer, LIST)
    assert "Nothing is held about this person" in read(officer, "data_request_page", second.pk)
    nobody = officer.post(link, {"kind": "ERASURE"})
    assert "Say whose data it is about" in nobody.content.decode()
    for odd in ("x", "9" * 40, "-1"):
        read(officer, "data_request_new", customer=odd)


def test_a_request_that_could_not_be_read_says_so(officer: Client) -> None:
    row = ask(source=SourceFactory(kind=SourceKind.SHOPIFY), inbound_id=7)
    DataRequest.objects.update(result={"problem": "The webhook names no customer."})
    shown = read(officer, "data_request_page", row.pk)
    assert "The webhook names no customer." in shown
    assert "Erase now" not in shown
    assert "Could not be read" in read(officer, LIST)


@pytest.mark.parametrize("kind", ["ACCESS", "ERASURE", "RESTRICTION"])
def test_a_request_that_names_nobody_can_only_be_asked_anew(kind: str, officer: Client) -> None:
    row = ask(kind=RequestKind(kind), source=SourceFactory(kind=SourceKind.SHOPIFY), inbound_id=7)
    DataRequest.objects.update(result={"problem": "The webhook names no customer."})
    shown = read(officer, "data_request_page", row.pk)
    assert f'href="{reverse("admin:data_request_new")}?kind={kind}"' in shown
    assert reverse("admin:data_request_carry_out", args=[row.pk]) not in shown
    assert "everybody in" not in shown
    assert "Not known yet" in read(officer, LIST)
    chosen = read(officer, "data_request_new", kind=kind)
    assert re.search(rf'value="{kind}"[^>]*checked', chosen)
    said = officer.post(
        reverse("admin:data_request_carry_out", args=[row.pk]),
        {"checked": "on", "ground": "ACCURACY"},
        follow=True,
    )
    assert "it is not known whose data it is about" in said.content.decode()
    row.refresh_from_db()
    assert (row.status, row.export) == ("RECEIVED", "")
    officer.post(reverse("admin:data_request_refuse", args=[row.pk]), {"why": "see request 12"})
    row.refresh_from_db()
    assert row.status == "REFUSED"


def test_who_may_only_look_cannot_act() -> None:
    row = ask()
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_datarequest"))
    viewer = Client()
    viewer.force_login(user)
    assert "Erase now" not in read(viewer, "data_request_page", row.pk)
    for name in ("carry_out", "refuse", "delivered"):
        url = reverse(f"admin:data_request_{name}", args=[row.pk])
        assert viewer.post(url, {"checked": "on", "why": "x"}).status_code == 403
    assert viewer.get(reverse("admin:data_request_copy", args=[row.pk])).status_code == 403
    assert viewer.get(reverse("admin:data_request_new")).status_code == 403
    assert not Customer.objects.exclude(erased_at=None).exists()


def test_the_customers_page_shows_claims_and_how_each_consent_came(admin_client: Client) -> None:
    customer = CustomerFactory()
    told = {"purpose": "MARKETING", "channel": "EMAIL", "provenance": "trait", "method": "identify"}
    EventFactory(customer=customer, kind=EventKind.CONSENT_CLAIMED, properties=told)
    ledger.absorb(now=NOW)
    shown = read(admin_client, "customer_page", customer.pk)
    assert "Consent claimed, not provable" in shown
    assert "by identify (trait of a profile)" in shown
    EventFactory(
        customer=customer, kind=EventKind.CONSENT_GIVEN,
        properties={
            **told, "provenance": "webhook", "state": "subscribed",
            "opt_in_level": "confirmed_opt_in",
        },
    )  # fmt: skip
    ledger.absorb(now=NOW)
    shown = read(admin_client, "customer_page", customer.pk)
    assert "wording shop-form, state subscribed, confirmed_opt_in" in shown
    listed = read(admin_client, "consent_consentevent_changelist")
    assert "confirmed opt in" in listed
    assert "shop-form, en</span>" in listed


def test_the_consent_log_says_midnight_in_figures(admin_client: Client) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    customer = CustomerFactory()
    ledger.withdraw(customer=customer, purpose="MARKETING", method="form", now=midnight)
    listed = read(admin_client, "consent_consentevent_changelist")
    assert f"{midnight:%-d %b %Y}, 00:00</span>" in listed
    assert ", midnight" not in listed
