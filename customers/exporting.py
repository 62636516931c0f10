"""Writes the exports that keys have asked for: CSV under COTERIE_HOME/exports, gone after a day."""

from __future__ import annotations

import csv
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum

from core import watermarks
from customers.models import Customer, Order
from gateway.models import ApiKey, Export, ExportStatus


log = logging.getLogger(__name__)

KEPT = timedelta(hours=24)
_MARK = "api-"  # others keep files in that folder too
_PORTION = 2_000  # rows fetched at a time: the memory it takes does not grow with the shop
_PII = ("email", "first_name", "last_name", "phone")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    What can be exported: the scope it takes, its columns as (heading, lookup), and the rows.

    `whom` is the column with the customer's id.
    """

    scope: str
    whom: str
    columns: tuple[tuple[str, str], ...]
    rows: Callable[[], QuerySet[Any]]


def _same(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


KINDS = {
    "CUSTOMERS": Kind(
        scope="customers:read",
        whom="id",
        columns=_same(
            "id", "source_id", "external_id", *_PII, "country", "language", "joined_at"
        ),
        rows=lambda: Customer.objects.filter(
            erased_at__isnull=True, merged_into__isnull=True, restricted_at__isnull=True
        ),
    ),
    "ORDERS": Kind(
        scope="orders:read",
        whom="customer_id",
        columns=(
            *_same("id", "source_id", "external_id", "customer_id"),
            ("customer", "customer__external_id"),
            *_same("status", "placed_at", "currency", "total_cents", "discount_cents"),
            ("refunded_cents", "refunded"),
            ("channel", "channel"),
        ),
        rows=lambda: Order.objects.filter(customer__restricted_at__isnull=True).annotate(refunded=Sum("refunds__amount_cents")),
    ),
}  # fmt: skip

NAMES = [(name, name.capitalize()) for name in KINDS]


def folder() -> Path:
    return Path(settings.HOME) / "exports"


def path_of(export: Export) -> Path:
    return folder() / export.stored_file


def cell(value: Any) -> Any:
    """
    A value as a spreadsheet may open it: a text that it would take for a formula begins with '.

    Numbers are numbers and stay.
    """
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value


def write_next(*, now: datetime) -> bool:
    """
    Write the oldest export that waits; False when there is none.

    One transaction holds the row: a worker that dies leaves it waiting for the next one, and a file
    without a row to name it, which `delete_old` finds.
    """
    with transaction.atomic():
        export = (
            Export.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("key")
            .filter(status=ExportStatus.WAITING)
            .order_by("pk")
            .first()
        )
        if export is None:
            return False
        try:
            # a savepoint: an error of the database must not take the word of it along
            with transaction.atomic():
                _write(export, now=now)
        except Exception as error:
            log.exception("export %d failed", export.pk)
            export.status, export.error = ExportStatus.FAILED, type(error).__name__
        export.finished_at = now
        export.save()
        return True


def _write(export: Export, *, now: datetime) -> None:
    if not export.key.is_valid(now=now):
        export.status, export.error = ExportStatus.FAILED, "The key was revoked."
        return
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    export.stored_file = f"{_MARK}{secrets.token_hex(16)}.csv"
    temporary = path_of(export).with_suffix(".part")
    kind = KINDS[export.kind]
    hidden = () if export.with_pii else _PII
    columns = [(head, lookup) for head, lookup in kind.columns if head not in hidden]
    export.mark = watermarks.new()
    stamp = watermarks.stamp(export.mark, who=export.key.name, at=now)
    whom = [head for head, _ in columns].index(kind.whom)
    people: set[int] = set()
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(head for head, _ in columns), watermarks.COLUMN])
        for row in _rows(export, kind, [lookup for _, lookup in columns]):
            writer.writerow([*(cell(value) for value in row), stamp])
            export.rows += 1
            if row[whom] is not None:
                people.add(row[whom])
    export.people, export.numbers = len(people), watermarks.packed(people)
    temporary.chmod(0o600)
    temporary.replace(path_of(export))
    export.status = ExportStatus.DONE


def _rows(export: Export, kind: Kind, lookups: list[str]) -> Iterator[tuple[Any, ...]]:
    rows = kind.rows()
    if export.key.is_restricted:
        rows = rows.filter(source_id__in=export.key.visible_ids)
    if "source_id" in export.settings:
        rows = rows.filter(source_id=export.settings["source_id"])
    return iter(rows.order_by("pk").values_list(*lookups).iterator(chunk_size=_PORTION))


def delete_old(*, now: datetime) -> int:
    """Delete the files of exports that are a day old, and files that no export names."""
    old = Export.objects.filter(status=ExportStatus.DONE, finished_at__lt=now - KEPT)
    deleted = 0
    for export in old:
        path_of(export).unlink(missing_ok=True)
        export.status = ExportStatus.EXPIRED
        export.save(update_fields=["status"])
        deleted += 1
    known = set(
        Export.objects.filter(status=ExportStatus.DONE).values_list("stored_file", flat=True)
    )
    for path in folder().glob(f"{_MARK}*"):
        # the age by the disk's clock: a file being written is younger than its row
        if path.name not in known and _age(path) > timedelta(hours=1):
            path.unlink(missing_ok=True)
    return deleted


def _age(path: Path) -> timedelta:
    # files live by the disk's clock, not by the shop's
    return timedelta(seconds=time.time() - path.stat().st_mtime)


def may_download(export: Export, *, key: ApiKey) -> bool:
    """Whether the key may still read what the file holds."""
    kind = KINDS[export.kind]
    return key.may(kind.scope) and (not export.with_pii or key.may("customers:pii"))
