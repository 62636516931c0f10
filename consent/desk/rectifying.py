"""Correction (article 16) of what we hold about somebody; what was corrected is kept as proof, not the values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction

from core import ids
from customers.models import Customer


FIELDS = {
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail address",
    "country": "Country",
}


@transaction.atomic
def rectify(customer: Customer, *, values: Mapping[str, str], now: datetime) -> list[str]:
    """
    Write `values` of FIELDS; returns the names of what differed.

    The next message, features and audiences see it. A word of the shop that is older than `now` does not
    undo it; a newer one does: a mistake must also be corrected where it comes from.
    """
    row = Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
    changed = [name for name in FIELDS if name in values and getattr(row, name) != values[name]]
    if not changed or row.erased_at is not None:
        return []
    for name in changed:
        setattr(row, name, values[name])
    row.email_hmac = (
        ids.address_hmac(row.email, pepper=settings.SUPPRESSION_PEPPER) if row.email else ""
    )
    row.changed_at = now
    row.save(update_fields=[*changed, "email_hmac", "changed_at"])
    return changed
