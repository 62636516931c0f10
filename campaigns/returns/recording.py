"""
Facts about messages, and what follows from them at once.

    hard bounce     the address is suppressed
    soft bounce     counts for the address; too many days in a row suppress it
    reputation      counts for the campaign, which is paused at too many; never for the address
    complaint       the address is suppressed and the person's objection is recorded

What is about the message that asks to confirm a sign-up goes to `confirming`.

Whatever order reports arrive in and however often each comes, the outcome is the same: what follows
is read off the set of facts, not off the order of learning them.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from campaigns import reconcile
from campaigns.channels.base import ACCEPTED_AS
from campaigns.enums import BounceClass, DeliveryState, ReportKind
from campaigns.models import Delivery, DeliveryReport
from campaigns.returns import budget, confirming, naming, scoring
from campaigns.returns.parsing import Finding
from consent import ledger, locks, peppers
from consent.enums import SuppressionReason
from customers import events
from customers.enums import EventKind
from customers.models import Customer


SMTP = "smtp"
"""The source of refusals in the conversation itself."""
_ADDRESS_LOCK = (
    0xB0C  # first key of the advisory locks by which soft bounces of an address queue up
)
_ACCEPTED = (ReportKind.DELIVERED, ReportKind.BOUNCED, ReportKind.COMPLAINED, ReportKind.DELAYED)


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """
    One fact as it came. `identity` tells copies of it from other facts of the same `source`.

    The delivery is named by `delivery_id`, by marks of ours (returns.naming), or by the number that
    a provider gave the message; `address` is then the recipient as the provider names it.
    """

    source: str
    identity: str
    kind: ReportKind
    bounce: BounceClass | None = None
    status: str = ""
    detail: str = ""
    happened_at: datetime | None = None
    delivery_id: int | None = None
    marks: tuple[str, ...] = ()
    provider_number: str = ""
    address: str = ""

    @property
    def key(self) -> str:
        """Keyed, because an identity may hold an address."""
        told = f"{self.source}\x1f{self.identity}".encode()
        return hmac.digest(settings.SUPPRESSION_PEPPER, told, "sha256").hex()


def of_mail(finding: Finding, *, fingerprint: str) -> Incoming:
    """`fingerprint` stands for a mail that has no Message-ID of its own."""
    return Incoming(
        source=finding.source, kind=finding.kind, bounce=finding.bounce, status=finding.status,
        detail=finding.detail, happened_at=finding.happened_at, marks=finding.marks,
        identity="\x1f".join([finding.own_id or fingerprint, *sorted(finding.marks)]),
    )  # fmt: skip


def record(incoming: Incoming, *, now: datetime) -> bool:
    """Keep a fact and do what follows; False when it is known. One transaction."""
    with transaction.atomic():
        delivery, services = _match(incoming), confirming.named_by(incoming.marks)
        if services and (len(services) > 1 or naming.deliveries(incoming.marks)):
            delivery, services = None, set()  # it names several: it is for none of them
        if delivery is None and not services and incoming.provider_number:
            services = confirming.by_provider(incoming.provider_number, _hmacs(incoming.address))
        if services:
            return confirming.follow(
                services.pop(), kind=incoming.kind, bounce=incoming.bounce,
                detail=incoming.detail, now=now,
            )  # fmt: skip
        report, is_new = DeliveryReport.objects.get_or_create(
            key=incoming.key,
            defaults={
                "source": incoming.source[:20],
                "kind": incoming.kind,
                "bounce": incoming.bounce or "",
                "status": incoming.status[:12],
                "detail": incoming.detail.replace("\x00", " ")[:300],
                "happened_at": min(incoming.happened_at or now, now),
                "arrived_at": now,
                "delivery": delivery,
                "campaign_id": delivery.campaign_id if delivery else None,
                "provider_number": incoming.provider_number[:250],
                "address_hmac": _hmac(incoming.address),
            },
        )
        if is_new and delivery is not None:
            _lock([delivery])
            _follow(report, delivery, now=now)
    return is_new


def match_waiting(*, now: datetime, at_most: int = 1000) -> int:
    """Give reports that came before their message was marked to it; returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT report.id, delivery.id
               FROM campaigns_deliveryreport report JOIN campaigns_delivery delivery
                 ON delivery.reply LIKE 'accepted as %%'
                AND delivery.reply = 'accepted as ' || report.provider_number
                AND (report.address_hmac = '' OR report.address_hmac = delivery.address_hmac
                     -- it may have been sent before the suppression list got a new key
                     OR EXISTS (SELECT FROM consent_addresskey known
                                WHERE known.address_hmac = report.address_hmac
                                  AND known.former_hmac = delivery.address_hmac))
               WHERE report.delivery_id IS NULL AND NOT (report.provider_number = '')
               ORDER BY report.id LIMIT %s FOR UPDATE OF report SKIP LOCKED""",
            [at_most],
        )
        pairs = dict(cursor.fetchall())
        deliveries = Delivery.objects.select_related("customer").in_bulk(pairs.values())
        _lock(deliveries.values())
        waiting = DeliveryReport.objects.filter(pk__in=pairs, delivery=None)
        for report in sorted(  # addresses are locked in one order, here and in handover.mark
            waiting, key=lambda one: (deliveries[pairs[one.pk]].address_hmac, one.pk)
        ):
            delivery = deliveries[pairs[report.pk]]
            report.delivery, report.campaign_id = delivery, delivery.campaign_id
            report.save(update_fields=["delivery", "campaign"])
            _follow(report, delivery, now=now)
    return len(pairs)


def record_all(incoming: Iterable[Incoming], *, now: datetime) -> int:
    """Each in a transaction of its own; returns how many are new."""
    return sum(record(one, now=now) for one in incoming)


def settle_reported(delivery_ids: Collection[int], *, now: datetime) -> None:
    """Of deliveries that just became UNKNOWN, settle those about which something has come back before."""
    reported = DeliveryReport.objects.filter(delivery__in=delivery_ids, kind__in=_ACCEPTED)
    known = Delivery.objects.select_related("campaign").filter(pk__in=reported.values("delivery"))
    reconcile.settle(delivered=list(known), lost=[], word="by what came back", now=now)


def _match(incoming: Incoming) -> Delivery | None:
    known = Delivery.objects.select_related("customer")
    named = {incoming.delivery_id} if incoming.delivery_id else naming.deliveries(incoming.marks)
    if named:  # two different ones: it is for neither
        return known.filter(pk=named.pop()).first() if len(named) == 1 else None
    if not incoming.provider_number:
        return None
    reply = ACCEPTED_AS + incoming.provider_number
    found = known.filter(reply__startswith=ACCEPTED_AS, reply=reply[:300]).first()
    if found and incoming.address and found.address_hmac not in _hmacs(incoming.address):
        return None
    return found


def _hmac(address: str) -> str:
    return next(iter(_hmacs(address)), "")


def _hmacs(address: str) -> list[str]:
    """Under every key that is given: the message may have left before there was a new one."""
    return peppers.hmacs(address) if address else []


# ---------------------------------------------------------------- what follows
def _lock(deliveries: Iterable[Delivery]) -> None:
    """
    All of them first, as a hand-over does: deliveries, then consents, each in one order.

    Their states are those of now: a sender may be making one UNKNOWN at this moment, and asks for reports then.
    """
    known = {delivery.pk: delivery for delivery in deliveries}
    fresh = Delivery.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk")
    for number, state in fresh.values_list("pk", "state"):
        known[number].state = state
    locks.lock_addresses(delivery.address_hmac for delivery in known.values())


def _follow(report: DeliveryReport, delivery: Delivery, *, now: datetime) -> None:
    """What a report of a delivery that is locked has for a consequence."""
    if report.kind in _ACCEPTED and delivery.state == DeliveryState.UNKNOWN:
        reconcile.settle(delivered=[delivery], lost=[], word="by what came back", now=now)
    if report.kind == ReportKind.COMPLAINED:
        _complaint(report, delivery, now=now)
    elif report.kind == ReportKind.UNSUBSCRIBED:
        ledger.unsubscribe(
            customer_id=delivery.customer_id, method="provider", now=now,
            campaign_id=delivery.campaign_id, delivery_id=delivery.pk,
        )  # fmt: skip
    elif report.kind == ReportKind.BOUNCED:
        _BOUNCES[BounceClass(report.bounce)](report, delivery, now=now)


def _complaint(report: DeliveryReport, delivery: Delivery, *, now: datetime) -> None:
    # a delivery from before addresses were noted: then the one that the customer has, whoever that is by now
    address = delivery.address_hmac or (
        Customer.objects.values_list("email_hmac", flat=True).get(
            pk=ledger.living(delivery.customer_id)
        )
    )
    ledger.complain(
        customer_id=delivery.customer_id, happened_at=report.happened_at, now=now,
        campaign_id=delivery.campaign_id, delivery_id=delivery.pk,
        address_hmac=address,
    )  # fmt: skip


def _hard(report: DeliveryReport, delivery: Delivery, *, now: datetime) -> None:
    _suppress(delivery, SuppressionReason.HARD_BOUNCE, now=now)
    _tell(report, delivery, "hard", now=now)


def _soft(report: DeliveryReport, delivery: Delivery, *, now: datetime) -> None:
    _tell(report, delivery, "soft", now=now)
    if not delivery.address_hmac:
        return
    with connection.cursor() as cursor:  # of two at once, the second sees the first
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))",
            [_ADDRESS_LOCK, delivery.address_hmac],
        )
        cursor.execute(
            """SELECT DISTINCT (report.happened_at AT TIME ZONE 'UTC')::date
               FROM campaigns_deliveryreport report
               JOIN campaigns_delivery delivery ON delivery.id = report.delivery_id
               WHERE delivery.address_hmac = %s AND NOT (delivery.address_hmac = '')
                 AND report.kind = %s AND report.bounce = %s
                 AND report.happened_at > COALESCE(  -- what staff have lifted does not count again
                     (SELECT max(lifted_at) FROM consent_suppression WHERE address_hmac = %s),
                     '-infinity')""",
            [delivery.address_hmac, ReportKind.BOUNCED, BounceClass.SOFT, delivery.address_hmac],
        )
        days = [row[0] for row in cursor.fetchall()]
    if scoring.is_dead(days):
        _suppress(delivery, SuppressionReason.SOFT_BOUNCES, now=now)


def _reputation(report: DeliveryReport, delivery: Delivery, *, now: datetime) -> None:
    if report.source != SMTP:  # handover.mark counts those at each attempt
        budget.count_reputation(delivery.campaign_id, 1)


_BOUNCES = {
    BounceClass.HARD: _hard,
    BounceClass.SOFT: _soft,
    BounceClass.REPUTATION: _reputation,
}


def _suppress(delivery: Delivery, reason: SuppressionReason, *, now: datetime) -> None:
    """The address that the message went to, whatever address the customer has now."""
    if delivery.address_hmac:
        ledger.suppress(
            address_hmac=delivery.address_hmac, reason=reason, now=now,
            detail=f"delivery {delivery.pk}",
        )  # fmt: skip


def _tell(report: DeliveryReport, delivery: Delivery, said: str, *, now: datetime) -> None:
    """
    Add the bounce to the ledger, once for a delivery and class.

    The ledger's readers suppress the address that the customer has now: where that is another one by
    now, the bounce must not be called a hard one.
    """
    properties = {"class": said, "status": report.status}
    if said == "hard" and delivery.customer.email_hmac != delivery.address_hmac:
        properties = {"class": "soft", "status": report.status, "of": "a former address"}
    events.record(
        source=None, customer_id=delivery.customer_id, kind=EventKind.BOUNCED,
        happened_at=report.happened_at, arrived_at=now, campaign_id=delivery.campaign_id,
        delivery_id=delivery.pk, properties=properties,
        external_id=f"delivery:{delivery.pk}:{EventKind.BOUNCED}"
        + ("" if said == "hard" else f":{said}"),
    )  # fmt: skip
