"""Who may be mailed, for lists and counts on screens; the gate decides when it matters."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from consent.enums import Channel, Purpose
from consent.models import ConsentState, Preference, Suppression
from customers.models import Customer


def with_reach(queryset: QuerySet[Customer]) -> QuerySet[Any]:
    """Adds `is_reachable`: an address, consent to marketing by e-mail, no suppression and no pause."""
    consent = ConsentState.objects.filter(
        customer=OuterRef("pk"),
        purpose=Purpose.MARKETING,
        channel=Channel.EMAIL,
        is_granted=True,
    )
    paused = Preference.objects.filter(customer=OuterRef("pk"), paused_until__isnull=False)
    suppressed = Suppression.objects.filter(
        address_hmac=OuterRef("email_hmac"), channel=Channel.EMAIL, lifted_at__isnull=True
    )
    return queryset.annotate(
        is_reachable=Q(erased_at__isnull=True, restricted_at__isnull=True, is_under_age=False)
        & ~Q(email="")
        & ~Q(email_hmac="")
        & Exists(consent)
        & ~Exists(suppressed)
        & ~Exists(paused)
    )
