"""
What became of UNKNOWN deliveries, by the mail server's own record of accepted Message-IDs.

Nothing is ever sent again here: a message that was not delivered becomes FAILED with these words,
and whoever wants may mail those customers in another campaign.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from campaigns.enums import DeliveryState
from campaigns.models import Delivery
from campaigns.tracking import delivered_properties
from customers.enums import EventKind
from customers.events import EventRow, record_many


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    delivered: int
    not_delivered: int


def read_record(lines: Iterable[str]) -> frozenset[str]:
    """
    Message-IDs from a sink's journal (JSON lines) or a plain list, one a line.

    Raises ValueError for a line that is neither.
    """
    found = set()
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if line.startswith("{"):
            found.add(str(json.loads(line)["message_id"]))
        elif line.startswith("<") and line.endswith(">"):
            found.add(line)
        elif line:
            raise ValueError(f"line {number} is neither JSON nor a <Message-ID>")
    return frozenset(found)


def reconcile(*, accepted: frozenset[str], now: datetime) -> Reconciled:
    """Settle every UNKNOWN delivery: SENT if the record has its Message-ID, else FAILED."""
    with transaction.atomic():
        unknown = list(
            Delivery.objects.select_for_update(no_key=True, of=("self",))
            .select_related("campaign")
            .filter(state=DeliveryState.UNKNOWN)
            .order_by("pk")
        )
        delivered = [row for row in unknown if row.message_id in accepted]
        lost = [row for row in unknown if row.message_id not in accepted]
        settle(delivered=delivered, lost=lost, word="by the mail server's record", now=now)
    return Reconciled(delivered=len(delivered), not_delivered=len(lost))


def settle(
    *, delivered: Sequence[Delivery], lost: Sequence[Delivery], word: str, now: datetime
) -> None:
    """Make UNKNOWN deliveries SENT or FAILED and tell the ledger; `word` says how we know."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_delivery
                SET state = CASE WHEN id = ANY(%s) THEN '{DeliveryState.SENT}'
                                 ELSE '{DeliveryState.FAILED}' END,
                    accepted_at = CASE WHEN id = ANY(%s) THEN intent_at END,
                    reply = CASE WHEN id = ANY(%s) THEN %s ELSE %s END
                WHERE id = ANY(%s) AND state = '{DeliveryState.UNKNOWN}' RETURNING id""",
            [*[[row.pk for row in delivered]] * 3, f"accepted, {word}", f"not delivered, {word}",
             [row.pk for row in (*delivered, *lost)]],
        )  # fmt: skip
        settled = {row[0] for row in cursor.fetchall()}
        record_many(
            EventRow(
                customer_id=row.customer_id, kind=EventKind.DELIVERED,
                happened_at=row.intent_at or now, arrived_at=now,
                external_id=f"delivery:{row.pk}:DELIVERED", campaign_id=row.campaign_id,
                delivery_id=row.pk, properties=delivered_properties(discount_percent=row.campaign.discount_percent),
            )
            for row in delivered if row.pk in settled
        )  # fmt: skip
