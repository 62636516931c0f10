"""The page of a segment: who is in it, what they are worth, whom of them one may mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from consent.reach import with_reach
from core import clock
from customers.enums import OrderStatus
from customers.models import Customer, Order
from customers.queries import counted_refunds
from customers.screens import page, staff_page
from segmentation.models import Membership, MembershipChange, Segment


SAMPLE = 12
YEAR = timedelta(days=365)
WEEK = timedelta(days=7)


def with_reach_of_segment(segments: QuerySet[Segment]) -> QuerySet[Segment]:
    """Adds `reachable`, the number of members who may be mailed."""
    reachable = with_reach(Customer.objects.all()).filter(is_reachable=True).values("pk")
    members = (
        Membership.objects.filter(segment=OuterRef("pk"), customer__in=reachable)
        .order_by()
        .values("segment")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return segments.annotate(reachable=Coalesce(Subquery(members), 0))


@staff_page("segmentation.view_segment", "customers.view_customer")
def segment_page(request: HttpRequest, segment_id: int) -> HttpResponse:
    segment = get_object_or_404(with_reach_of_segment(Segment.objects.all()), pk=segment_id)
    now = clock.now()
    changes = MembershipChange.objects.filter(segment=segment, changed_at__gt=now - WEEK).aggregate(
        come=Count("pk", filter=Q(joined=True)), gone=Count("pk", filter=Q(joined=False))
    )
    return page(
        request,
        "pages/segment.html",
        title=segment.name,
        opts=Segment._meta,
        object=segment,
        segment=segment,
        worth=_worth(segment, now=now),
        changes=changes,
        sample=_sample(segment),
        sample_size=SAMPLE,
    )


def _worth(segment: Segment, *, now: Any) -> dict[str, Any]:
    """Net sales of the last year: of the members, of the shop, and the share; cents."""
    members = Membership.objects.filter(segment=segment).values("customer")
    sales = Order.objects.filter(status=OrderStatus.PLACED, placed_at__gt=now - YEAR)
    refunds = counted_refunds().filter(refunded_at__gt=now - YEAR)

    def net(**condition: Any) -> int:
        gross = sales.filter(**condition).aggregate(s=Sum("total_cents"))["s"] or 0
        return gross - (refunds.filter(**condition).aggregate(s=Sum("amount_cents"))["s"] or 0)

    of_segment, of_shop = net(customer__in=members), net()
    living = Customer.objects.filter(erased_at=None, merged_into=None).count()
    return {
        "net_cents": of_segment,
        "share_of_revenue": of_segment / of_shop if of_shop > 0 else None,
        "share_of_customers": segment.size / living if living else None,
        "net_each_cents": of_segment / segment.size if segment.size else None,
    }


def _sample(segment: Segment) -> QuerySet[Any]:
    """Some members: by hash of the key, so that the same people show until the segment changes."""
    sales = (
        Order.objects.filter(customer=OuterRef("pk"), status=OrderStatus.PLACED)
        .order_by()
        .values("customer")
    )
    some = (
        Membership.objects.filter(segment=segment)
        .annotate(shuffled=(F("customer_id") * 7919) % 104729)
        .order_by("shuffled", "customer_id")
        .values("customer_id")[:SAMPLE]
    )
    sample: QuerySet[Any] = (
        with_reach(Customer.objects.filter(pk__in=list(some.values_list("customer_id", flat=True))))
        .annotate(
            sales=Coalesce(Subquery(sales.annotate(n=Count("pk")).values("n")), 0),
            spend_cents=Coalesce(Subquery(sales.annotate(s=Sum("total_cents")).values("s")), 0),
            ordered_at=Subquery(sales.annotate(t=Max("placed_at")).values("t")),
        )
        .order_by("-spend_cents", "pk")
    )
    return sample
