"""Trying a rejected item again, after what was wrong has been put right."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from customers.enums import InboundStatus, SourceKind
from customers.intake import unpacking
from customers.intake.bodies import ITEM_BYTES
from customers.intake.taking import Outcome, take
from customers.intake.translation import Item
from customers.models import InboundRequest, RejectedRow


class NotReplayableError(ValueError):
    """The row is of a file's import, was taken in before, or its text is gone; the message says which."""


@transaction.atomic
def replay(rejected_row: RejectedRow, *, now: datetime) -> bool:
    """
    Take the item in now. True: it was, and no longer counts as rejected. False: the row says why not.

    Raises NotReplayableError.
    """
    row = RejectedRow.objects.select_for_update().get(pk=rejected_row.pk)
    if row.inbound_id is None:
        raise NotReplayableError("It is a line of a file: correct the file and import it again.")
    if row.replayed_at is not None:
        raise NotReplayableError("It has been taken in already.")
    request = InboundRequest.objects.select_for_update().select_related("source").get(
        pk=row.inbound_id
    )  # fmt: skip
    item = _item(row, request)
    if isinstance(item, str):
        row.reason = item
        row.save(update_fields=["reason"])
        return False
    (verdict,) = take([item], source=request.source, now=now)
    if verdict.outcome in {Outcome.REJECTED, Outcome.WAITING}:
        row.reason = verdict.reason
        row.save(update_fields=["reason"])
        return False
    row.replayed_at = now
    row.save(update_fields=["replayed_at"])
    counted = "duplicates" if verdict.outcome is Outcome.DUPLICATE else "accepted"
    left = request.rejected - 1
    status = request.status
    if status in {InboundStatus.PARTLY, InboundStatus.REJECTED}:
        status = InboundStatus.PARTLY if left else InboundStatus.DONE
    InboundRequest.objects.filter(pk=request.pk).update(
        rejected=left,
        status=status,
        reason=request.reason if left else "",
        **{counted: F(counted) + 1},
    )
    return True


def _item(row: RejectedRow, request: InboundRequest) -> Item | str:
    """The item, or why it still cannot be read: out of the body, or as it was kept once that is forgotten."""
    kind, number = request.source.kind, row.line_number or 1
    if request.body:
        unpacked = unpacking.unpack(request, kind=kind)
        found = next((item for item in unpacked.items if item.number == number), None)
        return found or unpacked.refused.get(number, "not_json")
    if not row.raw:
        raise NotReplayableError("Its text has been forgotten.")
    limit = ITEM_BYTES if kind == SourceKind.SEGMENT else None
    body = unpacking.decode(row.raw.encode(), limit=limit)
    return body if isinstance(body, str) else unpacking.item(request, number, body)
