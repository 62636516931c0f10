"""Reused reads of permission, for screens and for what is built on it."""

from __future__ import annotations

from django.db import connection
from django.db.models import Count, QuerySet

from consent import gate
from consent.enums import Channel, Purpose
from consent.ledger import READER
from consent.models import ConsentState
from customers.enums import EventKind


def granted_customer_ids(purpose: str, channel: str) -> QuerySet[ConsentState, int]:
    """The ids of the customers who agree to `purpose` now, as a query to filter by."""
    return ConsentState.objects.filter(
        purpose=purpose, channel=channel, is_granted=True
    ).values_list("customer_id", flat=True)


def reachable_count() -> int:
    """How many customers may be mailed marketing now."""
    return refusal_counts().get("", 0)


def refusal_counts() -> dict[str, int]:
    """Customers by the reason why they may not be mailed; those who may be are under ""."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT COALESCE({gate.REFUSAL}, '') AS refusal, count(*)
                FROM customers_customer customer {gate.joins()} GROUP BY 1"""
        )
        return {str(code): int(count) for code, count in cursor.fetchall()}


def consent_counts() -> dict[str, int]:
    """How many customers agree to each purpose, zeros included."""
    counts = dict.fromkeys(Purpose.values, 0)
    counts.update(
        ConsentState.objects.filter(is_granted=True)
        .values_list("purpose")
        .annotate(number=Count("id"))
    )
    return counts


def may_track_clicks(customer_id: int) -> bool:
    """Whether this customer lets us note their clicks, now."""
    return ConsentState.objects.filter(
        customer_id=customer_id,
        purpose=Purpose.CLICK_TRACKING,
        channel=Channel.ANY,
        is_granted=True,
    ).exists()


def refused_grants() -> int:
    """How many consents in the ledger were not accepted because their wording is not known."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM customers_event event
               WHERE kind = %s
                 AND id <= (SELECT position FROM customers_cursor WHERE reader = %s)
                 AND NOT EXISTS (SELECT 1 FROM consent_consentevent
                                 WHERE ledger_event_id = event.id)""",
            [EventKind.CONSENT_GIVEN, READER],
        )
        return int(cursor.fetchone()[0])
