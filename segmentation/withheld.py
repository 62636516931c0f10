"""
What is not shown of people who are restricted or under age, from the moment on: what was computed goes later.

Scores and memberships are stored, and go with the next refresh. Whoever shows them asks here first.
"""

from __future__ import annotations

from django.db.models import Q

from customers.models import Customer
from segmentation.enums import SegmentKind


RESTRICTED = (
    "Not shown: the use of this customer's data is restricted. It is kept, and used for nothing."
)
UNDER_AGE = "Not shown: this customer is under age, and is not profiled."
NOT_COMPUTED = (SegmentKind.EVERYONE, SegmentKind.STATIC)
"""Being in these says nothing that was worked out about somebody."""


def why(customer: Customer) -> str:
    """In words why neither scores nor computed segments of this customer are shown; empty when they are."""
    if customer.restricted_at is not None:
        return RESTRICTED
    return UNDER_AGE if customer.is_under_age else ""


def memberships() -> Q:
    """Of Membership those that are not shown."""
    under_age = Q(customer__is_under_age=True) & ~Q(segment__kind__in=NOT_COMPUTED)
    return Q(customer__restricted_at__isnull=False) | under_age
