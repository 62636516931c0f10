"""Reused reads of permission, for screens and for what is built on it."""

from __future__ import annotations

from django.db import connection
from django.db.models import Count, Exists, OuterRef

from consent import gate
from consent.enums import Act, Channel, Purpose
from consent.models import ConsentEvent, ConsentState


def reachable_count() -> int:
    """How many customers may be mailed marketing now."""
    return refusal_counts().get("", 0)


def refusal_counts() -> dict[str, int]:
    """Customers by the reason why they may not be mailed; those who may be are under ""."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT COALESCE({gate.REFUSAL}, '') AS refusal, count(*)
                FROM customers_customer customer {gate.joins()}
                WHERE customer.merged_into_id IS NULL GROUP BY 1"""
        )
        return {str(code): int(count) for code, count in cursor.fetchall()}


def may_track_clicks(customer_id: int) -> bool:
    """Whether this customer lets us note their clicks, now."""
    return ConsentState.objects.filter(
        customer_id=customer_id,
        purpose=Purpose.CLICK_TRACKING,
        channel=Channel.ANY,
        is_granted=True,
    ).exists()


def refused_grants() -> dict[str, int]:
    """Grants that sources told us of and that were not accepted, by enums.GrantRefusal."""
    refused = ConsentEvent.objects.filter(act=Act.REFUSED)
    rows = refused.values_list("reason").annotate(number=Count("id")).order_by("reason")
    return {str(reason): int(number) for reason, number in rows}


def claims() -> dict[str, int]:
    """Customers who are said to have agreed, without proof, and have not agreed since; by purpose."""
    provable = ConsentState.objects.filter(
        customer=OuterRef("customer"), purpose=OuterRef("purpose"), channel=OuterRef("channel")
    )
    claimed = ConsentEvent.objects.filter(act=Act.CLAIMED).exclude(Exists(provable))
    return {
        str(purpose): int(number)
        for purpose, number in claimed.values_list("purpose")
        .annotate(number=Count("customer", distinct=True))
        .order_by("purpose")
    }
