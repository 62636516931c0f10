"""Somebody asks to be forgotten: afterwards they appear nowhere, in no table and in no file."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from campaigns.enums import Arm
from consent import gate, ledger
from consent.desk import requests
from consent.enums import Purpose, Refusal, RequestKind, RequestStatus, SuppressionReason
from consent.models import ConsentEvent, DataRequest, Suppression
from core import ids
from customers.enums import AliasKind, EventKind, InboundStatus
from customers.importing import runs
from customers.models import (
    Alias,
    Customer,
    Event,
    Import,
    ImportChange,
    InboundRequest,
    Merge,
    Order,
    Refund,
    RejectedRow,
    VisitorEvent,
)
from segmentation.models import Membership, MembershipChange, Score
from tests.factories.consent import MailableFactory, agree
from tests.factories.customers import (
    NOW,
    CustomerFactory,
    EventFactory,
    OrderFactory,
    ReviewFactory,
)
from tests.factories.feedback import FinishedCampaignFactory, deliver
from tests.factories.segmentation import SegmentFactory
from tests.screens.rows import generation


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
CANARY = "zyxwvut"
"""Part of everything that names the person; a table or file that holds it afterwards remembers them."""

ADDRESS = f"{CANARY}.Person@Example.com"
OLD_ADDRESS = f"old-{CANARY}@example.org"


def traces(home: Path) -> list[str]:
    """Every table and every file in which the canary still is, however it is written."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            # a row as text shows bytes as hexadecimal digits
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s OR t::text ILIKE %s',
                [f"%{CANARY}%", f"%{CANARY.encode().hex()}%"],
            )
            if cursor.fetchone()[0]:
                found.append(table)
    for path in home.rglob("*"):
        named = CANARY in path.name.lower()
        if named or (path.is_file() and CANARY.encode() in path.read_bytes().lower()):
            found.append(str(path.relative_to(home)))
    return sorted(found)


def everywhere() -> Customer:
    """A person whose name, address or words are in every place that can hold them."""
    person = MailableFactory(
        email=ADDRESS, first_name=CANARY.title(), last_name=CANARY, phone=f"+49 {CANARY}",
        traits={"nickname": CANARY}, external_id="7000000001",
    )  # fmt: skip
    agree(person, Purpose.PROFILING, evidence={"form": f"of {CANARY}"})
    source = person.source
    absorbed = CustomerFactory(source=source, external_id=OLD_ADDRESS, email="", email_hmac="")
    Customer.objects.filter(pk=absorbed.pk).update(merged_into=person)
    Merge.objects.create(
        survivor=person, absorbed=absorbed, reason="STAFF", source=source, merged_at=NOW,
        before={"absorbed": {"email": OLD_ADDRESS, "first_name": CANARY}},
    )  # fmt: skip
    for kind, value in ((AliasKind.USER, ADDRESS), (AliasKind.ANONYMOUS, f"visitor-{CANARY}")):
        Alias.objects.create(source=source, kind=kind, value=value, customer=person, created_at=NOW)
    VisitorEvent.objects.create(
        source=source, anonymous_id=f"visitor-{CANARY}", external_id="v1", kind=EventKind.SEARCH,
        happened_at=NOW, received_at=NOW, properties={"query": CANARY},
    )  # fmt: skip
    order = OrderFactory(customer=person, total_cents=1234)
    Refund.objects.create(
        source=source, external_id="R1", order=order, customer=person, refunded_at=NOW,
        arrived_at=NOW, amount_cents=34, reason=f"{CANARY} did not like it",
    )  # fmt: skip
    ReviewFactory(customer=person, title=CANARY, text=f"Best regards, {CANARY}")
    EventFactory(customer=person, properties={"query": CANARY})
    EventFactory(customer=person, external_id=f"consent:{ADDRESS}")
    EventFactory(
        customer=person, kind=EventKind.CONSENT_GIVEN,
        properties={"purpose": "MARKETING", "channel": "EMAIL", "provenance": "form", "by": CANARY},
    )  # fmt: skip
    ledger.absorb(now=NOW)
    ImportChange.objects.create(
        source_import=_import(person), entity="customers", row_id=person.pk,
        before={"first_name": CANARY},
    )  # fmt: skip
    _raw_requests(person)
    delivery = deliver(
        FinishedCampaignFactory(), Arm.TREATED, customer=person, reply=f"250 <{ADDRESS}> taken"
    )
    assert delivery.reply
    segment = SegmentFactory(name="Regulars")
    Membership.objects.create(segment=segment, customer=person, joined_at=NOW)
    MembershipChange.objects.create(segment=segment, customer=person, joined=True, changed_at=NOW)
    Score.objects.create(generation=generation(), customer=person, value=0.5)
    LogEntry.objects.create(
        user=User.objects.create_user("staff"), object_id=str(person.pk), object_repr=str(person),
        content_type=ContentType.objects.get_for_model(Customer), action_flag=CHANGE,
    )  # fmt: skip
    return person


def _import(person: Customer) -> Import:
    lines = f"email,name\n{ADDRESS},{CANARY}\n".encode()
    row = runs.create(source=person.source, file_name="people.csv", now=NOW, chunks=[lines])
    Import.objects.filter(pk=row.pk).update(
        status="FINISHED", lines=1, rejected=1, dry_run={"samples": [ADDRESS]}
    )
    RejectedRow.objects.create(
        source_import=row, entity="line", line_number=1, reason="bad_date",
        raw=f"{ADDRESS};{CANARY};yesterday",
    )  # fmt: skip
    return row


def _raw_requests(person: Customer) -> None:
    for body in (
        {"traits": {"email": ADDRESS.lower(), "name": CANARY}},
        {"customer": {"id": 7000000001, "first_name": CANARY}},
        {"userId": "7000000001", "properties": {"note": CANARY}},
    ):
        InboundRequest.objects.create(
            source=person.source, topic="batch", received_at=NOW, status=InboundStatus.DONE,
            body=json.dumps(body).encode(),
        )  # fmt: skip


def ask(person: Customer, kind: RequestKind = RequestKind.ERASURE) -> DataRequest:
    return requests.ask(kind=kind, customer=person, requested_by="officer", now=NOW)


def test_an_erased_customer_appears_nowhere(home: Path) -> None:
    person = everywhere()
    copy = requests.carry_out(ask(person, RequestKind.ACCESS), now=NOW)
    assert CANARY in (home / "exports" / copy.export).read_text().lower()
    before = set(traces(home))
    assert before >= {
        "campaigns_delivery", "consent_consentevent", "customers_alias", "customers_customer",
        "customers_event", "customers_import", "customers_importchange", "customers_inboundrequest",
        "customers_merge", "customers_refund", "customers_rejectedrow", "customers_review",
        "customers_visitorevent", "django_admin_log",
    }  # fmt: skip
    assert [name for name in before if name.startswith("imports/")]

    done = requests.carry_out(ask(person), now=LATER)

    assert traces(home) == []
    assert (done.status, done.done_at, done.result["waits"]) == (RequestStatus.DONE, LATER, {})
    assert done.result["rows"]["Requests as they came"] == 3
    assert done.result["rows"]["Customer"] == 2
    # the sums stay, on a row that names nobody
    assert Order.objects.get().total_cents == 1234
    assert Refund.objects.get().amount_cents == 34
    person.refresh_from_db()
    assert (person.erased_at, str(person)) == (LATER, "Customer 7000000001")
    assert gate.refusal(person) == Refusal.ERASED
    assert not Membership.objects.exists()
    assert not Score.objects.exists()


def test_only_the_keyed_hash_of_each_address_is_left() -> None:
    requests.carry_out(ask(everywhere()), now=LATER)
    hashes = {
        ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER)
        for address in (ADDRESS, OLD_ADDRESS)
    }
    kept = Suppression.objects.filter(lifted_at=None, reason=SuppressionReason.ERASED)
    assert set(kept.values_list("address_hmac", flat=True)) == hashes


def test_erasing_again_changes_nothing() -> None:
    person = everywhere()
    requests.carry_out(ask(person), now=LATER)
    tables = (Customer, Event, ConsentEvent, InboundRequest, Suppression)
    before: list[Any] = [list(table.objects.order_by("pk").values()) for table in tables]
    again = requests.carry_out(ask(person), now=LATER + timedelta(days=1))
    assert again.result["rows"] == {}
    suppressions = before.pop()
    assert [list(table.objects.order_by("pk").values()) for table in tables[:-1]] == before
    assert Suppression.objects.count() == len(suppressions)


def test_other_people_keep_everything() -> None:
    person = everywhere()
    other = MailableFactory(source=person.source, external_id="7000000002", traits={"size": "M"})
    ReviewFactory(customer=other, text="Mine")
    EventFactory(customer=other, properties={"query": "tea"})
    body = json.dumps({"userId": "7000000002", "traits": {"email": other.email}}).encode()
    InboundRequest.objects.create(
        source=other.source, topic="batch", received_at=NOW, status=InboundStatus.DONE, body=body
    )
    requests.carry_out(ask(person), now=LATER)
    assert Customer.objects.filter(pk=other.pk).values("email", "traits").get() == {
        "email": other.email, "traits": {"size": "M"},
    }  # fmt: skip
    assert other.reviews.get().text == "Mine"
    assert Event.objects.get(customer=other).properties == {"query": "tea"}
    assert [bytes(row.body) for row in InboundRequest.objects.exclude(body=b"")] == [body]
    assert gate.refusal(other) is None
