"""What must not be kept: bodies of requests that were read, visitors' events, rejected items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection


VISITOR_DAYS = 90
REJECTED_DAYS = 90
_PORTION = 10_000  # rows in one statement: locks are short


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    bodies: int
    visitor_events: int
    """And visitors' orders and reviews, which stay as nobody's."""
    rejected_items: int


def forget(*, now: datetime, body_days: int) -> Forgotten:
    """
    Empty what is older: bodies of requests that were read, after `body_days`; texts of rejected items after 90.

    Visitors whom nobody got to know in 90 days are forgotten. Rows and counts stay. A request that is
    unread or waiting keeps its body, however old.
    """
    return Forgotten(
        bodies=_in_portions(
            "UPDATE customers_inboundrequest SET body = '' WHERE id IN ("
            " SELECT id FROM customers_inboundrequest WHERE received_at < %s"
            " AND octet_length(body) > 0 AND status NOT IN ('RECEIVED', 'WAITING') LIMIT %s)",
            now - timedelta(days=body_days),
        ),
        visitor_events=_in_portions(
            "DELETE FROM customers_visitorevent WHERE id IN ("
            " SELECT id FROM customers_visitorevent WHERE received_at < %s LIMIT %s)",
            now - timedelta(days=VISITOR_DAYS),
        )
        + _in_portions(
            "DELETE FROM customers_visitorrow WHERE id IN (SELECT id FROM customers_visitorrow"
            " WHERE received_at < %s AND customer_id IS NULL LIMIT %s)",
            now - timedelta(days=VISITOR_DAYS),
        ),
        rejected_items=_in_portions(
            "UPDATE customers_rejectedrow SET raw = '' WHERE id IN ("
            " SELECT row.id FROM customers_rejectedrow row"
            " JOIN customers_inboundrequest request ON request.id = row.inbound_id"
            " WHERE request.received_at < %s AND row.raw <> '' LIMIT %s)",
            now - timedelta(days=REJECTED_DAYS),
        ),
    )


def _in_portions(statement: str, before: datetime) -> int:
    done = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(statement, [before, _PORTION])
            done += int(cursor.rowcount)
            if cursor.rowcount < _PORTION:
                return done
