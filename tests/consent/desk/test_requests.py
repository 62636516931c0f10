"""Requests about one's data: what waits, what is proved, and what a later import may not bring back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.enums import Arm, DeliveryState
from consent import gate, ledger
from consent.desk import requests
from consent.enums import Act, Purpose, Refusal, RequestKind, RequestStatus, SuppressionReason
from consent.models import ConsentEvent, ConsentState, DataRequest, Suppression
from customers.enums import EventKind, ImportStatus, InboundStatus
from customers.importing import runs, workspace
from customers.ingest import load
from customers.models import Customer, Event, Import, InboundRequest
from customers.sources.base import CUSTOMERS, ShopBatch
from tests.factories.consent import MARKETING, MailableFactory, agree
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    ReviewFactory,
    SourceFactory,
)
from tests.factories.feedback import FinishedCampaignFactory, deliver


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def ask(kind: RequestKind = RequestKind.ERASURE, **whose: Any) -> DataRequest:
    return requests.ask(kind=kind, requested_by="officer", now=NOW, **whose)


def erase(customer: Customer) -> DataRequest:
    return requests.carry_out(ask(customer=customer), now=LATER)


def people(*rows: tuple[str, str]) -> ShopBatch:
    joined = int(NOW.timestamp())
    return ShopBatch(
        customers=pa.Table.from_pylist(
            [
                {"external_id": number, "email": email, "first_name": "Ada", "joined_at": joined}
                for number, email in rows
            ],
            schema=CUSTOMERS,
        )
    )


# ------------------------------------------------------------------ the row that proves it
def test_a_request_is_due_within_thirty_days_and_names_nobody() -> None:
    customer = MailableFactory(email="ada@example.com")
    request = ask(customer=customer)
    assert request.due_at - request.received_at == timedelta(days=30)
    assert (request.source, request.address_hmac) == (customer.source, customer.email_hmac)
    assert "ada" not in json.dumps(DataRequest.objects.values().get(), default=str).lower()


def test_a_request_needs_somebody() -> None:
    with pytest.raises(ValueError, match="whose data"):
        ask()


def test_the_same_reference_is_the_same_request() -> None:
    source = SourceFactory()
    first, again = (ask(source=source, reference="9") for _ in range(2))
    assert first == again
    assert ask(source=SourceFactory(), reference="9") != first


def test_a_request_is_carried_out_once() -> None:
    request = erase(CustomerFactory())
    assert request.status == RequestStatus.DONE
    for act in (
        lambda: requests.carry_out(request, now=LATER),
        lambda: requests.refuse(request, why="no", now=LATER),
        lambda: requests.mark_delivered(request, now=LATER),
    ):
        with pytest.raises(requests.RequestClosedError):
            act()


def test_a_refusal_keeps_its_reason_and_changes_nothing_else() -> None:
    customer = MailableFactory()
    request = ask(customer=customer)
    requests.refuse(request, why="It was somebody else who asked.", now=LATER)
    request.refresh_from_db()
    assert (request.status, request.done_at) == (RequestStatus.REFUSED, LATER)
    assert request.result == {"refused_because": "It was somebody else who asked."}
    assert gate.refusal(customer) is None


# ------------------------------------------------------------------ a copy
def test_a_copy_has_profile_orders_consents_and_goes_when_it_was_handed_over(home: Path) -> None:
    customer = MailableFactory(email="ada@example.com")
    EventFactory(customer=customer, properties={"query": "green tea"})
    request = requests.carry_out(ask(RequestKind.ACCESS, customer=customer), now=LATER)
    path = home / "exports" / request.export
    assert path.stat().st_mode & 0o777 == 0o600
    copy = json.loads(path.read_text())
    assert copy["came_from"] == [customer.source.name]
    by_holder = {entry["what"]: entry["rows"] for entry in copy["data"]}
    assert by_holder["Customer"][0]["email"] == "ada@example.com"
    assert by_holder["Events"][0]["properties"] == {"query": "green tea"}
    assert by_holder["Consent log"][0]["wording"].startswith("Yes, please")
    assert request.status == RequestStatus.IN_PROGRESS
    requests.mark_delivered(request, now=LATER)
    request.refresh_from_db()
    assert (request.status, request.export, path.parent.exists()) == ("DONE", "", False)


def test_a_copy_tells_nothing_of_others(home: Path) -> None:
    customer, other = MailableFactory(), MailableFactory(email="other@example.org")
    assert customer.source != other.source
    request = requests.carry_out(ask(RequestKind.ACCESS, customer=customer), now=LATER)
    assert "other@example.org" not in (home / "exports" / request.export).read_text()


# ------------------------------------------------------------------ erasure
def test_erasure_withdraws_what_was_allowed() -> None:
    customer = MailableFactory()
    agree(customer, Purpose.CLICK_TRACKING)
    erase(customer)
    assert not ConsentState.objects.filter(is_granted=True).exists()
    acts = ConsentEvent.objects.filter(act=Act.WITHDRAWN).values_list("method", flat=True)
    assert list(acts) == ["erasure", "erasure"]


def test_a_later_import_brings_nobody_back() -> None:
    customer = MailableFactory(external_id="17", email="ada@example.com")
    erase(customer)
    # the same number, and the same address under another number and in another source
    load(
        people(("17", "ada@example.com"), ("18", "Ada@example.com")),
        source=customer.source,
        now=LATER,
    )
    load(people(("x", "ada@EXAMPLE.com")), source=SourceFactory(), now=LATER)
    customer.refresh_from_db()
    assert (customer.email, customer.first_name) == ("", "")
    for one in Customer.objects.all():
        event = EventFactory(
            customer=one, kind=EventKind.CONSENT_GIVEN, happened_at=NOW, arrived_at=LATER,
            properties={**MARKETING, "provenance": "import"},
        )  # fmt: skip
        assert event.pk
    ledger.absorb(now=LATER)
    assert [gate.refusal(one) for one in Customer.objects.order_by("pk")] == [
        Refusal.ERASED, Refusal.SUPPRESSED, Refusal.SUPPRESSED,
    ]  # fmt: skip


def test_a_number_that_is_an_address_is_replaced_by_its_hash() -> None:
    customer = CustomerFactory(external_id="ada@example.com", email="ada@example.com")
    erase(customer)
    hmac = customer.email_hmac
    customer.refresh_from_db()
    assert customer.external_id == f"email:{hmac[:32]}"


def test_everybody_of_the_address_and_every_merged_number_is_one_person() -> None:
    customer = CustomerFactory(email="ada@example.com")
    same = CustomerFactory(email="ADA@example.com")
    absorbed = CustomerFactory(email="", merged_into=customer)
    stranger = CustomerFactory()
    erase(absorbed)
    erased = Customer.objects.exclude(erased_at=None)
    assert set(erased) == {customer, same, absorbed}
    assert stranger not in erased


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.HARD_BOUNCE])
def test_a_stronger_suppression_outlives_the_erasure(reason: SuppressionReason) -> None:
    customer = CustomerFactory()
    ledger.suppress(address_hmac=customer.email_hmac, reason=reason, now=NOW)
    erase(customer)
    assert Suppression.objects.get().reason == reason


def test_an_erasure_waits_for_what_has_not_been_read_and_is_done_once_more() -> None:
    customer = CustomerFactory(email="ada@example.com")
    said = json.dumps({"traits": {"email": "ADA@example.com"}}).encode()
    waiting = InboundRequest.objects.create(
        source=customer.source, topic="identify", received_at=NOW, body=said
    )
    request = erase(customer)
    assert (request.status, request.done_at) == (RequestStatus.IN_PROGRESS, None)
    assert request.result["waits"] == {"Requests as they came": 1}
    waiting.refresh_from_db()
    assert bytes(waiting.body) == said, "others' events may be in it"
    assert requests.carry_on(now=LATER) == 0

    EventFactory(customer=customer, properties={"email": "ada@example.com"})  # as reading does
    InboundRequest.objects.update(status=InboundStatus.DONE)
    assert requests.carry_on(now=LATER) == 1
    waiting.refresh_from_db()
    assert bytes(waiting.body) == b""
    assert Event.objects.get().properties == {}


def test_an_erasure_waits_for_a_message_that_is_being_handed_over() -> None:
    customer = CustomerFactory()
    delivery = deliver(
        FinishedCampaignFactory(), Arm.TREATED, customer=customer, state=DeliveryState.SENDING
    )
    request = erase(customer)
    assert request.result["waits"] == {"Messages": 1}
    type(delivery).objects.update(state=DeliveryState.SENT, reply=f"250 {customer.email}")
    assert requests.carry_on(now=LATER) == 1
    delivery.refresh_from_db()
    assert delivery.reply == ""


def test_files_of_imports_go_when_they_were_read_and_only_our_own(tmp_path: Path) -> None:
    customer = CustomerFactory(email="ada@example.com")
    elsewhere = tmp_path / "mine.csv"
    elsewhere.write_text("email\nada@example.com\n")
    told = {"source": customer.source, "now": NOW, "file_name": "people.csv"}
    upload = runs.create(chunks=[b"email\nada@example.com\n"], **told)
    named = runs.create(path=elsewhere, **told)
    others = runs.create(chunks=[b"email\nbob@example.com\n"], **told)
    request = erase(customer)
    assert request.result["waits"] == {"Files of imports": 2}
    Import.objects.update(status=ImportStatus.FINISHED)
    assert requests.carry_on(now=LATER) == 1
    upload.refresh_from_db()
    assert (upload.stored_file, workspace.folder(upload.pk).exists()) == ("", False)
    assert named.pk
    assert elsewhere.exists(), "staff's own file is not ours to delete"
    assert runs.file_of(others).exists()


def test_an_erasure_waits_for_who_writes_to_the_source() -> None:
    customer = CustomerFactory()
    with CaptureQueriesContext(connection) as asked:
        erase(customer)
    statements = [query["sql"] for query in asked]
    turn = next(i for i, sql in enumerate(statements) if "pg_advisory_xact_lock" in sql)
    first = next(i for i, sql in enumerate(statements) if 'UPDATE "customers_customer"' in sql)
    assert turn < first


def test_staff_decide_about_erasures_and_the_machine_prepares_copies() -> None:
    erasure, access = (
        ask(customer=CustomerFactory()),
        ask(RequestKind.ACCESS, customer=CustomerFactory()),
    )
    requests.carry_on(now=LATER)
    erasure.refresh_from_db()
    access.refresh_from_db()
    assert erasure.status == RequestStatus.RECEIVED
    assert (access.status, bool(access.export)) == (RequestStatus.IN_PROGRESS, True)


def test_what_a_shop_goes_on_telling_about_the_erased_is_emptied_again() -> None:
    customer, other = CustomerFactory(), CustomerFactory()
    erase(customer)
    for one in (customer, other):
        EventFactory(customer=one, properties={"query": "tea"})
        ReviewFactory(customer=one, text="Lovely")
    order = OrderFactory(customer=customer)
    assert [requests.forget_again(now=LATER), requests.forget_again(now=LATER)] == [1, 0]
    assert customer.events.get().properties == {}
    assert customer.reviews.get().text == ""
    assert (other.events.get().properties, other.reviews.get().text) == ({"query": "tea"}, "Lovely")
    order.refresh_from_db()
    assert order.total_cents == 2000


def test_nothing_else_may_change_the_ledgers_after_an_erasure_in_the_same_transaction() -> None:
    erase(CustomerFactory())
    event = EventFactory()
    with pytest.raises(Exception, match="append-only"):
        Event.objects.filter(pk=event.pk).update(properties={"x": 1})
