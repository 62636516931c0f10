"""
What was handed over since a backup, marked in the restored database, so that nothing goes out twice.

    answered: accepted             -> SENT
    answered: refused              -> FAILED
    answered: later, or put back   -> as it is: it goes out
    handed over, no answer known   -> UNKNOWN; `manage.py reconcile` can settle it

A campaign that began after the backup has no deliveries in the database and would begin anew: it is
cancelled, with those who got it as its deliveries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from campaigns import reconcile
from campaigns.enums import Arm, CampaignState, DeliveryState
from campaigns.models import Campaign, Delivery
from campaigns.tracking import message_id


WORDS = "handed over after the backup that was restored"
_NOT_BEGUN = (CampaignState.DRAFT, CampaignState.SCHEDULED)
_GOES_OUT_AGAIN = (DeliveryState.DEFERRED, DeliveryState.PLANNED, DeliveryState.SKIPPED)
PORTION = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Handed:
    """The last that the logbook tells of one message; `state` is UNKNOWN where there is no answer."""

    delivery: int
    customer: int
    address: str
    at: datetime
    state: str


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A campaign that the backup does not know: by its salt, for nobody has its name any more."""

    salt: str
    messages: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """Counts, in words; and the campaigns that the backup does not know, the earliest first."""

    done: dict[str, int]
    unknown: list[Unknown]


def replay(sent: Iterable[Mapping[str, Any]], *, now: datetime) -> Replayed:
    """
    Take over what `sent` (lines of the logbook) tells. Repeating changes nothing.

    The lines are gone through once and sorted by the database: a portion of messages is in memory.
    """
    _take_in(sent)
    done: Counter[str] = Counter()
    unknown: list[Unknown] = []
    for salt, messages, first_at, last_at in _campaigns():
        campaign = Campaign.objects.filter(salt=salt).first()
        if campaign is None:
            done["messages of campaigns that this backup does not know"] += messages
            unknown.append(
                Unknown(salt=salt, messages=messages, first_at=first_at, last_at=last_at)
            )
            continue
        if campaign.state in _NOT_BEGUN:
            _cancel(campaign, messages=messages)
            done["campaigns cancelled that began after the backup"] += 1
        for gone in _portions(salt):
            if campaign.frozen_at is None:
                _write_down(campaign, gone)
            _mark(campaign, gone, now=now, done=done)
    return Replayed(done=dict(done), unknown=unknown)


def _take_in(sent: Iterable[Mapping[str, Any]]) -> None:
    """The last words of each message that left, in a table of this connection."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.told, pg_temp.handed")
        cursor.execute(
            """CREATE TEMPORARY TABLE told (line bigint, salt text, delivery bigint, customer bigint,
                                           address text, at timestamptz, state text)"""
        )
        with cursor.copy("COPY told FROM STDIN") as copy:
            for number, line in enumerate(sent):
                salt, at = line.get("s"), line["at"]
                for delivery, customer, address in line.get("d", ()):
                    copy.write_row(
                        (number, salt, delivery, customer, address, at, DeliveryState.UNKNOWN.value)
                    )
                for state, deliveries in line.get("a", {}).items():
                    for delivery in deliveries:
                        copy.write_row((number, salt, delivery, None, None, at, state))
        # an answer counts for what was handed over before it
        cursor.execute(
            """CREATE TEMPORARY TABLE handed AS
               SELECT salt, delivery, given.customer, given.address, last.at, last.state
               FROM (SELECT DISTINCT ON (salt, delivery) salt, delivery, at, state
                     FROM told ORDER BY salt, delivery, line DESC) last
               JOIN (SELECT DISTINCT ON (salt, delivery) salt, delivery, customer, address
                     FROM told WHERE customer IS NOT NULL ORDER BY salt, delivery, line DESC) given
                   USING (salt, delivery)
               WHERE last.state <> ALL(%s)""",
            [list(_GOES_OUT_AGAIN)],
        )
        cursor.execute("DROP TABLE told")
        cursor.execute("CREATE INDEX ON handed (salt, delivery)")
        cursor.execute("ANALYZE handed")


def _campaigns() -> list[tuple[str, int, datetime, datetime]]:
    """Salt, messages that left, the first and the last moment; the earliest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT salt, count(*), min(at), max(at) FROM handed
               GROUP BY salt ORDER BY min(at), salt"""
        )
        return list(cursor.fetchall())


def _portions(salt: str) -> Iterator[list[Handed]]:
    after = -1
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT delivery, customer, address, at, state FROM handed
                   WHERE salt = %s AND delivery > %s ORDER BY delivery LIMIT %s""",
                [salt, after, PORTION],
            )
            portion = [
                Handed(delivery=delivery, customer=customer, address=address, at=at, state=state)
                for delivery, customer, address, at, state in cursor.fetchall()
            ]
        if not portion:
            return
        yield portion
        after = portion[-1].delivery


def _cancel(campaign: Campaign, *, messages: int) -> None:
    """Past the state machine: nobody asked for it, and a draft may become cancelled."""
    Campaign.objects.filter(pk=campaign.pk, state__in=_NOT_BEGUN).update(
        state=CampaignState.CANCELLED,
        note=f"It began after the backup that was restored: {messages} messages had left by then. "
        "Copy it, and leave out who is below, to send the rest.",
    )


def _write_down(campaign: Campaign, gone: Sequence[Handed]) -> None:
    """Deliveries of a campaign whose audience the backup does not know: outside the experiment."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO campaigns_delivery (campaign_id, customer_id, arm, state, reason, owner,
                                               epoch, attempt, message_id, reply)
                SELECT %s, customer.id, '{Arm.EXCLUDED}', '{DeliveryState.PLANNED}', '', '', 0, 0, '', ''
                FROM customers_customer customer
                WHERE customer.id = ANY(%s) OR left(customer.email_hmac, 22) = ANY(%s)
                   AND customer.email_hmac <> ''
                ORDER BY customer.id ON CONFLICT (campaign_id, customer_id) DO NOTHING""",
            [campaign.pk, [one.customer for one in gone], [one.address for one in gone]],
        )


def _mark(campaign: Campaign, gone: Sequence[Handed], *, now: datetime, done: Counter[str]) -> None:
    """
    Those rows of `campaign` that would go out, or might have: by the customer's number and by address.

    Both, because numbers are given anew after a restore, and addresses change: one too many is not mailed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_delivery delivery
                SET state = '{DeliveryState.UNKNOWN}', owner = '', leased_until = NULL,
                    next_attempt_at = NULL, attempt = GREATEST(delivery.attempt, 1),
                    epoch = delivery.epoch + 1, intent_at = told.at, message_id = told.message_id,
                    address_hmac = CASE WHEN starts_with(customer.email_hmac, told.address)
                                        THEN customer.email_hmac ELSE delivery.address_hmac END,
                    reply = %s
                FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[])
                         AS told(customer, address, at, message_id), customers_customer customer
                WHERE delivery.campaign_id = %s AND customer.id = delivery.customer_id
                  AND (told.customer = customer.id
                       OR told.address <> '' AND starts_with(customer.email_hmac, told.address))
                  AND delivery.state IN ('{DeliveryState.PLANNED}', '{DeliveryState.CLAIMED}',
                                         '{DeliveryState.DEFERRED}', '{DeliveryState.SENDING}')
                RETURNING delivery.id, told.message_id""",
            [WORDS, *_columns(gone), campaign.pk],
        )
        marked = dict(cursor.fetchall())
        states = {message_id(one.delivery): one.state for one in gone}
        rows = list(Delivery.objects.filter(pk__in=marked).select_related("campaign"))
        accepted = [row for row in rows if states[marked[row.pk]] == DeliveryState.SENT]
        refused = [row for row in rows if states[marked[row.pk]] == DeliveryState.FAILED]
        reconcile.settle(delivered=accepted, lost=refused, word=WORDS, now=now)
        Delivery.objects.filter(pk__in=[row.pk for row in accepted]).update(
            accepted_at=F("intent_at")
        )
    done["messages marked as sent"] += len(accepted)
    done["messages marked as refused"] += len(refused)
    done["messages marked as unknown"] += len(rows) - len(accepted) - len(refused)


def _columns(gone: Sequence[Handed]) -> list[list[Any]]:
    return [
        [one.customer for one in gone],
        [one.address for one in gone],
        [one.at for one in gone],
        [message_id(one.delivery) for one in gone],
    ]
