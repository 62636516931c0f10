"""
Restriction (article 18): what is held about somebody is kept and not used.

While it lasts, no consent of theirs counts: a trigger turns every state to "no", under the lock that a
hand-over waits for, and everything that sends, scores, segments or exports asks the state or
`restricted_at`. The acts of consent stay as they are; when it is lifted they are folded anew.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from consent.interlock import entries
from consent.models import ConsentState
from consent.statements import FOLD_OF
from customers.models import Customer


GROUNDS = {
    "ACCURACY": "They contest that the data is right",
    "UNLAWFUL": "The use is unlawful and they want it kept",
    "CLAIMS": "They need it for legal claims",
    "OBJECTION": "They objected, and it is being checked",
}
"""Of article 18(1)."""


@transaction.atomic
def restrict(*, customer_ids: list[int], ground: str, now: datetime) -> int:
    """Restrict these customers; returns how many were not. Effective when the transaction commits."""
    free = list(
        Customer.objects.select_for_update(no_key=True)
        .filter(pk__in=customer_ids, restricted_at=None, erased_at=None)
        .order_by("pk")
    )
    for customer in free:
        entries.restricted(customer, on=True, reason=ground, now=now)
    Customer.objects.filter(pk__in=[one.pk for one in free]).update(restricted_at=now)
    return len(free)


@transaction.atomic
def lift(*, customer_ids: list[int], now: datetime) -> int:
    """End the restriction of these customers; what they allow counts again. Returns how many there were."""
    held = list(
        Customer.objects.select_for_update(no_key=True)
        .filter(pk__in=customer_ids, restricted_at__isnull=False)
        .order_by("pk")
    )
    for customer in held:
        entries.restricted(customer, on=False, reason="", now=now)
    keys = [one.pk for one in held]
    Customer.objects.filter(pk__in=keys).update(restricted_at=None)
    fold_anew(keys)
    return len(keys)


def fold_anew(customer_ids: list[int]) -> None:
    """Make the states of these customers what their acts say; the trigger keeps them "no" where held."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE consent_consentstate state
                SET is_granted = folded.is_granted, is_soft_opt_in = folded.is_soft_opt_in
                FROM ({FOLD_OF})
                    AS folded (customer_id, purpose, channel, is_granted, is_soft_opt_in, from_import,
                               happened_at, id)
                WHERE state.customer_id = folded.customer_id AND state.purpose = folded.purpose
                  AND state.channel = folded.channel""",
            [customer_ids],
        )


def assert_held() -> int:
    """
    States that were written while their customer was being restricted; returns how many.

    The gate asks the customer too, so this is about what is computed, not about what is sent.
    """
    held = Q(customer__restricted_at__isnull=False) | Q(customer__is_under_age=True)
    open_states = ConsentState.objects.filter(held, Q(is_granted=True) | Q(is_soft_opt_in=True))
    return open_states.update(is_granted=False, is_soft_opt_in=False)
