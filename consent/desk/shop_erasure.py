"""Erasing a whole source: what is left when its customers are through."""

from __future__ import annotations

from django.db import connection

from consent.desk.shop_holders import UNREAD
from customers.enums import AliasKind, InboundStatus
from customers.importing import workspace
from customers.models import (
    Alias,
    Customer,
    Event,
    Import,
    ImportChange,
    InboundRequest,
    RejectedRow,
    Review,
    Source,
    VisitorEvent,
    VisitorRow,
)
from customers.sources.shopify import PRIVACY_TOPICS


PORTION = 500
"""Customers erased in one transaction."""


def next_customers(source: Source) -> list[int]:
    """The keys of customers of the source that are still to be erased, a portion of them."""
    living = Customer.objects.filter(source=source, erased_at=None).order_by("pk")
    return list(living.values_list("pk", flat=True)[:PORTION])


def erase_rest(source: Source) -> dict[str, int]:
    """
    Empty what the source told us and no customer of its own holds; rows by what they are.

    Rows that went to a customer of another source when two were merged belong to this source still.
    """
    requests = InboundRequest.objects.filter(source=source).exclude(topic__in=PRIVACY_TOPICS)
    requests.filter(status__in=UNREAD).update(status=InboundStatus.IGNORED, reason="erased")
    rejected = RejectedRow.objects.filter(source_import__source=source)
    rejected |= RejectedRow.objects.filter(inbound__source=source)
    words = {"title": "", "text": "", "url": "", "origin": ""}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL coterie.erasing = 'on'")
        events = Event.objects.filter(source=source).exclude(properties={}).update(properties={})
        cursor.execute("SET LOCAL coterie.erasing = 'off'")
    return {
        "Events": events,
        "Reviews, mentions and feedback": Review.objects.filter(source=source)
        .exclude(**words)
        .update(**words),
        "Requests as they came": requests.exclude(body=b"").update(body=b""),
        "Rows and items that were refused": RejectedRow.objects.filter(
            pk__in=rejected.exclude(raw="").values("pk")
        ).update(raw=""),
        "What imports changed": ImportChange.objects.filter(source_import__source=source).delete()[
            0
        ],
        "Visits before we knew who it was": VisitorEvent.objects.filter(source=source).delete()[0],
        "Orders and reviews from before we knew who it was": VisitorRow.objects.filter(
            source=source
        ).delete()[0],
        "Other names and numbers": Alias.objects.filter(
            source=source, kind=AliasKind.ANONYMOUS
        ).delete()[0],
        "Files of imports": _delete_files(source),
    }


def _delete_files(source: Source) -> int:
    """Those that we keep; a file that was imported from elsewhere on the machine is not ours."""
    imports = Import.objects.filter(source=source)
    for key in imports.values_list("pk", flat=True):
        workspace.clear(key)
    told = imports.exclude(stored_file="", error="", dry_run=None)
    return told.update(stored_file="", error="", dry_run=None)
