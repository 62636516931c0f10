"""What the API keeps for a short while: answers to writes, and files that a key has asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from consent import raw_text
from consent.desk.personal_data import Holder, Person
from customers import exporting
from gateway.models import Export, ExportStatus, IdempotentReply


def _answers(person: Person) -> QuerySet[Any]:
    answered = IdempotentReply.objects.exclude(body="")
    return IdempotentReply.objects.filter(pk__in=raw_text.Finder(person).keys(answered, "body"))


def _erase_answers(person: Person, now: datetime) -> int:
    """Kept for a day so that a write that is sent again gets the same answer; then without its body."""
    return _answers(person).update(body="")


def _show_answers(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values("created_at", "status")


def _files(person: Person) -> QuerySet[Any]:
    """Any of them may hold anybody: nothing says who is in a file."""
    if not person.customer_ids:
        return Export.objects.none()
    return Export.objects.filter(with_pii=True, status=ExportStatus.DONE)


def _erase_files(person: Person, now: datetime) -> int:
    files = list(_files(person))
    for export in files:
        exporting.path_of(export).unlink(missing_ok=True)
    keys = [export.pk for export in files]
    return Export.objects.filter(pk__in=keys).update(status=ExportStatus.EXPIRED)


def _show_files(rows: QuerySet[Any]) -> Iterable[Mapping[str, Any]]:
    return rows.order_by("pk").values("kind", "finished_at")


HOLDERS = [
    Holder(
        model=IdempotentReply,
        what="Answers of the API",
        rows=_answers,
        erase=_erase_answers,
        show=_show_answers,
    ),
    Holder(
        model=Export, what="Exports of the API", rows=_files, erase=_erase_files, show=_show_files
    ),
]
