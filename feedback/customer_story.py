"""What is known of one customer, gathered for their page. Reads only; every list is cut to a length."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Min, Sum
from django.urls import reverse

from campaigns.models import Campaign, Delivery
from consent import gate
from consent.desk.restricting import GROUNDS
from consent.enums import Channel, Purpose, Refusal, RequestKind, RequestStatus
from consent.models import ConsentEvent, ConsentState, DataRequest, Suppression
from customers import display
from customers.enums import EventKind, MergeReason, OrderStatus
from customers.models import Alias, Customer, Event, Merge, Order, Refund, Review
from customers.queries import counted_refunds
from customers.special import finding
from segmentation import withheld
from segmentation.enums import SegmentKind
from segmentation.models import Membership, ReviewSentiment, Segment


PAGE = 40  # entries of the timeline at a time
_ORDERS = {
    OrderStatus.PLACED: "Order",
    OrderStatus.PENDING: "Order not yet paid",
    OrderStatus.CANCELLED: "Cancelled order",
    OrderStatus.TEST: "Test order",
}
_CONSENTS = (EventKind.CONSENT_GIVEN, EventKind.CONSENT_WITHDRAWN, EventKind.CONSENT_CLAIMED)


@dataclass(frozen=True, kw_only=True)
class Reach:
    """May they be mailed; if not, `why` in words, with the day and the evidence where there is any."""

    yes: bool
    why: str
    since: datetime | None


def reach(customer: Customer) -> Reach:
    refusal = gate.refusal(customer)
    if refusal is None:
        state = ConsentState.objects.filter(
            customer=customer, purpose=Purpose.MARKETING, channel=Channel.EMAIL
        ).first()
        return Reach(
            yes=True, why="Agreed to promotions and news", since=state.since if state else None
        )
    if refusal is Refusal.SUPPRESSED:
        suppression = Suppression.objects.filter(
            address_hmac=customer.email_hmac, channel=Channel.EMAIL, lifted_at__isnull=True
        ).first()
        if suppression is not None:
            return Reach(
                yes=False,
                why=f"Suppressed: {suppression.get_reason_display().lower()}",
                since=suppression.created_at,
            )
    if refusal is Refusal.NO_CONSENT:
        last = (
            ConsentEvent.objects.filter(
                customer=customer, purpose=Purpose.MARKETING, channel=Channel.EMAIL
            )
            .order_by("-happened_at", "-pk")
            .first()
        )
        if last is None:
            return Reach(yes=False, why="Never agreed to promotions", since=None)
        why = f"Consent {last.get_act_display().lower()}"
        if last.reason:
            why += f" ({last.get_reason_display()[0].lower()}{last.get_reason_display()[1:]})"
        return Reach(yes=False, why=why, since=last.happened_at)
    if refusal is Refusal.RESTRICTED:
        asked = DataRequest.objects.filter(
            customer=customer, kind=RequestKind.RESTRICTION, status=RequestStatus.DONE
        )
        last_asked = asked.order_by("-done_at").first()
        ground = GROUNDS.get(last_asked.result.get("ground", ""), "") if last_asked else ""
        why = f"{refusal.label}. {ground}" if ground else str(refusal.label)
        return Reach(yes=False, why=why, since=customer.restricted_at)
    return Reach(yes=False, why=str(refusal.label), since=customer.erased_at)


@dataclass(frozen=True, kw_only=True)
class Buying:
    """Orders in numbers; money in cents, gaps in days (None below three orders)."""

    net_cents: int
    orders: int
    average_cents: float | None
    first_at: datetime | None
    last_at: datetime | None
    days_since: int | None
    usual_gap_days: float | None

    @property
    def overdue(self) -> bool:
        """Quiet for twice the usual time."""
        return (
            self.days_since is not None
            and self.usual_gap_days is not None
            and self.days_since > 2 * self.usual_gap_days
        )


def buying(customer: Customer, *, now: datetime) -> Buying:
    sales = Order.objects.filter(customer=customer, status=OrderStatus.PLACED)
    sums = sales.aggregate(s=Sum("total_cents"), first=Min("placed_at"), last=Max("placed_at"))
    refunded = (
        counted_refunds().filter(customer=customer).aggregate(s=Sum("amount_cents"))["s"] or 0
    )
    moments = list(sales.order_by("placed_at").values_list("placed_at", flat=True))
    gaps = [
        (later - earlier).total_seconds() / 86_400 for earlier, later in itertools.pairwise(moments)
    ]
    gross = sums["s"] or 0
    return Buying(
        net_cents=gross - refunded,
        orders=len(moments),
        average_cents=gross / len(moments) if moments else None,
        first_at=sums["first"],
        last_at=sums["last"],
        days_since=(now - sums["last"]).days if sums["last"] else None,
        # the mean, as the reasons of scores tell it
        usual_gap_days=statistics.fmean(gaps) if len(gaps) >= 2 else None,
    )


def segments(customer: Customer) -> list[Segment]:
    shown = Membership.objects.filter(customer=customer).exclude(withheld.memberships())
    ids = shown.values("segment_id")
    return list(Segment.objects.filter(pk__in=ids).order_by("kind", "name"))


def rfm_group(found: list[Segment]) -> Segment | None:
    return next((one for one in found if one.kind == SegmentKind.RFM), None)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the timeline. `tone` is good, warn, bad or note; `link` may be empty."""

    at: datetime
    title: str
    detail: str = ""
    link: str = ""
    tone: str = ""


def timeline(customer: Customer, *, before: datetime) -> list[Entry]:
    """The newest PAGE + 1 things that happened before `before`; one more than is shown."""
    entries = [
        *_orders(customer, before=before),
        *_refunds(customer, before=before),
        *_reviews(customer, before=before),
        *_events(customer, before=before),
        *_consents(customer, before=before),
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[: PAGE + 1]


def _orders(customer: Customer, *, before: datetime) -> Iterator[Entry]:
    orders = Order.objects.filter(customer=customer, placed_at__lt=before).order_by("-placed_at")
    for order in orders[: PAGE + 1]:
        yield Entry(
            at=order.placed_at,
            title=f"{_ORDERS[OrderStatus(order.status)]} {order.external_id}",
            detail=display.money(order.total_cents, currency=order.currency)
            + (f" by {order.channel.lower()}" if order.channel else ""),
            link=reverse("admin:customers_order_change", args=[order.pk]),
            tone="good" if order.status == OrderStatus.PLACED else "warn",
        )


def _refunds(customer: Customer, *, before: datetime) -> Iterator[Entry]:
    refunds = Refund.objects.filter(customer=customer, refunded_at__lt=before)
    for refund in refunds.order_by("-refunded_at")[: PAGE + 1]:
        yield Entry(
            at=refund.refunded_at,
            title="Refund",
            detail=display.money(refund.amount_cents)
            + (f": {refund.reason}" if refund.reason else ""),
            tone="warn",
        )


def _reviews(customer: Customer, *, before: datetime) -> Iterator[Entry]:
    reviews = list(
        Review.objects.filter(customer=customer, written_at__lt=before)
        .select_related("product")
        .order_by("-written_at")[: PAGE + 1]
    )
    found = {row.review_id: row for row in ReviewSentiment.objects.filter(review__in=reviews)}
    for review in reviews:
        row = found.get(review.pk)
        says = f" Its words: {row.get_label_display().lower()}." if row else ""
        yield Entry(
            at=review.written_at,
            title=f"Review of {review.product or 'the shop'}",
            detail=(f"{review.rating} of 5. " if review.rating else "") + _text(review) + says,
            tone="note",
        )


def _text(review: Review) -> str:
    return finding.NOT_SHOWN if finding.is_special(review.title, review.text) else review.text[:200]


def _events(customer: Customer, *, before: datetime) -> Iterator[Entry]:
    events = list(
        Event.objects.filter(customer=customer, happened_at__lt=before)
        # consent has its own lines, with more in them
        .exclude(kind__in=_CONSENTS)
        .order_by("-happened_at")[: PAGE + 1]
    )
    names = dict(
        Campaign.objects.filter(pk__in={one.campaign_id for one in events}).values_list(
            "pk", "name"
        )
    )
    bad = {EventKind.BOUNCED, EventKind.COMPLAINED, EventKind.UNSUBSCRIBED}
    for event in events:
        campaign = event.campaign_id
        about = names.get(campaign, "") if campaign else ""
        yield Entry(
            at=event.happened_at,
            title=event.name or event.get_kind_display(),
            detail=" · ".join(part for part in (about, *_remarks(event)) if part),
            link=reverse("campaign_pages:campaign", args=[campaign]) if campaign in names else "",
            tone="bad" if event.kind in bad else "",
        )


def _remarks(event: Event) -> Iterator[str]:
    if event.kind in (EventKind.MERGED, EventKind.UNMERGED):
        reason = str(event.properties.get("reason", ""))
        if event.kind == EventKind.MERGED and reason in MergeReason.values:
            yield str(MergeReason(reason).label)
        number = event.properties.get("absorbed_customer_id")
        other = Customer.objects.filter(pk=number).first() if isinstance(number, int) else None
        if other is not None:
            yield display.customer_number(other.external_id)
    if event.historical:
        yield f"learned of long after, on {display.day(event.arrived_at)}"
    if not event.may_profile:
        yield "not used for profiling"


def _consents(customer: Customer, *, before: datetime) -> Iterator[Entry]:
    acts = ConsentEvent.objects.filter(customer=customer, happened_at__lt=before)
    for act in acts.order_by("-happened_at")[: PAGE + 1]:
        yield Entry(
            at=act.happened_at,
            title=f"Consent {act.get_act_display().lower()}: {act.get_purpose_display()}",
            detail=f"by {act.method}",
            tone="note",
        )


def merges(customer: Customer) -> list[Merge]:
    """Who has become a part of the customer, by the newest merge first."""
    rows = Merge.objects.filter(survivor=customer, undone_at=None)
    return list(rows.select_related("absorbed__source").order_by("-pk")[:PAGE])


def names(customer: Customer) -> list[Alias]:
    """Other names than those that a merge has left."""
    rows = Alias.objects.filter(customer=customer, merge=None).select_related("source")
    return list(rows.order_by("-created_at", "-pk")[:PAGE])


def deliveries(customer: Customer) -> list[Delivery]:
    rows = Delivery.objects.filter(customer=customer).select_related("campaign")
    return list(rows.order_by("-campaign__frozen_at", "-pk")[:PAGE])


def consents(customer: Customer) -> list[ConsentEvent]:
    rows = ConsentEvent.objects.filter(customer=customer).select_related("wording")
    return list(rows.order_by("-happened_at", "-pk")[:PAGE])
