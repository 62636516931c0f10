"""
The statements that move deliveries between their states, each fenced by who holds the row.

    PLANNED, DEFERRED --claim--> CLAIMED --intend--> SENDING --mark--> SENT, DEFERRED, FAILED,
                                    |        |                         UNKNOWN, SKIPPED, PLANNED
                                    |        +--> SKIPPED (the gate says no)
                                    +--release--> PLANNED

A row that is CLAIMED can go back at any time; only one that is SENDING may have been handed over.
Leases run by the database's clock. A holder that lost its row to another finds a higher epoch,
and its statement does nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from campaigns import handover_lock, holding, policy
from campaigns.channels.base import Verdict
from campaigns.enums import BounceClass, CampaignState, DeliveryState, ReportKind, SkipReason
from campaigns.journal import Reply
from campaigns.limits import Grant
from campaigns.rendering import Recipient
from campaigns.returns import budget, recording, wording
from campaigns.returns.recording import Incoming
from campaigns.tracking import delivered_properties, message_id
from consent import gate, locks
from consent.enums import Channel, Purpose
from consent.interlock import logbook
from core import statements
from customers.enums import EventKind
from customers.events import EventRow, record_many


CLAIM_LEASE_SECONDS = 120
SENDING_LEASE_SECONDS = 900
TRANSACTION_SECONDS = 60  # a sender that stands still keeps its locks no longer


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    id: int
    epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Intended:
    """A row that is SENDING and ours."""

    id: int
    epoch: int
    attempt: int
    recipient: Recipient
    until: Grant | None = None  # where a limit granted it, it must be off by the end of that


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of an intended row; `unrenderable` says why no message could be made."""

    id: int
    epoch: int
    attempt: int
    reply: Reply | None = None
    unrenderable: str = ""

    @property
    def state(self) -> DeliveryState:
        if self.unrenderable:
            return DeliveryState.SKIPPED
        verdict = Verdict.UNREACHABLE if self.reply is None else self.reply.verdict
        return policy.next_state(verdict, attempt=self.attempt)


def claim(*, campaign_id: int, owner: str, limit: int) -> list[Claimed]:
    """Take up to `limit` rows that are due, in the order of their ids, past what others hold."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH due AS (
                SELECT id FROM campaigns_delivery
                WHERE campaign_id = %s
                  AND state IN ('{DeliveryState.PLANNED}', '{DeliveryState.DEFERRED}')
                  AND (next_attempt_at IS NULL OR next_attempt_at <= clock_timestamp())
                ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE campaigns_delivery delivery
            SET state = '{DeliveryState.CLAIMED}', owner = %s, epoch = delivery.epoch + 1,
                leased_until = clock_timestamp() + make_interval(secs => %s)
            FROM due WHERE delivery.id = due.id
            RETURNING delivery.id, delivery.epoch
            """,
            [campaign_id, limit, owner, CLAIM_LEASE_SECONDS],
        )
        return [Claimed(id=key, epoch=epoch) for key, epoch in sorted(cursor.fetchall())]


_MAY_HAVE_IT = f"'{DeliveryState.SENDING}', '{DeliveryState.SENT}', '{DeliveryState.UNKNOWN}'"
# What this person, or this address under whatever name, got or may have got lately.
_LATELY = f"""(SELECT count(*) FROM campaigns_delivery other
     WHERE other.id <> mine.id AND other.intent_at > {{since}}
       AND other.state IN ({_MAY_HAVE_IT})
       AND (other.customer_id = customer.id
            OR NOT (other.address_hmac = '') AND other.address_hmac = customer.email_hmac))"""
_DAYS_BETWEEN = "(SELECT min_days_between FROM running)"
_TOO_OFTEN = f"""CASE
    WHEN %(cap)s > 0 AND {_LATELY.format(since="%(cap_since)s")} >= %(cap)s
      OR {_DAYS_BETWEEN} > 0 AND {
    _LATELY.format(since=f"%(now)s - make_interval(days => {_DAYS_BETWEEN})")
} > 0
      OR preference.at_most_a_month IS NOT NULL AND {
    _LATELY.format(since="%(now)s - interval '30 days'")
} >= preference.at_most_a_month
    THEN '{SkipReason.FREQUENCY}' END"""

# Two people of the audience may have come to one address since it was frozen: it gets one message. Counted,
# and the campaign + 0, so that the planner walks the address's messages, not all that the campaign has sent.
_HAD_IT = f"""CASE
    WHEN id > min(id) OVER (PARTITION BY email_hmac, refusal IS NULL)
      OR (SELECT count(*) FROM campaigns_delivery other
          WHERE other.id <> asked_gate.id AND other.campaign_id + 0 = %(campaign_id)s
            AND NOT (other.address_hmac = '') AND other.address_hmac = asked_gate.email_hmac
            AND other.intent_at >= (SELECT frozen_at FROM running)
            AND other.state IN ({_MAY_HAVE_IT})) > 0
    THEN '{SkipReason.DUPLICATE_ADDRESS}' END"""

# What the campaign is for, which never changes once it was launched.
_PURPOSE = "(SELECT purpose FROM campaigns_campaign WHERE id = %(campaign_id)s)"
_SOFT_OPT_IN = """%(soft_opt_in)s AND (SELECT with_soft_opt_ins FROM campaigns_campaign
                                       WHERE id = %(campaign_id)s)"""

# A state that no index serves. The planner would else walk all that anybody holds, by the index on leases,
# which is as long as what was sent since the last vacuum; a group is found by its ids.
_IS = "delivery.state || '' ="

# Before the intent, by itself: a statement sees what had committed when it began, not what it waited
# for. The rows of the group come first, as in the intent and wherever both are locked.
_LOCK_STATES = f"""
WITH mine AS MATERIALIZED (
    SELECT customer_id FROM campaigns_delivery delivery
    WHERE id = ANY(%(ids)s::bigint[]) AND owner = %(owner)s AND {_IS} '{DeliveryState.CLAIMED}'
    ORDER BY id FOR NO KEY UPDATE
)
{gate.lock_states(customer_ids="SELECT customer_id FROM mine", purpose=_PURPOSE)}"""

# One statement: it locks the consent of everybody in the group, asks the gate, and moves. A
# withdrawal either has committed and is seen, or waits until the intent has; a pause likewise, of the
# campaign by its row and of the customer by their consent.
_INTEND = f"""
WITH asked AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(epochs)s::int[], %(message_ids)s::text[])
        AS asked(id, epoch, message_id)
), mine AS MATERIALIZED (
    SELECT delivery.id, delivery.customer_id, asked.message_id
    FROM asked JOIN campaigns_delivery delivery ON delivery.id = asked.id
    WHERE {_IS} '{DeliveryState.CLAIMED}' AND delivery.owner = %(owner)s
      AND delivery.epoch = asked.epoch
    FOR NO KEY UPDATE OF delivery
), running AS MATERIALIZED (
    SELECT id, min_days_between, salt, frozen_at FROM campaigns_campaign
    WHERE id = %(campaign_id)s AND state = '{CampaignState.RUNNING}' FOR SHARE
), locked_states AS MATERIALIZED (
    {gate.lock_states(customer_ids="SELECT customer_id FROM mine", purpose=_PURPOSE)}
), asked_gate AS MATERIALIZED (
    SELECT mine.id, mine.message_id, customer.email, customer.email_hmac, customer.first_name, customer.last_name,
           COALESCE({gate.REFUSAL}, {_TOO_OFTEN}) AS refusal,
           EXISTS (SELECT 1 FROM consent_consentstate clicks
                   WHERE clicks.customer_id = customer.id AND clicks.is_granted
                     AND clicks.purpose = '{Purpose.CLICK_TRACKING}'
                     AND clicks.channel = '{Channel.ANY}') AS tracks_clicks
    FROM mine JOIN customers_customer customer ON customer.id = mine.customer_id
    {gate.joins(states="locked_states", purpose=_PURPOSE, soft_opt_in=_SOFT_OPT_IN)}
), judged AS MATERIALIZED (
    SELECT id, message_id, email, email_hmac, first_name, last_name, tracks_clicks,
           COALESCE(refusal, {_HAD_IT}) AS refusal
    FROM asked_gate
)
UPDATE campaigns_delivery delivery
SET state = CASE WHEN refusal IS NULL THEN '{DeliveryState.SENDING}'
                 ELSE '{DeliveryState.SKIPPED}' END,
    reason = COALESCE(refusal, ''),
    address_hmac = CASE WHEN refusal IS NULL THEN judged.email_hmac ELSE address_hmac END,
    owner = CASE WHEN refusal IS NULL THEN owner ELSE '' END,
    attempt = attempt + CASE WHEN refusal IS NULL THEN 1 ELSE 0 END,
    intent_at = CASE WHEN refusal IS NULL THEN %(now)s ELSE intent_at END,
    message_id = judged.message_id,
    leased_until = CASE WHEN refusal IS NULL
                        THEN clock_timestamp() + make_interval(secs => %(lease)s) END
FROM judged, running WHERE delivery.id = judged.id
RETURNING delivery.state, delivery.id, delivery.epoch, delivery.attempt, delivery.customer_id,
          judged.email, judged.first_name, judged.last_name, judged.tracks_clicks,
          judged.email_hmac, running.salt"""


def intend(
    *, campaign_id: int, owner: str, group: Sequence[Claimed], now: datetime
) -> list[Intended]:
    """
    Declare that the rows of `group` are about to be handed over; those refused become SKIPPED.

    When it returns, it is committed, and who withdraws waits for handover_lock.let_go. Rows no longer
    ours are left out, and those that must wait (quiet hours, limits) go back; all, when the campaign
    does not run. Raises holding.HoldingError where a setting cannot be read: nothing has happened.
    """
    known = holding.rules()
    with transaction.atomic():
        token = logbook.step(now=now)  # raises where this database was restored from a backup
        keys = [row.id for row in group]
        held = holding.hold_back(known, ids=keys, owner=owner, now=now)
        free = [row for row in group if row.id in held.free]
        if not free:
            return []
        cap, cap_since = holding.since(known, now=now)
        ids = [row.id for row in free]
        with statements.together(seconds=TRANSACTION_SECONDS):
            statements.send(_LOCK_STATES, {"ids": ids, "owner": owner, "campaign_id": campaign_id})
            holding.lock_addresses(known, ids=keys, campaign_id=campaign_id)
            handover_lock.take(owner=owner)
            rows = statements.run(
                _INTEND,
                {
                    "ids": ids,
                    "epochs": [row.epoch for row in free],
                    "message_ids": [message_id(key) for key in ids],
                    "owner": owner, "campaign_id": campaign_id, "now": now,
                    "lease": SENDING_LEASE_SECONDS, "cap": cap, "cap_since": cap_since,
                    "soft_opt_in": settings.SOFT_OPT_IN,
                },
            )  # fmt: skip
    intended = sorted(row[1:] for row in rows if row[0] == DeliveryState.SENDING)
    _enter(token, intended, campaign_id=campaign_id, now=now)
    return [
        Intended(
            id=key, epoch=epoch, attempt=attempt, until=held.until.get(key),
            recipient=Recipient(
                delivery_id=key, customer_id=customer_id, email=email, first_name=first_name,
                last_name=last_name, tracks_clicks=tracks_clicks,
            ),
        )
        for key, epoch, attempt, customer_id, email, first_name, last_name, tracks_clicks, _, _
        in intended
    ]  # fmt: skip


def _enter(
    token: str, intended: Sequence[Sequence[Any]], *, campaign_id: int, now: datetime
) -> None:
    """Tell the logbook, before any is handed over. Raises OSError when it takes no more."""
    if intended:
        logbook.handed(
            token, salt=intended[0][-1], campaign_id=campaign_id, now=now,
            rows=[(row[0], row[3], row[-2]) for row in intended],
        )  # fmt: skip


_MARK = f"""
UPDATE campaigns_delivery delivery
SET state = told.state, reason = told.reason, reply = told.reply,
    accepted_at = told.accepted_at, owner = '', leased_until = NULL,
    attempt = attempt - CASE WHEN told.state = '{DeliveryState.PLANNED}' THEN 1 ELSE 0 END,
    next_attempt_at = clock_timestamp() + make_interval(secs => told.wait)
FROM json_to_recordset(%s) AS told(id bigint, epoch int, state text, reason text, reply text,
                                   accepted_at timestamptz, wait int),
     campaigns_campaign campaign
WHERE delivery.id = told.id AND delivery.epoch = told.epoch AND delivery.owner = %s
  AND {_IS} '{DeliveryState.SENDING}' AND campaign.id = delivery.campaign_id
RETURNING delivery.id, customer_id, campaign_id, address_hmac, campaign.salt, discount_percent"""


def mark(*, owner: str, outcomes: Sequence[Outcome], now: datetime, durable: bool = True) -> int:
    """
    Write what became of rows that `owner` has SENDING, and tell the ledger, in one transaction.

    Returns how many rows were still the owner's. Refusals about us as a sender are counted for the
    campaign, which is paused when they are too many. What is not `durable` yet is so when a later
    transaction has committed, or after make_durable(): till then the journal must stay.
    """
    if not outcomes:
        return 0
    by_id = {outcome.id: outcome for outcome in outcomes}
    states = {outcome.id: outcome.state for outcome in outcomes}
    told = json.dumps([_told(one, states[one.id]) for one in outcomes])
    with transaction.atomic():
        with statements.together(seconds=TRANSACTION_SECONDS):
            if not durable:
                statements.send("SET LOCAL synchronous_commit TO OFF")
            marked = sorted(statements.run(_MARK, [told, owner]))
        record_many(
            event
            for key, customer_id, campaign_id, _, _, discount_percent in marked
            if (event := _event(by_id[key], customer_id, campaign_id, discount_percent, now=now))
        )
        refused = [row for row in marked if (reply := by_id[row[0]].reply) and reply.verdict]
        if refused:
            _follow_refusals(refused, by_id, states, now=now)
    by_salt: dict[str, dict[str, list[int]]] = {}
    for key, _, _, _, salt, _ in marked:
        by_salt.setdefault(salt, {}).setdefault(states[key].value, []).append(key)
    logbook.answered(by_salt, now=now)
    return len(marked)


def make_durable() -> None:
    """When it returns, all that this connection has committed is on the disk."""
    statements.run("SELECT pg_logical_emit_message(true, 'coterie', '')")


def _follow_refusals(
    refused: Sequence[Sequence[Any]], by_id: Mapping[int, Outcome],
    states: Mapping[int, DeliveryState], *, now: datetime,
) -> None:  # fmt: skip
    """refused: rows that _MARK returned."""
    locks.lock_addresses(row[3] for row in refused)
    # soft bounces lock their addresses until all are written: everywhere in one order
    by_address = sorted(refused, key=lambda row: (row[3], row[0]))
    bounces = (_bounce(by_id[row[0]]) for row in by_address)
    recording.record_all((bounce for bounce in bounces if bounce), now=now)
    unknown = [row[0] for row in refused if states[row[0]] == DeliveryState.UNKNOWN]
    if unknown:
        recording.settle_reported(unknown, now=now)
    about_us = Counter(row[2] for row in refused if is_about_us(by_id[row[0]]))
    for campaign_id, refusals in about_us.items():
        budget.count_reputation(campaign_id, refusals)


def release(*, owner: str) -> int:
    """Give back what `owner` has CLAIMED."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_delivery
                SET state = '{DeliveryState.PLANNED}', owner = '', leased_until = NULL
                WHERE owner = %s AND state = '{DeliveryState.CLAIMED}'""",
            [owner],
        )
        return int(cursor.rowcount)


def _told(outcome: Outcome, state: DeliveryState) -> dict[str, object]:
    """What _MARK is told of a row."""
    reply = outcome.reply
    return {
        "id": outcome.id, "epoch": outcome.epoch, "state": state.value,
        "reason": SkipReason.RENDER_ERROR.value if outcome.unrenderable else "",
        "reply": (outcome.unrenderable or (reply.reply if reply else ""))[:300].replace("\x00", " "),
        "accepted_at": reply.at_text if reply and state == DeliveryState.SENT else None,
        "wait": policy.retry_seconds(outcome.attempt) if state == DeliveryState.DEFERRED else None,
    }  # fmt: skip


def _event(
    outcome: Outcome, customer_id: int, campaign_id: int, discount_percent: int, *, now: datetime
) -> EventRow | None:
    reply = outcome.reply
    if reply is None or reply.verdict:
        return None
    return EventRow(
        customer_id=customer_id, kind=EventKind.DELIVERED, happened_at=reply.at, arrived_at=now,
        external_id=f"delivery:{outcome.id}:{EventKind.DELIVERED}", campaign_id=campaign_id,
        delivery_id=outcome.id, properties=delivered_properties(discount_percent=discount_percent),
    )  # fmt: skip


def _bounce(outcome: Outcome) -> Incoming | None:
    """A refusal for good is a bounce that needed no mail."""
    reply = outcome.reply
    if reply is None or outcome.state != DeliveryState.FAILED:
        return None
    return Incoming(
        source=recording.SMTP, identity=f"{outcome.id}/{outcome.epoch}", kind=ReportKind.BOUNCED,
        bounce=_refusal_class(reply), status=reply.enhanced,
        detail=reply.reply, happened_at=reply.at, delivery_id=outcome.id,
    )  # fmt: skip


def _refusal_class(reply: Reply) -> BounceClass:
    """Where no code says that a refusal is about us as a sender, its words may."""
    if (
        reply.verdict == Verdict.PERMANENT
        and wording.classify(reply.enhanced, reply.reply) == BounceClass.REPUTATION
    ):
        return BounceClass.REPUTATION
    return policy.refusal_class(reply.verdict, reply.enhanced)


def is_about_us(outcome: Outcome) -> bool:
    """Whether it was refused because of us as a sender."""
    reply = outcome.reply
    return (
        reply is not None
        and bool(reply.verdict)
        and (_refusal_class(reply) == BounceClass.REPUTATION)
    )
