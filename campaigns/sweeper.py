"""
Bringing back what a crash left, by what the dead sender's journal tells.

    CLAIMED                                  -> PLANNED: it was never handed over
    SENDING, reply in the journal            -> what the reply says
    SENDING, no hand-over in the journal     -> PLANNED
    SENDING, hand-over begun without reply   -> UNKNOWN: perhaps delivered, so never sent again
    SENDING, journal on another machine      -> UNKNOWN once the lease is over
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.db import connection

from campaigns import handover, journal
from campaigns.channels.base import Verdict
from campaigns.enums import DeliveryState
from campaigns.handover import Outcome
from campaigns.journal import Past, Reply
from campaigns.models import Delivery


def sweep(*, now: datetime, journals: Path) -> int:
    """Recover everything that can be recovered now; returns the rows moved. Safe to run anywhere, twice."""
    with journal.dead_journals(journals) as pasts:
        moved = sum(_replay(past, now=now) for past in pasts)
        if (
            pasts
        ):  # what the dead have written may not be on the disk yet, and now their journals go
            handover.make_durable()
    return moved + _release_expired() + _give_up_expired(now=now, journals=journals)


def _replay(past: Past, *, now: datetime) -> int:
    held = Delivery.objects.filter(owner=past.owner, state=DeliveryState.SENDING)
    outcomes = [
        _recall(past, key, epoch, attempt, now=now)
        for key, epoch, attempt in held.values_list("pk", "epoch", "attempt")
    ]
    moved = handover.mark(owner=past.owner, outcomes=outcomes, now=now)
    return moved + handover.release(owner=past.owner)


def _recall(past: Past, key: int, epoch: int, attempt: int, *, now: datetime) -> Outcome:
    reply = past.replies.get((key, epoch))
    if reply is None and (key, epoch) in past.started:
        reply = _no_answer(key, epoch, "the sender died while it was handed over", now=now)
    return Outcome(id=key, epoch=epoch, attempt=attempt, reply=reply)


def _no_answer(key: int, epoch: int, words: str, *, now: datetime) -> Reply:
    return Reply(
        delivery_id=key, epoch=epoch, verdict=Verdict.AMBIGUOUS, reply=words, enhanced="", at=now
    )


def _release_expired() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_delivery
                SET state = '{DeliveryState.PLANNED}', owner = '', leased_until = NULL
                WHERE state = '{DeliveryState.CLAIMED}' AND leased_until < clock_timestamp()"""
        )
        return int(cursor.rowcount)


def _give_up_expired(*, now: datetime, journals: Path) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT owner, id, epoch, attempt FROM campaigns_delivery
                WHERE state = '{DeliveryState.SENDING}' AND leased_until < clock_timestamp()
                ORDER BY owner, id"""
        )
        # a journal that is still here belongs to a sender that lives: it is slow, and will answer
        lost = [row for row in cursor.fetchall() if not journal.is_here(row[0], journals)]
    return sum(
        handover.mark(owner=owner, outcomes=outcomes, now=now)
        for owner, outcomes in _by_owner(lost, now=now)
    )


def _by_owner(
    rows: Iterable[tuple[str, int, int, int]], *, now: datetime
) -> list[tuple[str, list[Outcome]]]:
    grouped: dict[str, list[Outcome]] = {}
    for owner, key, epoch, attempt in rows:
        reply = _no_answer(key, epoch, "the sender was lost with its journal", now=now)
        grouped.setdefault(owner, []).append(
            Outcome(id=key, epoch=epoch, attempt=attempt, reply=reply)
        )
    return list(grouped.items())
