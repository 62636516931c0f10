"""The ledger shows when somebody tampers with it, and the web's role cannot."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.utils import ProgrammingError

from consent import ledger
from consent.accountability import chain
from consent.desk import requests
from consent.desk.people import gather
from consent.enums import Purpose
from consent.models import ConsentEvent
from customers.enums import EventKind
from tests.factories.consent import MARKETING, MailableFactory, agree
from tests.factories.customers import NOW, CustomerFactory, EventFactory


pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
ROLE = Path(chain.__file__).parents[1] / "sql" / "web_role.sql"


def as_owner(statement: str) -> None:
    """What somebody does who owns the tables and can switch triggers off."""
    with connection.cursor() as cursor:
        # deferred checks of keys forbid ALTER TABLE while they wait
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE consent_consentevent DISABLE TRIGGER append_only")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE consent_consentevent ENABLE TRIGGER append_only")


def three_acts() -> list[ConsentEvent]:
    customer = MailableFactory()
    agree(customer, Purpose.PROFILING, evidence={"form": "checkout"})
    ledger.withdraw(customer=customer, purpose=Purpose.MARKETING, method="form", now=LATER)
    return list(ConsentEvent.objects.order_by("pk"))


def test_acts_are_chained_one_by_one_and_in_bulk() -> None:
    acts = three_acts()
    assert [act.previous_hash and bytes(act.previous_hash) for act in acts] == [
        None, bytes(acts[0].hash), bytes(acts[1].hash),
    ]  # fmt: skip
    for _ in range(5):
        customer = CustomerFactory()
        for hours in (0, 1):
            EventFactory(
                customer=customer, kind=EventKind.CONSENT_GIVEN, arrived_at=LATER,
                happened_at=NOW + timedelta(hours=hours), properties=MARKETING,
            )  # fmt: skip
    assert ledger.absorb(now=LATER) == 10
    assert not ConsentEvent.objects.filter(hash=None).exists()
    assert ConsentEvent.objects.filter(previous_hash=None).count() == 6
    assert chain.verify() == chain.Verdict(acts=13, seals=0)


TAMPERED = {
    "not what was recorded": "UPDATE consent_consentevent SET act = 'GRANTED', wording_id = "
    "(SELECT min(id) FROM consent_wording) WHERE act = 'WITHDRAWN'",
    "it is not what was": "UPDATE consent_consentevent SET happened_at = happened_at - interval '1 day' "
    "WHERE purpose = 'PROFILING'",
    "its evidence": 'UPDATE consent_consentevent SET evidence = \'{"form": "other"}\' '
    "WHERE purpose = 'PROFILING'",
    "the act before it is gone": "DELETE FROM consent_consentstate WHERE purpose = 'PROFILING'; "
    "DELETE FROM consent_consentevent WHERE purpose = 'PROFILING'",
    "counted 3 acts, now there are 2": "DELETE FROM consent_consentstate WHERE purpose = 'MARKETING'; "
    "DELETE FROM consent_consentevent WHERE act = 'WITHDRAWN'",
}


@pytest.mark.parametrize("told", TAMPERED)
def test_tampering_is_found_and_named(told: str) -> None:
    three_acts()
    chain.seal(now=LATER)
    assert chain.verify() == chain.Verdict(acts=3, seals=1)
    as_owner(TAMPERED[told])
    assert told in chain.verify().broken


def test_seals_follow_one_another_and_wait_for_something_new() -> None:
    three_acts()
    first = chain.seal(now=LATER)
    assert first is not None
    assert first.acts == 3
    assert chain.seal(now=LATER) is None
    agree(CustomerFactory())
    second = chain.seal(now=LATER)
    assert second is not None
    assert second.acts == 1
    assert chain.verify().broken == ""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        second.delete()


def test_an_erasure_forgets_the_evidence_and_keeps_the_chain() -> None:
    acts = three_acts()
    chain.seal(now=LATER)
    with transaction.atomic():
        requests.erase_person(gather(customer_ids=[acts[0].customer_id]), now=LATER)
    acts[1].refresh_from_db()
    assert (acts[1].evidence, acts[1].evidence_salt) == ({}, None)
    assert chain.verify().broken == ""


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consent_consentevent SET act = 'OBJECTED'",
        'UPDATE consent_consentevent SET evidence = \'{"form": "other"}\'',
        "DELETE FROM consent_consentevent",
    ],
)
def test_even_an_erasure_changes_nothing_but_evidence(change: str) -> None:
    three_acts()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL coterie.erasing = 'on'")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(change)


def test_the_role_of_the_web_adds_to_the_ledger_and_changes_nothing() -> None:
    acts = three_acts()
    with connection.cursor() as cursor:
        cursor.execute(ROLE.read_text())
        cursor.execute("SET ROLE coterie_web")
    try:
        for statement in (
            "UPDATE consent_consentevent SET evidence = '{}'",
            "DELETE FROM consent_consentevent",
            "TRUNCATE consent_consentevent CASCADE",
            "DELETE FROM consent_personaldataaccess",
            "UPDATE consent_wording SET text = ''",
            "ALTER TABLE consent_consentevent DISABLE TRIGGER append_only",
        ):
            with (
                pytest.raises(ProgrammingError),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
        ledger.unsubscribe(customer_id=acts[0].customer_id, method="one-click", now=LATER)
        agree(CustomerFactory())
        with connection.cursor() as cursor:
            cursor.execute("SELECT consent_forget_evidence(%s)", [[acts[0].customer_id]])
            assert cursor.fetchone() == (2,)  # of the form, and of the unsubscription
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
    assert chain.verify() == chain.Verdict(acts=5, seals=0)
