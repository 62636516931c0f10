"""
What people ask about their data: a copy, or to be forgotten. Every request leaves a row as its proof.

A request is carried out as often as needed: an erasure waits until requests that came before it have
been read and a message on its way has left, and is then done once more. Doing it again changes nothing.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from consent import ledger, locks
from consent.desk import files, portability, rectifying, restricting, shop_erasure
from consent.desk.people import gather
from consent.desk.personal_data import Person, holders
from consent.enums import RequestKind, RequestStatus, SuppressionReason
from consent.interlock import entries
from consent.models import DataRequest
from customers import turns
from customers.identity.merging import sources_of
from customers.models import Customer, Event, Review, Source


log = logging.getLogger(__name__)

DUE_WITHIN = timedelta(days=30)
OPEN = (RequestStatus.RECEIVED, RequestStatus.IN_PROGRESS)
BY_STAFF = (
    RequestKind.ERASURE, RequestKind.RECTIFICATION, RequestKind.RESTRICTION,
    RequestKind.UNRESTRICTION,
)  # fmt: skip
"""Begun by a person, who looks at who asks."""


class RequestClosedError(ValueError):
    """The request is done or refused already."""


def ask(
    *,
    kind: RequestKind,
    requested_by: str,
    now: datetime,
    customer: Customer | None = None,
    source: Source | None = None,
    address_hmac: str = "",
    reference: str = "",
    inbound_id: int | None = None,
) -> DataRequest:
    """
    Record a request; carry_out does what it asks. The same `reference` of a source gives the same row.

    Raises ValueError when it says neither a customer, an address nor a source.
    """
    if customer is None and source is None and not address_hmac:
        raise ValueError("whose data?")
    fields = {
        "customer": customer,
        "address_hmac": address_hmac or (customer.email_hmac if customer else ""),
        "requested_by": requested_by[:150],
        "inbound_id": inbound_id,
        "received_at": now,
        "due_at": now + DUE_WITHIN,
    }
    source = source or (customer.source if customer else None)
    if not reference:
        return DataRequest.objects.create(kind=kind, source=source, **fields)
    row, _ = DataRequest.objects.get_or_create(
        kind=kind, source=source, reference=reference[:100], defaults=fields
    )
    return row


def names_nobody(request: DataRequest) -> bool:
    """It came as a webhook that could not be read: nobody knows yet whose data it is about."""
    return "problem" in request.result and request.kind != RequestKind.SHOP_ERASURE


def person_of(request: DataRequest) -> Person:
    """Whom the request is about, also after their rows are empty."""
    known = request.result.get("known_by", {})
    return gather(
        customer_ids=[*([request.customer_id] if request.customer_id else []), *known.get("customers", [])],
        address_hmacs=[request.address_hmac, *known.get("address_hmacs", [])],
        source=request.source,
    )  # fmt: skip


def carry_out(request: DataRequest, *, now: datetime) -> DataRequest:
    """
    Do what the request asks, or go on with it; returns the row as it is then.

    Raises RequestClosedError when it is done or refused already, or names nobody: a copy of nothing
    would tell somebody that nothing is held about them.
    """
    with transaction.atomic():
        row = DataRequest.objects.select_for_update().get(pk=request.pk)
        if row.status not in OPEN:
            raise RequestClosedError(f"{row} is {row.get_status_display().lower()} already")
        if names_nobody(row):
            raise RequestClosedError(
                f"{row} could not be read: it is not known whose data it is about"
            )
        if row.kind == RequestKind.ACCESS:
            _prepare_copy(row, now=now)
        elif row.kind == RequestKind.ERASURE:
            _erase(row, now=now)
        elif row.kind == RequestKind.SHOP_ERASURE:
            _erase_shop(row, now=now)
        else:
            _restrict_or_lift(row, now=now)
        row.save()
    return row


def carry_on(*, now: datetime) -> int:
    """Carry out what came by itself and go on with what had to wait; returns how many are done."""
    waiting = DataRequest.objects.filter(status__in=OPEN, export="").exclude(
        result__has_key="problem"
    )
    by_machine = waiting.exclude(kind__in=BY_STAFF, status=RequestStatus.RECEIVED)
    done = 0
    for row in by_machine.order_by("pk"):
        done += carry_out(row, now=now).status == RequestStatus.DONE
    return done


def because(request: DataRequest, *, ground: str, note: str = "") -> DataRequest:
    """Say on which ground of restricting.GROUNDS a restriction is asked for, or why it ends."""
    request.result = {**request.result, "ground": ground, "note": note[:300]}
    request.save(update_fields=["result"])
    return request


def rectify(request: DataRequest, *, values: Mapping[str, str], now: datetime) -> DataRequest:
    """
    Correct what is held about the customer of the request, which is then done; its proof names no values.

    Raises RequestClosedError when it is done or refused already.
    """
    with transaction.atomic():
        row = DataRequest.objects.select_for_update().get(pk=request.pk)
        if row.status not in OPEN or row.customer is None:
            raise RequestClosedError(f"{row} cannot be carried out")
        changed = rectifying.rectify(row.customer, values=values, now=now)
        row.result = {**row.result, "corrected": changed}
        row.status, row.done_at = RequestStatus.DONE, now
        row.save()
    return row


def _restrict_or_lift(row: DataRequest, *, now: datetime) -> None:
    """Of everybody who is the same person."""
    keys = list(person_of(row).customer_ids)
    if row.kind == RequestKind.RESTRICTION:
        ground = row.result.get("ground", "")
        count = restricting.restrict(customer_ids=keys, ground=ground, now=now)
    else:
        count = restricting.lift(customer_ids=keys, now=now)
    row.result = {**row.result, "rows": {"Customer": count} if count else {}}
    row.status, row.done_at = RequestStatus.DONE, now


def refuse(request: DataRequest, *, why: str, now: datetime) -> None:
    """Say no, with the reason. Raises RequestClosedError when it is done or refused already."""
    result = {**request.result, "refused_because": why}
    _close(request, status=RequestStatus.REFUSED, now=now, result=result)


def mark_delivered(request: DataRequest, *, now: datetime) -> None:
    """The copy has been handed over: the request is done and the file goes."""
    _close(request, status=RequestStatus.DONE, now=now, result=request.result)


def _close(
    request: DataRequest, *, status: RequestStatus, now: datetime, result: dict[str, Any]
) -> None:
    still_open = DataRequest.objects.filter(pk=request.pk, status__in=OPEN)
    if not still_open.update(status=status, done_at=now, result=result, export=""):
        raise RequestClosedError(f"{request} is closed already")
    if request.export:
        shutil.rmtree((files.exports_folder() / request.export).parent, ignore_errors=True)


# ---------------------------------------------------------------- a copy of the data
def export(person: Person, *, now: datetime) -> dict[str, Any]:
    """Everything that is held about a person, by holder, ready for JSON; empty holders are left out."""
    found = [
        {"what": holder.what, "kept_after_erasure": holder.keeps, "rows": rows}
        for holder in holders()
        if (rows := holder.export(person))
    ]
    sources = Source.objects.filter(pk__in=person.source_ids).values_list("name", flat=True)
    return {
        "made_at": now,
        "came_from": sorted(sources),
        "portable": portability.portable(person),
        "data": found,
    }


def as_json(exported: dict[str, Any]) -> str:
    return json.dumps(exported, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)


def _prepare_copy(row: DataRequest, *, now: datetime) -> None:
    exported = export(person_of(row), now=now)
    row.result = {"rows": {entry["what"]: len(entry["rows"]) for entry in exported["data"]}}
    row.export = files.write_export(as_json(exported), name=f"data-request-{row.pk}.json")
    row.status = RequestStatus.IN_PROGRESS


# ---------------------------------------------------------------- erasure
def _erase(row: DataRequest, *, now: datetime) -> None:
    person = person_of(row)
    first = row.status == RequestStatus.RECEIVED
    rows = Counter(row.result.get("rows", {}))
    rows.update(erase_person(person, now=now))
    if first:
        # by this the next import or webhook does not make somebody who may be mailed
        locks.lock_addresses(person.address_hmacs)
        for hmac in sorted(person.address_hmacs):
            ledger.suppress(
                address_hmac=hmac,
                reason=SuppressionReason.ERASED,
                now=now,
                detail=f"request {row.pk}",
            )
    waits = {holder.what: count for holder in holders() if (count := holder.waits(person))}
    row.result = {
        "rows": {what: count for what, count in rows.items() if count},
        "kept": _kept(),
        "stays": _stays(person),
        "waits": waits,
        "known_by": {
            "customers": list(person.customer_ids), "address_hmacs": sorted(person.address_hmacs),
        },
    }  # fmt: skip
    row.status = RequestStatus.IN_PROGRESS if waits else RequestStatus.DONE
    row.done_at = None if waits else now


def _kept() -> dict[str, str]:
    return {holder.what: holder.keeps for holder in holders() if holder.keeps}


def _stays(person: Person) -> dict[str, int]:
    """Rows that an erasure has left, by holder."""
    counts = {holder.what: holder.rows(person).count() for holder in holders() if holder.keeps}
    return {what: count for what, count in counts.items() if count}


def erase_person(person: Person, *, now: datetime) -> dict[str, int]:
    """
    Empty everything that is held about a person, in the caller's transaction: rows by holder.

    The ledgers are append-only for everybody else; only here do they say that they are being erased.
    """
    keys = list(person.customer_ids)
    entries.erased(person, now=now)
    with connection.cursor() as cursor:
        # whoever brings shop data in, or merges, does so before or after, and then finds them erased
        turns.wait(cursor, *sources_of(keys))
    list(Customer.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk"))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL coterie.erasing = 'on'")
        erased = {holder.what: holder.erase(person, now) for holder in holders()}
        cursor.execute("SET LOCAL coterie.erasing = 'off'")
    log.info("%d customers erased", len(keys))
    return erased


def forget_again(*, now: datetime, at_most: int = 500) -> int:
    """
    Empty what came in about erased customers since: a shop goes on telling of who goes on buying.

    Returns how many customers that was. What they buy stays as sums.
    """
    told = Event.objects.filter(customer__erased_at__isnull=False).exclude(properties={})
    wrote = Review.objects.filter(customer__erased_at__isnull=False).exclude(title="", text="")
    keys = {
        key
        for rows in (told, wrote)
        for key in rows.values_list("customer", flat=True).distinct()[:at_most]
    }
    if keys:
        with transaction.atomic():
            erase_person(Person(customer_ids=tuple(sorted(keys))), now=now)
    return len(keys)


def _erase_shop(row: DataRequest, *, now: datetime) -> None:
    """A portion of the source's customers at a time; the source's raw data when they are through."""
    if row.source is None:
        raise ValueError("an erasure of a source names the source")
    rows = Counter(row.result.get("rows", {}))
    person = Person(customer_ids=tuple(shop_erasure.next_customers(row.source)))
    rows.update(erase_person(person, now=now))
    stays = Counter(row.result.get("stays", {})) + Counter(_stays(person))
    is_done = not shop_erasure.next_customers(row.source)
    if is_done:
        rows.update(shop_erasure.erase_rest(row.source))
    row.result = {
        "rows": {what: count for what, count in rows.items() if count},
        "kept": _kept(),
        "stays": dict(stays),
    }
    row.status = RequestStatus.DONE if is_done else RequestStatus.IN_PROGRESS
    row.done_at = now if is_done else None
