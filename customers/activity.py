"""What came in at a source lately: for its page, the list of sources and the home page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from customers.enums import SourceKind
from customers.models import InboundRequest, Source


LIVE_KINDS = (SourceKind.SEGMENT, SourceKind.SHOPIFY, SourceKind.WOOCOMMERCE)
"""Sources whose clients send by themselves; of the others nobody can say that they are silent."""
HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Of the last 24 hours; `by_hour` has requests an hour, oldest first."""

    last_received_at: datetime | None
    requests: int
    items: int
    rejected: int
    waiting: int
    by_hour: tuple[int, ...]


def of(source: Source, *, now: datetime) -> Activity:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT floor(extract(epoch FROM %(now)s - received_at) / 3600)::int AS hours_ago,
                   count(*), coalesce(sum(items), 0),
                   coalesce(sum(rejected), 0) + count(*) FILTER (WHERE status = 'REJECTED' AND items = 0)
            FROM customers_inboundrequest
            WHERE source_id = %(source)s AND received_at > %(now)s - interval '24 hours'
              AND received_at <= %(now)s
            GROUP BY 1
            """,
            {"source": source.pk, "now": now},
        )
        rows = {int(hour): figures for hour, *figures in cursor.fetchall()}
        cursor.execute(
            "SELECT count(*) FROM customers_inboundrequest"
            " WHERE source_id = %s AND status IN ('RECEIVED', 'WAITING')",
            [source.pk],
        )
        (waiting,) = cursor.fetchone()
    return Activity(
        last_received_at=last_received(source),
        requests=sum(int(row[0]) for row in rows.values()),
        items=sum(int(row[1]) for row in rows.values()),
        rejected=sum(int(row[2]) for row in rows.values()),
        waiting=int(waiting),
        by_hour=tuple(int(rows.get(hour, (0,))[0]) for hour in reversed(range(HOURS))),
    )


def last_received(source: Source) -> datetime | None:
    # what somebody else sent to the address is no word of the shop's
    latest = InboundRequest.objects.filter(source=source).exclude(reason="bad_signature")
    latest = latest.order_by("-pk")
    return latest.values_list("received_at", flat=True).first()


def is_silent(source: Source, last: datetime | None, *, now: datetime) -> bool:
    """Whether a source that sends by itself has sent nothing for longer than staff expects."""
    if source.kind not in LIVE_KINDS or not source.silent_after_hours:
        return False
    return (last or source.created_at) < now - timedelta(hours=source.silent_after_hours)


def silent_sources(*, now: datetime) -> list[tuple[Source, datetime | None]]:
    """Those that need somebody's look, with the time of their last word."""
    found = []
    for source in Source.objects.filter(kind__in=LIVE_KINDS).order_by("name"):
        last = last_received(source)
        if is_silent(source, last, now=now):
            found.append((source, last))
    return found
