"""How many members of each segment may be mailed, and how their number changed: for lists and pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from consent.reach import with_reach
from customers.models import Customer
from segmentation.models import Membership, MembershipChange, Segment


WEEK = timedelta(days=7)


def with_reach_of_segment(segments: QuerySet[Segment]) -> QuerySet[Any]:
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


def with_change(segments: QuerySet[Segment], *, now: datetime) -> QuerySet[Any]:
    """Adds `come` and `gone`: how many joined and left in the last 7 days."""
    changes = (
        MembershipChange.objects.filter(segment=OuterRef("pk"), changed_at__gt=now - WEEK)
        .order_by()
        .values("segment")
        .annotate(come=Count("pk", filter=Q(joined=True)), gone=Count("pk", filter=Q(joined=False)))
    )
    return segments.annotate(
        come=Coalesce(Subquery(changes.values("come")), 0),
        gone=Coalesce(Subquery(changes.values("gone")), 0),
    )
