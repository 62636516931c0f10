"""What is handed to somebody whose data was erased: what went, what stays and why, naming nobody."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from consent.accountability import agreement
from consent.enums import RequestKind, RequestStatus
from consent.models import DataRequest


ERASURES = (RequestKind.ERASURE, RequestKind.SHOP_ERASURE)


@dataclass(frozen=True, kw_only=True)
class Line:
    """
    A table after an erasure. emptied: rows that were deleted, or in which something was emptied.

    stays: rows that are still there; None where the request is older than this count.
    """

    what: str
    emptied: int
    stays: int | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Certificate:
    request: int
    of: str
    controller: str
    received_at: datetime
    carried_out_at: datetime
    lines: list[Line]
    besides: list[str]


def is_due(row: DataRequest) -> bool:
    """An erasure that is through."""
    return row.kind in ERASURES and row.status == RequestStatus.DONE and row.done_at is not None


def lines(result: dict[str, Any]) -> list[Line]:
    """What the result of a request tells, by table."""
    emptied, kept, stays = (result.get(name, {}) for name in ("rows", "kept", "stays"))
    counts_are_known = "stays" in result
    return [
        Line(
            what=what,
            emptied=emptied.get(what, 0),
            stays=stays.get(what, 0) if counts_are_known else None,
            why=kept.get(what, "") if what in stays or not counts_are_known else "",
        )
        for what in sorted({*emptied, *stays})
    ]


def certificate(row: DataRequest) -> Certificate:
    """Raises ValueError when it is no erasure, or not through."""
    if not is_due(row) or row.done_at is None:
        raise ValueError(f"{row} is no erasure that is through")
    return Certificate(
        request=row.pk,
        of="one person" if row.kind == RequestKind.ERASURE else "everybody of a source",
        controller=agreement.controller(),
        received_at=row.received_at,
        carried_out_at=row.done_at,
        lines=lines(row.result),
        besides=[
            ("The record of this request keeps our own number of the emptied row and a keyed hash of the "
            "address, so that whatever comes in later is erased too. Nobody can read an address from it."),
            (f"Backups made before are deleted after {settings.BACKUP_DAYS} days. Whoever restores one "
            "erases again before anything is sent."),
        ],
    )  # fmt: skip


def as_json(found: Certificate) -> dict[str, Any]:
    return {"certificate": "Erasure of personal data (GDPR, article 17)", **asdict(found)}
