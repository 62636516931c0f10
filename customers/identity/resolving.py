"""Who the people are that a source speaks of: known ones are found, unknown ones made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from customers import turns
from customers.identity import names, writing
from customers.identity.deciding import Decider, Told
from customers.intake.translation import Person
from customers.models import Source


@transaction.atomic
def resolve(people: Sequence[Person], *, source: Source, now: datetime) -> list[str]:
    """
    The `external_id` within `source` of the customer that each person is; "" for an unknown visitor.

    People are taken in order. A customer who does not exist is made: by their number, or for an address
    alone as `email:` and 32 hex digits of its keyed hash. An anonymous id that comes with a number or an
    address belongs to that customer from then on, and what the visitor did before moves into the ledger.
    One address is one person where that is certain (see `Decider`); what follows from it is logged as a
    Merge. A number that no column can hold comes back as it is and makes nobody: its rows are refused.
    Waits until nobody else writes this source. Some ten statements a call, however many people.
    """
    told = [Told.of(person, pepper=settings.SUPPRESSION_PEPPER) for person in people]
    with connection.cursor() as cursor:
        turns.wait(cursor, source.pk)
        known = names.read(
            cursor,
            source_id=source.pk,
            numbers={name for entry in told for name in entry.numbers},
            anonymous_ids={entry.anonymous_id for entry in told if entry.anonymous_id},
            addresses={entry.address_hmac for entry in told if entry.address_hmac},
        )
        decider = Decider(known)
        found = [decider.hear(entry) for entry in told]
        writing.write(cursor, decider.findings, source=source, now=now)
    return [decider.name(entry, person) for entry, person in zip(told, found, strict=True)]
