"""
How long each class of data is kept: nothing is deleted that COTERIE_RETENTION does not name.

The setting reads `visits=90,refused-rows=180`: a class and days. `manage.py retain` shows what would go;
the daily task deletes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from consent.desk.people import gather
from consent.desk.requests import OPEN, erase_person
from consent.models import DataRequest, PersonalDataAccess
from customers.models import Customer, Event, Order, RejectedRow, VisitorEvent, VisitorRow


PORTION = 500
"""Inactive customers erased in a transaction."""


class RetentionError(ValueError):
    """The setting names no class of ours, or no number of days."""


def _delete(rows: QuerySet[Any], now: datetime) -> int:
    return int(rows._raw_delete(rows.db))  # nothing refers to these rows


def _forget_inactive(rows: QuerySet[Any], now: datetime) -> int:
    """Like an erasure that was asked for, a portion a time; whoever comes back gives a new consent."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:PORTION])
    if keys:
        with transaction.atomic():
            erase_person(gather(customer_ids=keys), now=now)
    return len(keys)


@dataclass(frozen=True, kw_only=True)
class DataClass:
    """`rows` gives those that are older than a moment; `at_least` days are kept whatever is configured."""

    code: str
    what: str
    why_kept: str
    rows: Callable[[datetime], QuerySet[Any]]
    delete: Callable[[QuerySet[Any], datetime], int] = _delete
    at_least: int = 1


def _refused(before: datetime) -> QuerySet[Any]:
    known_since = Coalesce(F("inbound__received_at"), F("source_import__started_at"))
    old = RejectedRow.objects.annotate(since=known_since).filter(since__lt=before)
    return RejectedRow.objects.filter(pk__in=old.values("pk"))


def _inactive(before: datetime) -> QuerySet[Any]:
    """No event and no order since, not new since, and no request about their data that is open."""
    lately = Event.objects.filter(customer=OuterRef("pk"), happened_at__gte=before)
    bought = Order.objects.filter(customer=OuterRef("pk"), placed_at__gte=before)
    asked = DataRequest.objects.filter(customer=OuterRef("pk"), status__in=OPEN)
    return Customer.objects.filter(
        ~Exists(lately), ~Exists(bought), ~Exists(asked), joined_at__lt=before, arrived_at__lt=before,
        erased_at=None,
    )  # fmt: skip


CLASSES = (
    DataClass(
        code="visits", what="Visits before we knew who it was",
        why_kept="They join the customer's history when the visitor says who they are.",
        rows=lambda before: VisitorEvent.objects.filter(received_at__lt=before),
    ),
    DataClass(
        code="visitor-rows", what="Orders and reviews before we knew who it was",
        why_kept="As visits.",
        rows=lambda before: VisitorRow.objects.filter(received_at__lt=before),
    ),
    DataClass(
        code="refused-rows", what="Rows and items that were refused",
        why_kept="To be put right and tried again.",
        rows=_refused,
    ),
    DataClass(
        code="access-log", what="Who looked at whose data",
        why_kept="Proof; whoever asks may be told.",
        rows=lambda before: PersonalDataAccess.objects.filter(at__lt=before),
        at_least=365,
    ),
    DataClass(
        code="inactive", what="Customers of whom nothing was heard, with all that is theirs",
        why_kept="To know the shop's customers. They are erased like those who ask for it.",
        rows=_inactive, delete=_forget_inactive, at_least=180,
    ),
)  # fmt: skip
_BY_CODE = {one.code: one for one in CLASSES}


@dataclass(frozen=True, kw_only=True)
class Due:
    data_class: DataClass
    days: int
    rows: int


def configured() -> dict[str, int]:
    """Days by class, of those that are configured. Raises RetentionError."""
    found = {}
    for part in filter(None, settings.RETENTION.replace(" ", "").split(",")):
        code, _, days = part.partition("=")
        if code not in _BY_CODE or not days.isdecimal():
            raise RetentionError(
                f"COTERIE_RETENTION: {part!r} is not one of {', '.join(_BY_CODE)} with =days"
            )
        if int(days) < _BY_CODE[code].at_least:
            raise RetentionError(
                f"COTERIE_RETENTION: {code} is kept for {_BY_CODE[code].at_least} days at least"
            )
        found[code] = int(days)
    return found


def due(*, now: datetime) -> list[Due]:
    """What is older than configured; changes nothing."""
    return [
        Due(data_class=one, days=days, rows=one.rows(now - timedelta(days=days)).count())
        for code, days in configured().items()
        for one in [_BY_CODE[code]]
    ]


def apply(*, now: datetime) -> dict[str, int]:
    """Delete what is due; rows (of inactive customers a portion of them) by class."""
    return {
        code: _BY_CODE[code].delete(_BY_CODE[code].rows(now - timedelta(days=days)), now)
        for code, days in configured().items()
    }
