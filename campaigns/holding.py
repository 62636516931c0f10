"""
What is asked of a group before its intent, in the same transaction: not at night, not too fast, one at a time.

Rows that must wait go back to PLANNED with the moment at which to look at them again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from campaigns import limits, quiet
from campaigns.enums import DeliveryState
from core import statements


_CAP_LOCK = 0xCA9  # first key of the advisory locks by which an address is counted once at a time
_CAP = re.compile(r"([1-9]\d{0,2})/([1-9]\d{0,2})d")


class HoldingError(ValueError):
    """A setting that says when not to send cannot be read: then nothing is sent."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """`cap` is (messages, days) that one person or address gets at most; None for no limit."""

    limits: limits.Limits
    quiet: quiet.QuietHours | None
    cap: tuple[int, int] | None

    @property
    def ask_nothing(self) -> bool:
        return not self.limits and self.quiet is None


def rules() -> Rules:
    """As the settings say. Raises HoldingError."""
    try:
        return Rules(
            limits=limits.read(settings.SEND_LIMITS),
            quiet=quiet.read(settings.QUIET_HOURS, time_zone=settings.SHOP_TIME_ZONE),
            cap=_cap(settings.FREQUENCY_CAP),
        )
    except (limits.LimitsError, quiet.QuietHoursError) as error:
        raise HoldingError(str(error)) from error


def _cap(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    found = _CAP.fullmatch(text.strip())
    if found is None:
        raise HoldingError(f"COTERIE_FREQUENCY_CAP must look like 3/7d, not {text!r}")
    return int(found[1]), int(found[2])


@dataclass(frozen=True, kw_only=True)
class Held:
    """`free` may go on to the intent; `until` has the grants that bound the hand-over of some."""

    free: frozenset[int]
    until: Mapping[int, limits.Grant]


def hold_back(known: Rules, *, ids: Sequence[int], owner: str, now: datetime) -> Held:
    """Sift a claimed group; to be called in the transaction of its intent."""
    if known.ask_nothing:
        return Held(free=frozenset(ids), until={})
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT delivery.id, lower(split_part(customer.email, '@', -1)), customer.country,
                      COALESCE(customer.traits ->> 'timezone', ''), clock_timestamp()
               FROM campaigns_delivery delivery
               JOIN customers_customer customer ON customer.id = delivery.customer_id
               WHERE delivery.id = ANY(%s) ORDER BY delivery.id""",
            [list(ids)],
        )
        people = cursor.fetchall()
        waiting: list[tuple[int, datetime]] = []
        domains: dict[int, str] = {}
        for key, domain, country, timezone, database_now in people:
            wake = known.quiet and known.quiet.wake(now, timezone=timezone, country=country)
            if wake:  # the shop's clock may be a simulated one; rows wait by the database's
                waiting.append((key, database_now + (wake - now)))
            else:
                domains[key] = domain
        granted = limits.take(known.limits, domains)
        _put_back(cursor, [*waiting, *granted.waiting], owner=owner)
    return Held(free=granted.ids, until=granted.timed)


def lock_addresses(known: Rules, *, ids: Sequence[int], campaign_id: int) -> None:
    """
    Where messages are counted, let nobody else count these people's until the transaction ends.

    Two campaigns that mail one address at the same moment would each see that the other has not.
    """
    statements.send(
        """SELECT pg_advisory_xact_lock(%s, mark) FROM (
               SELECT DISTINCT unnest(ARRAY[hashtext(customer.email_hmac),
                                            hashtext(customer.id::text)]) AS mark
               FROM campaigns_delivery delivery
               JOIN customers_customer customer ON customer.id = delivery.customer_id
               WHERE delivery.id = ANY(%s::bigint[]) AND (%s OR EXISTS (
                   SELECT 1 FROM campaigns_campaign
                   WHERE id = %s AND min_days_between > 0) OR EXISTS (
                   SELECT 1 FROM consent_preference wish
                   WHERE wish.customer_id = customer.id AND wish.at_most_a_month IS NOT NULL))
               ORDER BY mark OFFSET 0) marks""",
        [_CAP_LOCK, list(ids), known.cap is not None, campaign_id],
    )


def since(known: Rules, *, now: datetime) -> tuple[int, datetime]:
    """The cap as a statement takes it: (messages, since when); 0 for none."""
    if known.cap is None:
        return 0, now
    messages, days = known.cap
    return messages, now - timedelta(days=days)


def _put_back(cursor: Any, waiting: Sequence[tuple[int, datetime]], *, owner: str) -> None:
    if not waiting:
        return
    cursor.execute(
        f"""UPDATE campaigns_delivery delivery
            SET state = '{DeliveryState.PLANNED}', owner = '', leased_until = NULL,
                next_attempt_at = told.slot
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS told(id, slot)
            WHERE delivery.id = told.id AND delivery.owner = %s
              AND delivery.state = '{DeliveryState.CLAIMED}'""",
        [[row for row, _ in waiting], [slot for _, slot in waiting], owner],
    )
