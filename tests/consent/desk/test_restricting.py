"""Restriction: kept, and not used."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from consent import gate, ledger
from consent.desk import requests, restricting
from consent.enums import Act, Purpose, Refusal, RequestKind, RequestStatus
from consent.models import ConsentEvent, ConsentState, DataRequest
from consent.public import choosing
from customers.exporting import KINDS
from customers.models import Customer, Merge
from tests.campaigns.test_races import InThread
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import NOW, OrderFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
EVEN_LATER = NOW + timedelta(hours=2)


def ask(customer: Customer, kind: RequestKind, **said: str) -> DataRequest:
    row = requests.ask(kind=kind, customer=customer, requested_by="olga", now=LATER)
    requests.because(row, **{"ground": "ACCURACY", **said})
    return requests.carry_out(row, now=LATER)


def allowed(customer: Customer) -> set[str]:
    states = ConsentState.objects.filter(customer=customer, is_granted=True)
    return set(states.values_list("purpose", flat=True))


def test_a_restricted_customer_is_neither_mailed_nor_profiled_and_the_acts_stay() -> None:
    customer = MailableFactory()
    agree(customer, Purpose.PROFILING)
    before = list(ConsentEvent.objects.order_by("pk").values())
    done = ask(customer, RequestKind.RESTRICTION)
    assert (done.status, done.result["ground"]) == (RequestStatus.DONE, "ACCURACY")
    customer.refresh_from_db()
    assert customer.restricted_at == LATER
    assert gate.refusal(customer) == Refusal.RESTRICTED
    assert allowed(customer) == set()
    assert list(ConsentEvent.objects.order_by("pk").values()) == before


def test_lifting_gives_back_what_was_allowed_and_not_withdrawn_since() -> None:
    customer = MailableFactory()
    agree(customer, Purpose.PROFILING)
    agree(customer, Purpose.RECOMMENDATIONS)
    ask(customer, RequestKind.RESTRICTION)
    ledger.withdraw(customer=customer, purpose=Purpose.PROFILING, method="form", now=EVEN_LATER)
    agree(customer, Purpose.RESEARCH, now=EVEN_LATER)
    assert allowed(customer) == set()
    ask(customer, RequestKind.UNRESTRICTION)
    assert allowed(customer) == {"MARKETING", "RECOMMENDATIONS", "RESEARCH"}
    assert gate.refusal(customer) is None


def test_who_agrees_to_nothing_while_restricted_has_withdrawn_everything() -> None:
    customer = MailableFactory()
    agree(customer, Purpose.PROFILING)
    ask(customer, RequestKind.RESTRICTION)
    choosing.agree_to_nothing(customer, now=EVEN_LATER)
    ask(customer, RequestKind.UNRESTRICTION)
    assert allowed(customer) == set()
    ended = ConsentEvent.objects.filter(customer=customer, act=Act.WITHDRAWN)
    assert set(ended.values_list("purpose", flat=True)) == {"MARKETING", "PROFILING"}


def test_everybody_who_is_the_same_person_is_restricted() -> None:
    first, second = MailableFactory(email="a@example.com"), MailableFactory(email="A@example.com")
    ask(first, RequestKind.RESTRICTION)
    assert gate.refusal(second) == Refusal.RESTRICTED


def test_a_restriction_follows_into_a_merge() -> None:
    restricted, survivor = MailableFactory(), MailableFactory()
    ask(restricted, RequestKind.RESTRICTION)
    Customer.objects.filter(pk=restricted.pk).update(merged_into=survivor)
    survivor.refresh_from_db()
    assert survivor.restricted_at == LATER
    assert allowed(survivor) == set()
    assert not Merge.objects.exists()


def test_no_export_for_others_has_them() -> None:
    kept, restricted = MailableFactory(), MailableFactory()
    OrderFactory(customer=kept)
    OrderFactory(customer=restricted)
    ask(restricted, RequestKind.RESTRICTION)
    assert [one.pk for one in KINDS["CUSTOMERS"].rows()] == [kept.pk]
    assert [one.customer_id for one in KINDS["ORDERS"].rows()] == [kept.pk]


def test_their_own_copy_still_has_everything() -> None:
    customer = MailableFactory()
    ask(customer, RequestKind.RESTRICTION)
    copy = requests.export(requests.person_of(
        requests.ask(kind=RequestKind.ACCESS, customer=customer, requested_by="olga", now=LATER)
    ), now=LATER)  # fmt: skip
    assert any(entry["what"] == "Customer" for entry in copy["data"])


@pytest.mark.django_db(transaction=True)
def test_a_restriction_waits_for_an_intent_and_the_intent_for_it() -> None:
    """The states are locked as by a withdrawal, so the same races end the same way."""
    customer = MailableFactory()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(gate.lock_states(customer_ids=str(customer.pk)))
        restriction = InThread(
            lambda: restricting.restrict(customer_ids=[customer.pk], ground="CLAIMS", now=LATER)
        )
        assert restriction.is_waiting()
        assert gate.refusal(customer) is None
    restriction.end()
    assert gate.refusal(customer) == Refusal.RESTRICTED


@pytest.fixture
def officer(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("olga", password="x"))
    return client


def test_the_desk_restricts_with_a_ground_and_ends_it_when_the_person_was_told(
    officer: Client,
) -> None:
    customer = MailableFactory()
    for kind, wrong, right in (
        ("RESTRICTION", {}, {"ground": "CLAIMS", "note": "court"}),
        ("UNRESTRICTION", {"note": "over"}, {"note": "over", "checked": "on"}),
    ):
        officer.post(reverse("admin:data_request_new"), {"kind": kind, "customer": customer.pk})
        row = DataRequest.objects.get(kind=kind)
        act = reverse("admin:data_request_carry_out", args=[row.pk])
        assert officer.post(act, wrong).status_code == 400
        assert officer.post(act, right).status_code == 302
        customer.refresh_from_db()
        assert bool(customer.restricted_at) == (kind == "RESTRICTION")
        shown = officer.get(reverse("admin:data_request_page", args=[row.pk])).content.decode()
        assert right["note"] in shown
    page = officer.get(reverse("admin:customer_page", args=[customer.pk])).content.decode()
    assert "May be mailed." in page


def test_the_customers_page_says_since_when_and_why(officer: Client) -> None:
    customer = MailableFactory()
    ask(customer, RequestKind.RESTRICTION)
    page = officer.get(reverse("admin:customer_page", args=[customer.pk])).content.decode()
    assert "May not be mailed." in page
    assert "They contest that the data is right" in page


def test_what_holds_a_row_back_never_walks_the_whole_table() -> None:
    # a plan made while the table was tiny is kept, and would walk it for each row of an import to come
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, proconfig FROM pg_proc WHERE proname LIKE %s ORDER BY proname",
            ["consent\\_hold\\_%"],
        )
        assert cursor.fetchall() == [
            ("consent_hold_customer", ["enable_seqscan=off"]),
            ("consent_hold_state", ["enable_seqscan=off"]),
        ]
