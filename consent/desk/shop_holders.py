"""What the apps below this one hold about people: shop data, and answers of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db.models import Case, F, Model, Q, QuerySet, Value, When
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Concat

from consent import raw_text
from consent.desk.personal_data import Holder, Person, blanking, deleting, keeping, of_customer
from core import ids
from customers.enums import AliasKind, ImportStatus, InboundStatus
from customers.identity.names import guest_name
from customers.importing import runs, workspace
from customers.models import (
    Alias,
    Customer,
    Event,
    Import,
    ImportChange,
    InboundRequest,
    Merge,
    Order,
    OrderLine,
    Refund,
    RejectedRow,
    Review,
    VisitorEvent,
    VisitorRow,
)
from customers.sources.shopify import PRIVACY_TOPICS


UNREAD = (InboundStatus.RECEIVED, InboundStatus.WAITING)
_BUSY = (ImportStatus.DRAFT, ImportStatus.QUEUED, ImportStatus.RUNNING)


# ---------------------------------------------------------------- the customer
_EMPTY_CUSTOMER: dict[str, Any] = {
    "email": "", "email_hmac": "", "first_name": "", "last_name": "", "country": "", "language": "",
    "phone": "", "traits": {}, "born_on": None, "is_minor": None, "is_under_age": False,
    "under_age_at": None,
}  # fmt: skip


def _customers(person: Person) -> QuerySet[Any]:
    return Customer.objects.filter(pk__in=person.customer_ids)


def _erase_customers(person: Person, now: datetime) -> int:
    """The shop's number stays, unless it is an address: by it a later import finds the row erased."""
    for customer in _customers(person).filter(external_id__contains="@"):
        hmac = ids.address_hmac(customer.external_id, pepper=settings.SUPPRESSION_PEPPER)
        number = guest_name(hmac)
        if Customer.objects.filter(source=customer.source_id, external_id=number).exists():
            number = f"erased:{customer.pk}"
        Customer.objects.filter(pk=customer.pk).update(external_id=number)
    rows = _customers(person).exclude(erased_at__isnull=False, **_EMPTY_CUSTOMER)
    erased_at = Case(When(erased_at=None, then=Value(now)), default=F("erased_at"))
    return rows.update(erased_at=erased_at, **_EMPTY_CUSTOMER)


def _aliases(person: Person) -> QuerySet[Any]:
    return Alias.objects.filter(customer__in=person.customer_ids)


def _erase_aliases(person: Person, now: datetime) -> int:
    private = Q(kind=AliasKind.ANONYMOUS) | Q(value__contains="@")
    return _aliases(person).filter(private).delete()[0]


def _merges(person: Person) -> QuerySet[Any]:
    mine = person.customer_ids
    return Merge.objects.filter(Q(survivor__in=mine) | Q(absorbed__in=mine))


# ---------------------------------------------------------------- what they did
def _events(person: Person) -> QuerySet[Any]:
    return Event.objects.filter(customer__in=person.customer_ids)


def _erase_events(person: Person, now: datetime) -> int:
    named = _events(person).filter(external_id__contains="@")
    named.update(external_id=Concat(Value("erased:"), Cast("pk", CharField())))
    return _events(person).exclude(properties={}).update(properties={})


def _of_visitors(person: Person) -> Q:
    theirs = Q(pk__in=())
    for source_id, anonymous_id in person.visitors:
        theirs |= Q(source=source_id, anonymous_id=anonymous_id)
    return theirs


def _visitor_events(person: Person) -> QuerySet[Any]:
    return VisitorEvent.objects.filter(_of_visitors(person))


def _visitor_rows(person: Person) -> QuerySet[Any]:
    mine = _of_visitors(person) | Q(customer__in=person.customer_ids)
    return VisitorRow.objects.filter(mine)


def _order_lines(person: Person) -> QuerySet[Any]:
    return OrderLine.objects.filter(order__customer__in=person.customer_ids)


# ---------------------------------------------------------------- text as it came
def _naming(
    model: type[Model], rows: Callable[[Person], QuerySet[Any]], *fields: str
) -> Callable[[Person], QuerySet[Any]]:
    def named(person: Person) -> QuerySet[Any]:
        keys = raw_text.Finder(person).keys(rows(person), *fields)
        return model._default_manager.filter(pk__in=keys)

    return named


def _requests(person: Person) -> QuerySet[Any]:
    return InboundRequest.objects.filter(source__in=person.source_ids).exclude(body=b"")


_requests_naming = _naming(InboundRequest, _requests, "body")


def _erase_requests(person: Person, now: datetime) -> int:
    """Only what has been read: the others hold other people's events as well, and are read within seconds."""
    return _requests_naming(person).exclude(status__in=UNREAD).update(body=b"")


def _unread(person: Person) -> int:
    # what a shop asks about privacy is not read like the rest; whoever carries it out empties it
    waiting = _requests_naming(person).filter(status__in=UNREAD)
    return waiting.exclude(topic__in=PRIVACY_TOPICS).count()


def _show_requests(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    # not the bodies: a request may tell of other people too
    return rows.order_by("pk").values("topic", "received_at", "status")


def _rejected(person: Person) -> QuerySet[Any]:
    mine = Q(source_import__source__in=person.source_ids) | Q(inbound__source__in=person.source_ids)
    return RejectedRow.objects.filter(mine).exclude(raw="")


def _changes(person: Person) -> QuerySet[Any]:
    """What imports would bring back when they are undone."""
    reviews = Review.objects.filter(customer__in=person.customer_ids).values("pk")
    return ImportChange.objects.filter(
        Q(entity="customers", row_id__in=person.customer_ids)
        | Q(entity="reviews", row_id__in=reviews)
    )


# ---------------------------------------------------------------- files of imports
def _imports(person: Person) -> QuerySet[Any]:
    return Import.objects.filter(source__in=person.source_ids)


def _naming_files(person: Person) -> list[Import]:
    finder = raw_text.Finder(person)
    rows = _imports(person).exclude(stored_file="")
    return [row for row in rows if finder.in_file(runs.file_of(row))]


def _erase_files(person: Person, now: datetime) -> int:
    """
    A line cannot be taken out of a file that is kept as it came; the file goes when it was read.

    Only what we keep: a file that was imported from elsewhere on the machine is not ours.
    """
    changed = raw_text.update(
        Import,
        raw_text.Finder(person).keys(_imports(person), "dry_run", "error"),
        {"dry_run": None, "error": ""},
    )
    for row in _naming_files(person):
        if row.status not in _BUSY:
            workspace.clear(row.pk)
            changed += Import.objects.filter(pk=row.pk).update(stored_file="")
    return changed


def _files_in_use(person: Person) -> int:
    return sum(row.status in _BUSY for row in _naming_files(person))


def _imports_naming(person: Person) -> QuerySet[Any]:
    return Import.objects.filter(pk__in=[row.pk for row in _naming_files(person)])


def _show_imports(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values("file_name", "started_at")


# ---------------------------------------------------------------- the admin's own log
def _log(person: Person) -> QuerySet[Any]:
    keys = [str(key) for key in person.customer_ids]
    return LogEntry.objects.filter(
        content_type__app_label="customers", content_type__model="customer", object_id__in=keys
    )


HOLDERS = [
    deleting(VisitorEvent, "Visits before we knew who it was", _visitor_events),
    deleting(VisitorRow, "Orders and reviews from before we knew who it was", _visitor_rows),
    Holder(
        model=Alias,
        what="Other names and numbers",
        rows=_aliases,
        erase=_erase_aliases,
        keeps="The shops' numbers for the customer, so that a later import finds them erased.",
    ),
    blanking(Merge, "Merges", _merges, fields={"before": {}, "moved": {}}),
    blanking(
        Review,
        "Reviews, mentions and feedback",
        of_customer(Review),
        fields={"title": "", "text": "", "url": "", "origin": ""},
        keeps="The number of stars of a product, without the words.",
    ),
    Holder(
        model=Event,
        what="Events",
        rows=_events,
        erase=_erase_events,
        keeps="That something of its kind happened, and when: the counts of past campaigns.",
    ),
    blanking(Refund, "Refunds", of_customer(Refund), fields={"reason": ""},
             keeps="The sums, as accounting law asks."),
    keeping(OrderLine, "Order lines", _order_lines, keeps="What was sold, as accounting law asks."),
    keeping(Order, "Orders", of_customer(Order), keeps="The sums, as accounting law asks."),
    Holder(
        model=InboundRequest,
        what="Requests as they came",
        rows=_requests_naming,
        erase=_erase_requests,
        show=_show_requests,
        waits=_unread,
    ),
    blanking(
        RejectedRow, "Rows and items that were refused", _naming(RejectedRow, _rejected, "raw"),
        fields={"raw": ""},
    ),
    deleting(ImportChange, "What imports changed", _changes),
    Holder(
        model=Import,
        what="Files of imports",
        rows=_imports_naming,
        erase=_erase_files,
        show=_show_imports,
        waits=_files_in_use,
    ),
    blanking(LogEntry, "Log of the admin", _log, fields={"object_repr": "", "change_message": ""}),
    Holder(
        model=Customer,
        what="Customer",
        rows=_customers,
        erase=_erase_customers,
        keeps="An empty row with the shop's number, to which the orders belong.",
    ),
]  # fmt: skip
