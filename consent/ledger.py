"""
Who agreed to what: acts are added, never changed, and the current state is their fold.

The newest act by the time it happened decides, whatever order acts arrive in; of two at the same
moment the withdrawal wins. A grant that an imported file tells of counts for less than any other act:
a file may withdraw, and restores nothing. Acts come from screens (grant, withdraw, object_to, unsubscribe) and
from the ledger of events (absorb). Both write the same rows by the same statements.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from consent import locks, peppers
from consent.enums import NEWSLETTER, Act, Basis, Channel, Purpose, SuppressionReason
from consent.gate import READER
from consent.interlock import entries
from consent.merge_statements import (
    FOLD_MERGED,
    FOLD_UNMERGED,
    MERGES,
    WISHES_MERGED,
    WISHES_UNMERGED,
)
from consent.models import ConsentEvent, ConsentState, Suppression, Wording
from consent.purposes import channel_of
from consent.statements import (
    ABSORB_ACTS,
    ABSORBED,
    FOLD_ONE,
    LIFT_FROM_EVENTS,
    LIFT_ONE,
    SUPPRESS_FROM_EVENTS,
    SUPPRESS_ONE,
)
from customers import events
from customers.enums import EventKind
from customers.models import Cursor, Customer, Event


log = logging.getLogger(__name__)

WINDOW = 100_000
"""Events read in one transaction: some seconds, so that a great import does not outlast its task."""


# ---------------------------------------------------------------- single acts
def grant(
    *,
    customer: Customer,
    wording: Wording,
    method: str,
    now: datetime,
    happened_at: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
    provenance: str = "",
) -> ConsentEvent:
    """
    Record that `customer` agreed to `wording`, whose purpose and channel it is about.

    `method` says how (form, admin, ...), `evidence` whatever proves it; a `happened_at` that is yet to
    come is taken as now. Lifts an UNSUBSCRIBED suppression of the address that is older, and no other.
    """
    return _act(
        customer=customer, purpose=wording.purpose, channel=wording.channel, act=Act.GRANTED,
        basis=Basis.CONSENT, wording=wording, method=method, evidence=evidence,
        happened_at=happened_at or now, now=now, provenance=provenance,
    )  # fmt: skip


def record_sale(
    *,
    customer: Customer,
    method: str,
    now: datetime,
    happened_at: datetime,
    evidence: Mapping[str, Any],
    provenance: str,
) -> ConsentEvent:
    """Record a soft opt-in, no consent; soft_opt_in.record asks for its conditions, a constraint too."""
    return _act(
        customer=customer, purpose=Purpose.MARKETING, channel=Channel.EMAIL, act=Act.SOFT_OPT_IN,
        basis=Basis.SOFT_OPT_IN, wording=None, method=method, evidence=evidence,
        happened_at=happened_at, now=now, provenance=provenance,
    )  # fmt: skip


def withdraw(
    *,
    customer: Customer,
    purpose: str,
    method: str,
    now: datetime,
    happened_at: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
    channel: str | None = None,
    provenance: str = "",
) -> ConsentEvent:
    """
    Record that `customer` no longer agrees to `purpose`; effective when the transaction commits.

    channel: for promotions, by default e-mail; other purposes have none, whatever is given.
    """
    usual = channel_of(purpose)
    return _act(
        customer=customer, purpose=purpose,
        channel=usual if usual == Channel.ANY else channel or usual, act=Act.WITHDRAWN,
        basis=Basis.NONE, wording=None, method=method, evidence=evidence,
        happened_at=happened_at or now, now=now, provenance=provenance,
    )  # fmt: skip


def object_to(
    *,
    customer: Customer,
    purpose: str,
    method: str,
    now: datetime,
    evidence: Mapping[str, Any] | None = None,
) -> ConsentEvent:
    """Record an objection under Article 21: like a withdrawal, and told apart in the proof."""
    return _act(
        customer=customer, purpose=purpose, channel=channel_of(purpose), act=Act.OBJECTED,
        basis=Basis.NONE, wording=None, method=method, evidence=evidence, happened_at=now, now=now,
    )  # fmt: skip


def end(
    *,
    customer: Customer,
    purpose: str,
    channel: str,
    act: Act,
    method: str,
    happened_at: datetime,
    now: datetime,
    evidence: Mapping[str, Any],
) -> ConsentEvent:
    """Record a withdrawal or an objection as it was, of exactly this purpose and channel."""
    return _act(
        customer=customer, purpose=purpose, channel=channel, act=act, basis=Basis.NONE,
        wording=None, method=method, evidence=evidence, happened_at=happened_at, now=now,
    )  # fmt: skip


def withdraw_everything(*, customer_ids: Collection[int], method: str, now: datetime) -> int:
    """Withdraw whatever these customers allow; returns how many consents that were."""
    granted = ConsentState.objects.filter(
        event__act__in=[Act.GRANTED, Act.SOFT_OPT_IN], customer__in=customer_ids
    )
    with transaction.atomic():
        # in the order in which a hand-over locks them
        states = list(
            granted.select_related("customer").order_by("customer_id", "purpose", "channel")
        )
        entries.ended(
            (
                (state.customer, state.purpose, state.channel, Act.WITHDRAWN, max(now, state.since))
                for state in states
            ),
            now=now,
        )
        for state in states:
            _act(
                customer=state.customer, purpose=state.purpose, channel=state.channel,
                act=Act.WITHDRAWN, basis=Basis.NONE, wording=None, method=method, evidence=None,
                happened_at=max(now, state.since), now=max(now, state.since), is_entered=True,
            )  # fmt: skip
    return len(states)


def suppress(
    *, address_hmac: str, reason: SuppressionReason, now: datetime, detail: str = ""
) -> None:
    """
    Never mail this address again. Raises ValueError for an empty hash.

    A bounce, a complaint or staff's word replaces a mere UNSUBSCRIBED, and a complaint a bounce;
    otherwise the first stays. The hash may be one of a former key: it holds under the newest too, at once.
    """
    if not address_hmac:
        raise ValueError("an empty hash is no address")
    with transaction.atomic(), connection.cursor() as cursor:
        hashes = sorted(peppers.same(address_hmac))
        locks.lock_addresses(hashes)
        for one in hashes:
            cursor.execute(
                SUPPRESS_ONE,
                {"address_hmac": one, "reason": reason, "detail": detail[:300], "at": now},
            )
        entries.suppressed([(one, reason, detail[:300], now) for one in hashes], now=now)


def unsubscribe(
    *,
    customer_id: int,
    method: str,
    now: datetime,
    campaign_id: int | None = None,
    delivery_id: int | None = None,
    purpose: str = Purpose.MARKETING,
) -> bool:
    """
    Stop marketing to this customer and suppress their address; False when that is so already.

    With the purpose of a newsletter that one alone ends, and the address stays open for others.

    The event goes into the ledger and is absorbed at once, in one transaction: the campaign that
    caused it is known, and the next hand-over sees it. A link to somebody who was merged into another
    customer since speaks for that one.
    """
    customer_id = living(customer_id)
    with transaction.atomic():
        # serialises two presses of one button; inserting events does not wait for this lock
        customer = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
        if customer is None or _is_unsubscribed(customer, purpose):
            return False
        external_id = f"unsubscribe:{customer_id}:{int(now.timestamp() * 1_000_000)}"
        events.record(
            source=None, customer_id=customer_id, kind=EventKind.UNSUBSCRIBED, happened_at=now,
            arrived_at=now, external_id=external_id, campaign_id=campaign_id,
            delivery_id=delivery_id, properties={"method": method, "purpose": purpose},
        )  # fmt: skip
        event_id = Event.objects.values_list("pk", flat=True).get(
            source=None, external_id=external_id
        )
        _absorb(first=event_id, last=event_id, now=now)
        return True


def complain(
    *,
    customer_id: int,
    address_hmac: str,
    happened_at: datetime,
    now: datetime,
    campaign_id: int,
    delivery_id: int,
) -> bool:
    """
    Record that this customer reported a delivery as spam: an objection, effective at once.

    False when the ledger has it. Like `unsubscribe`, and what is suppressed is the address that the delivery went
    to, `address_hmac`, never lifted by a later consent: the customer may have another by now, which nobody
    complained about. It is empty of who was erased since.
    """
    with transaction.atomic():
        if address_hmac:
            suppress(
                address_hmac=address_hmac, reason=SuppressionReason.COMPLAINT, now=now,
                detail=f"delivery {delivery_id}",
            )  # fmt: skip
        external_id = f"delivery:{delivery_id}:{EventKind.COMPLAINED}"
        is_new = events.record(
            source=None, customer_id=customer_id, kind=EventKind.COMPLAINED,
            happened_at=happened_at, arrived_at=now, external_id=external_id,
            campaign_id=campaign_id, delivery_id=delivery_id, properties={"method": "feedback loop"},
        )  # fmt: skip
        if is_new:
            event_id = Event.objects.values_list("pk", flat=True).get(
                source=None, external_id=external_id
            )
            _absorb(first=event_id, last=event_id, now=now)
    return is_new


def living(customer_id: int) -> int:
    """The customer that this one was merged into, at the end of the chain; else the same."""
    seen = set()
    while customer_id not in seen:
        seen.add(customer_id)
        into = Customer.objects.filter(pk=customer_id).values_list("merged_into", flat=True).first()
        customer_id = into or customer_id
    return customer_id


def _is_unsubscribed(customer: Customer, purpose: str) -> bool:
    """Of all: nothing by e-mail is allowed and the address is suppressed; of a newsletter: it is not allowed."""
    allowed = ConsentState.objects.filter(
        event__act__in=[Act.GRANTED, Act.SOFT_OPT_IN], customer=customer, channel=Channel.EMAIL
    )
    if purpose != Purpose.MARKETING:
        return not allowed.filter(purpose=purpose).exists()
    suppressed = Suppression.objects.filter(
        address_hmac=customer.email_hmac, channel=Channel.EMAIL, lifted_at=None
    )
    of_promotions = Q(purpose=Purpose.MARKETING) | Q(purpose__startswith=NEWSLETTER)
    return not allowed.filter(of_promotions).exists() and (
        not customer.email_hmac or suppressed.exists()
    )


def _act(
    *,
    customer: Customer,
    purpose: str,
    channel: str,
    act: Act,
    basis: Basis,
    wording: Wording | None,
    method: str,
    evidence: Mapping[str, Any] | None,
    happened_at: datetime,
    now: datetime,
    provenance: str = "",
    is_entered: bool = False,
) -> ConsentEvent:
    with transaction.atomic():
        event = ConsentEvent.objects.create(
            customer=customer, purpose=purpose, channel=channel, act=act, basis=basis,
            wording=wording, method=method, evidence=dict(evidence or {}),
            happened_at=min(happened_at, now), recorded_at=now, provenance=provenance,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(FOLD_ONE, {"event_id": event.pk})
            if act == Act.GRANTED:
                cursor.execute(
                    LIFT_ONE,
                    {"now": now, "address_hmac": customer.email_hmac, "customer_id": customer.pk},
                )
        if not is_entered:
            entries.ended([entries.acts_of(event)], now=now)
        return event


# ---------------------------------------------------------------- from the ledger of events
def absorb(*, now: datetime) -> int:
    """
    Read what the ledger has learned about consent since the last time; returns the acts recorded.

    A CONSENT_GIVEN that cannot be accepted becomes an act REFUSED with its reason, and a
    CONSENT_CLAIMED an act CLAIMED; neither grants anything. Refused ones are not in the number that is
    returned. Somebody else absorbing at the same time makes this return 0.
    """
    acts = refused = 0
    more = True
    while more:
        new_acts, new_refused, more = _absorb_window(now=now)
        acts, refused = acts + new_acts, refused + new_refused
    if refused:
        log.warning("%d consents were not accepted; the consent log says why", refused)
    return acts


def _absorb_window(*, now: datetime) -> tuple[int, int, bool]:
    """The next WINDOW events in a transaction: (acts recorded, consents refused, is there more)."""
    with transaction.atomic():
        Cursor.objects.get_or_create(reader=READER)
        place = (
            Cursor.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(reader=READER)
            .first()
        )
        if place is None:
            return 0, 0, False
        settled = events.settled_position()
        if settled <= place.position:
            return 0, 0, False
        last = min(settled, place.position + WINDOW)
        acts, refused = _absorb(first=place.position + 1, last=last, now=now)
        place.position, place.moved_at = last, now
        place.save(update_fields=["position", "moved_at"])
    return acts, refused, last < settled


def _absorb(*, first: int, last: int, now: datetime) -> tuple[int, int]:
    """Take over events `first` to `last`: (acts recorded, consents refused). Repeating is harmless."""
    window: dict[str, Any] = {"first": first, "last": last, "now": now}
    locks.lock_window(first=first, last=last)
    with connection.cursor() as cursor:
        cursor.execute(ABSORBED, window)
        window["absorbed"] = cursor.fetchone()[0]
        cursor.execute(ABSORB_ACTS, window)
        acts, refused = cursor.fetchone()
        acts += _absorb_merges(cursor, window)
        cursor.execute(SUPPRESS_FROM_EVENTS, window)
        entries.suppressed(cursor.fetchall(), now=now)
        cursor.execute(LIFT_FROM_EVENTS, window)
    entries.ended_in_window(first=first, last=last, now=now)
    return int(acts), int(refused)


def _absorb_merges(cursor: Any, window: dict[str, Any]) -> int:
    """One after the other: a chain of merges builds on what came before. Returns the acts recorded."""
    cursor.execute(MERGES, window)
    acts = 0
    for event_id, kind in cursor.fetchall():
        is_merge = kind == EventKind.MERGED
        known = {"event": event_id, "now": window["now"]}
        cursor.execute(FOLD_MERGED if is_merge else FOLD_UNMERGED, known)
        acts += cursor.fetchone()[0]
        cursor.execute(WISHES_MERGED if is_merge else WISHES_UNMERGED, known)
    return acts
