"""What this app holds about people; see personal_data."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from consent import ledger
from consent.desk.files import exports_folder
from consent.desk.personal_data import Holder, Person, deleting, keeping, of_customer
from consent.models import (
    AddressKey,
    ConsentEvent,
    ConsentState,
    DataRequest,
    PersonalDataAccess,
    Preference,
    SignUp,
    Suppression,
)


def _suppressions(person: Person) -> QuerySet[Any]:
    return Suppression.objects.filter(address_hmac__in=person.address_hmacs)


def _withdraw(person: Person, now: datetime) -> int:
    return ledger.withdraw_everything(customer_ids=person.customer_ids, method="erasure", now=now)


def _requests(person: Person) -> QuerySet[Any]:
    return DataRequest.objects.filter(customer__in=person.customer_ids)


def _delete_copies(person: Person, now: datetime) -> int:
    """The copies of their data that were prepared and not yet handed over, or not yet deleted."""
    with_copy = _requests(person).exclude(export="")
    for request in with_copy:
        shutil.rmtree((exports_folder() / request.export).parent, ignore_errors=True)
    return with_copy.update(export="")


def _forget_evidence(person: Person, now: datetime) -> int:
    """By the one way that the ledger leaves open, also to a role that may not change it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT consent_forget_evidence(%s)", [list(person.customer_ids)])
        return int(cursor.fetchone()[0])


def _sign_ups(person: Person) -> QuerySet[Any]:
    """By the address alone: whoever asked may be no customer yet."""
    return SignUp.objects.filter(address_hmac__in=person.address_hmacs - {""})


def _show_sign_ups(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    for one in rows.order_by("pk").prefetch_related("wordings"):
        yield {
            "address": one.address,
            "asked_at": one.asked_at,
            "form": one.form,
            "evidence": one.evidence,
            "confirmed_at": one.confirmed_at,
            "asked_for": [wording.text for wording in one.wordings.all()],
        }


def _looks(person: Person) -> QuerySet[Any]:
    return PersonalDataAccess.objects.filter(customer_number__in=person.customer_ids)


def _acts(rows: QuerySet[ConsentEvent]) -> Iterable[Mapping[str, Any]]:
    for act in rows.select_related("wording").order_by("happened_at", "pk"):
        yield {
            "what": act.get_act_display(),
            "purpose": act.purpose,
            "channel": act.channel,
            "happened_at": act.happened_at,
            "method": act.method,
            "came_by": act.provenance,
            "evidence": act.evidence,
            "wording": act.wording.text if act.wording else None,
        }


def _former_hashes(person: Person) -> QuerySet[Any]:
    return AddressKey.objects.filter(address_hmac__in=person.address_hmacs)


HOLDERS = [
    Holder(
        model=ConsentState,
        what="Current consents",
        rows=of_customer(ConsentState),
        erase=_withdraw,
        keeps="As withdrawn: nobody may read them as a permission.",
    ),
    Holder(
        model=ConsentEvent,
        what="Consent log",
        rows=of_customer(ConsentEvent),
        erase=_forget_evidence,
        show=_acts,
        keeps="That somebody agreed or withdrew, when and to which wording, without the evidence: "
        "the proof that past messages were allowed.",
    ),
    # with the message that waits: nobody is asked to confirm after an erasure
    deleting(SignUp, "Sign-ups", _sign_ups, show=_show_sign_ups),
    deleting(Preference, "Wishes on how often", of_customer(Preference)),
    keeping(
        PersonalDataAccess,
        "Who looked at their data",
        _looks,
        keeps="Who of the staff looked at which page, and when: the proof. It says nothing of the person.",
    ),
    Holder(
        model=DataRequest,
        what="Data requests",
        rows=_requests,
        erase=_delete_copies,
        keeps="That a request was made and carried out: the proof. It names nobody.",
    ),
    deleting(AddressKey, "Hashes of their address under former keys", _former_hashes),
    keeping(
        Suppression,
        "Suppression list",
        _suppressions,
        keeps="A keyed hash of the address, so that nobody mails it again.",
    ),
]
