"""What the ledger, the suppression list and erasures write into the logbook: see logbook.py."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from consent.desk.personal_data import Person
from consent.enums import Act
from consent.interlock import logbook
from consent.models import ConsentEvent
from customers.models import Customer


ERASED, SUPPRESSED, ENDED, RESTRICTED = "ERASED", "SUPPRESSED", "ENDED", "RESTRICTED"
_ENDING = (Act.WITHDRAWN, Act.OBJECTED)


def identities(customer: Customer) -> list[str]:
    """
    By what a customer is known again after a restore, when their number of ours may be somebody else's.

    Keyed hashes of the source and its number for them; what is written down is the first, the newest key's.
    """
    said = f"{customer.source_id}\x1f{customer.external_id}".encode()
    keys = (settings.SUPPRESSION_PEPPER, *settings.SUPPRESSION_PEPPERS_RETIRED)
    return [hmac.new(key, said, hashlib.sha256).hexdigest()[:22] for key in keys]


def identity(customer: Customer) -> str:
    return identities(customer)[0]


def ended(acts: Iterable[tuple[Customer, str, str, str, datetime]], *, now: datetime) -> None:
    """Consents that end: (customer, purpose, channel, act, when)."""
    logbook.enter(
        (
            _ended(customer.pk, customer.email_hmac, purpose, channel, act, at)
            for customer, purpose, channel, act, at in acts
            if act in _ENDING
        ),
        now=now,
    )


def ended_in_window(*, first: int, last: int, now: datetime) -> None:
    """Those that were just read from events `first` to `last`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT act.customer_id, customer.email_hmac, act.purpose, act.channel, act.act,
                      act.happened_at
               FROM consent_consentevent act JOIN customers_customer customer
                   ON customer.id = act.customer_id
               WHERE act.ledger_event_id BETWEEN %s AND %s AND act.recorded_at = %s
                 AND act.act = ANY(%s) ORDER BY act.id""",
            [first, last, now, [act.value for act in _ENDING]],
        )
        rows = cursor.fetchall()
    logbook.enter((_ended(*row) for row in rows), now=now)


def _ended(  # noqa: PLR0917 - a column each
    customer_id: int, address_hmac: str, purpose: str, channel: str, act: str, at: datetime
) -> Mapping[str, Any]:
    return {
        "act": ENDED, "how": str(act), "customer": customer_id, "address": address_hmac,
        "purpose": str(purpose), "channel": str(channel), "happened": at.isoformat(),
    }  # fmt: skip


def suppressed(rows: Sequence[tuple[str, str, str, datetime]], *, now: datetime) -> None:
    """Addresses not to be mailed: (keyed hash, reason, detail, since when)."""
    logbook.enter(
        (
            {"act": SUPPRESSED, "address": address, "reason": str(reason), "detail": detail,
             "happened": at.isoformat()}
            for address, reason, detail, at in rows
        ),
        now=now,
    )  # fmt: skip


def erased(person: Person, *, now: datetime) -> None:
    """To be called before anything of theirs is emptied; nothing for who is erased already."""
    living = Customer.objects.filter(pk__in=person.customer_ids, erased_at=None).order_by("pk")
    known = [(customer.pk, identity(customer)) for customer in living]
    if known or not person.customer_ids:
        fact = {"act": ERASED, "customers": known, "addresses": sorted(person.address_hmacs)}
        logbook.enter([fact], now=now)


def restricted(customer: Customer, *, on: bool, reason: str, now: datetime) -> None:
    fact = {
        "act": RESTRICTED, "on": on, "reason": reason, "customer": customer.pk,
        "is": identity(customer), "address": customer.email_hmac,
    }  # fmt: skip
    logbook.enter([fact], now=now)


def acts_of(event: ConsentEvent) -> tuple[Customer, str, str, str, datetime]:
    """One act as `ended` takes it."""
    return event.customer, event.purpose, event.channel, event.act, event.happened_at
