"""
What Shopify asks about people's data: stored like every webhook, and carried out from here.

A person we do not know is remembered by the hash of the address and by an empty row with the shop's
number, so that data that comes later makes nobody who may be mailed.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from consent.desk import requests
from consent.desk.people import of_numbers
from consent.enums import RequestKind
from consent.models import DataRequest
from core import ids
from customers.enums import InboundStatus, SourceKind
from customers.models import Customer, InboundRequest, Source
from customers.sources.shopify import PRIVACY_TOPICS


log = logging.getLogger(__name__)

_ASKED_BY = "Shopify"
KIND_OF = {
    "customers/data_request": RequestKind.ACCESS,
    "customers/redact": RequestKind.ERASURE,
    "shop/redact": RequestKind.SHOP_ERASURE,
}


class NotUnderstoodError(ValueError):
    """The webhook does not say whose data it is about."""


def take(*, now: datetime, at_most: int = 100) -> int:
    """
    Make data requests of the webhooks that wait, and carry out the erasures; returns how many.

    A webhook that cannot be understood becomes a request for staff to look at, and is kept.
    """
    return sum(_take_one(now=now) for _ in range(at_most))


def _take_one(*, now: datetime) -> bool:
    with transaction.atomic():
        waiting = InboundRequest.objects.filter(
            source__kind=SourceKind.SHOPIFY, topic__in=PRIVACY_TOPICS, status=InboundStatus.RECEIVED
        )
        row = (
            waiting.select_for_update(skip_locked=True, of=("self",))
            .select_related("source")
            .order_by("pk")
            .first()
        )
        if row is None:
            return False
        try:
            request = _understand(row, now=now)
        except NotUnderstoodError as error:
            _leave_to_staff(row, why=str(error), now=now)
            return True
        row.status, row.items, row.accepted, row.body, row.read_at = (
            InboundStatus.DONE, 1, 1, b"", now,
        )  # fmt: skip
        row.save(update_fields=["status", "items", "accepted", "body", "read_at"])
        if request.kind == RequestKind.ERASURE and request.status in requests.OPEN:
            requests.carry_out(request, now=now)
        return True


def _understand(row: InboundRequest, *, now: datetime) -> DataRequest:
    said = _body(row)
    kind = KIND_OF[row.topic]
    if kind == RequestKind.SHOP_ERASURE:
        return requests.ask(
            kind=kind, source=row.source, requested_by=_ASKED_BY, inbound_id=row.pk, now=now
        )
    customer, hmac = _whom(said, source=row.source, is_erasure=kind == RequestKind.ERASURE, now=now)
    asked = said.get("data_request")
    return requests.ask(
        kind=kind,
        source=row.source,
        customer=customer,
        address_hmac=hmac,
        requested_by=_ASKED_BY,
        reference=_text(asked, "id") if isinstance(asked, dict) else "",
        inbound_id=row.pk,
        now=row.received_at,
    )


def _body(row: InboundRequest) -> dict[str, Any]:
    try:
        said = json.loads(bytes(row.body))
    except (ValueError, RecursionError) as error:
        raise NotUnderstoodError("The webhook is not JSON.") from error
    if not isinstance(said, dict):
        raise NotUnderstoodError("The webhook is no JSON object.")
    return said


def _whom(
    said: dict[str, Any], *, source: Source, is_erasure: bool, now: datetime
) -> tuple[Customer | None, str]:
    who = said.get("customer")
    if not isinstance(who, dict):
        raise NotUnderstoodError("The webhook names no customer.")
    number, address = _text(who, "id"), _text(who, "email")
    if not number and "@" not in address:
        raise NotUnderstoodError("The webhook names a customer without number and address.")
    hmac = ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER) if "@" in address else ""
    keys = of_numbers(source, [number]) if number else []
    customer = Customer.objects.filter(pk__in=keys).first()
    if customer is None and number and is_erasure:
        customer = Customer.objects.create(
            source=source, external_id=number, joined_at=now, arrived_at=now, erased_at=now
        )
    return customer, hmac


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    is_said = isinstance(value, (str, int)) and not isinstance(value, bool)
    return str(value).replace("\0", "").strip()[:200] if is_said else ""


def _leave_to_staff(row: InboundRequest, *, why: str, now: datetime) -> None:
    log.warning("inbound request %d about privacy was not understood", row.pk)
    row.status, row.reason, row.items, row.rejected, row.read_at = (
        InboundStatus.REJECTED, "not_understood", 1, 1, now,
    )  # fmt: skip
    row.save(update_fields=["status", "reason", "items", "rejected", "read_at"])
    request = requests.ask(
        kind=KIND_OF[row.topic], source=row.source, requested_by=_ASKED_BY,
        inbound_id=row.pk, now=row.received_at,
    )  # fmt: skip
    request.result = {"problem": why}
    request.save(update_fields=["result"])
