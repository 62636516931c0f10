"""The page of a segment: who is in it, what sets them apart, what they are worth, whom one may mail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from consent.reach import with_reach
from core import clock
from customers import display
from customers.enums import OrderStatus
from customers.models import Customer, Order
from customers.screens import page, staff_page
from segmentation import dynamic, previewing, profiles, trends, usage
from segmentation.enums import MADE_BY_STAFF, SegmentKind, SegmentStatus
from segmentation.models import Membership, MembershipChange, Segment
from segmentation.rules import RuleError, parse
from segmentation.segment_pages.reach import with_change, with_reach_of_segment
from segmentation.segment_pages.worth import NET_SALES
from segmentation.words import words_of


SAMPLE = 12
PUT_RIGHT = "Put right by the nightly check"
LATELY = 10
YEAR = timedelta(days=365)


@staff_page("segmentation.view_segment", "customers.view_customer")
def segment_page(request: HttpRequest, segment_id: int) -> HttpResponse:
    now = clock.now()
    segment = get_object_or_404(
        with_change(with_reach_of_segment(Segment.everything.all()), now=now), pk=segment_id
    )
    return page(
        request,
        "pages/segment.html",
        title=segment.name,
        opts=Segment._meta,
        object=segment,
        segment=segment,
        words=_words(segment),
        state=_state(segment),
        limits=_limits(segment),
        worth=_worth(segment, now=now),
        **_profile(segment),
        trend=trends.of_segment(segment, now=now),
        uses=usage.of_segments([segment.pk])[segment.pk],
        versions=list(segment.versions.select_related("changed_by").order_by("-number")),
        is_rule=segment.kind == SegmentKind.RULE,
        is_static=segment.kind == SegmentKind.STATIC,
        is_ours=segment.kind in MADE_BY_STAFF,
        sample=_sample(segment),
        lately=_lately(segment),
    )


def _words(segment: Segment) -> str:
    if segment.kind != SegmentKind.RULE or segment.deleted_at:
        return ""
    try:
        rule = parse(segment.definition)
        return f"{words_of(rule)} {dynamic.ONCE_A_DAY}" if rule.uses.relative else words_of(rule)
    except RuleError as error:
        return f"This rule cannot be read any more: {error}"


def _state(segment: Segment) -> dict[str, str]:
    """What is true of the members shown: a word with a tone, and a sentence."""
    if segment.deleted_at or segment.archived_at:
        word = "Deleted" if segment.deleted_at else "Archived"
        at = segment.deleted_at or segment.archived_at
        kept = "Who was in it when is kept" + (
            "." if segment.deleted_at else ", and it can be brought back under Manage."
        )
        return {
            "tone": "warn",
            "word": f"{word} since {at:%-d %b %Y, %H:%M} UTC",
            "detail": f"Nobody is in it, and nothing can choose it. {kept}",
        }
    shown = (
        f"What you see is who was in it on {segment.refreshed_at:%-d %b %Y, %H:%M} UTC."
        if segment.refreshed_at
        else "It has never been computed, so nobody is shown."
    )
    if segment.status == SegmentStatus.FAILED:
        since = (
            f" since {segment.status_since:%-d %b %Y, %H:%M} UTC" if segment.status_since else ""
        )
        return {"tone": "bad", "word": f"Failed{since}", "detail": f"{segment.problem} {shown}"}
    if segment.status != SegmentStatus.OK:
        return {"tone": "warn", "word": segment.get_status_display(), "detail": shown}
    if segment.problem:
        return {"tone": "warn", "word": PUT_RIGHT, "detail": segment.problem}
    return {"tone": "good", "word": segment.get_status_display(), "detail": ""}


def _limits(segment: Segment) -> str:
    """Of segments by a scale over all customers: as of when it is, for those who change during the day."""
    if segment.kind not in {SegmentKind.RFM, SegmentKind.SCORE} or segment.refreshed_at is None:
        return ""
    return (
        "Its limits are shares of all customers, worked out once a day. Who changes meanwhile is placed by those"
        f" of {segment.refreshed_at:%-d %b %Y, %H:%M} UTC."
    )


def _profile(segment: Segment) -> dict[str, Any]:
    """`profile`, or None and in `no_profile` why, in words. Neither for a segment without members."""
    profile, problem = None, ""
    try:
        if segment.size:
            with previewing.tables() as database:
                profile = profiles.of_segment(database, segment)
    except previewing.TooSlowError:
        problem = (
            f"Describing the members took longer than {previewing.LIMIT.seconds} seconds and was stopped."
            " Try again when the server has less to do."
        )
    except previewing.NotReadError:
        problem = "The analytic tables are not read yet; they will be within minutes."
    return {"profile": profile, "no_profile": problem}


_WORTH = f"""
    WITH sums AS ({NET_SALES}
    )
    SELECT COALESCE(sum(cents), 0)::bigint,
           COALESCE(sum(cents) FILTER (WHERE customer_id IN (
               SELECT customer_id FROM segmentation_membership WHERE segment_id = %(segment)s)), 0)::bigint
    FROM sums"""


def _worth(segment: Segment, *, now: datetime) -> dict[str, Any]:
    """Net sales of the last year: of the members, of the shop, and the share; cents."""
    with connection.cursor() as cursor:
        cursor.execute(_WORTH, {"segment": segment.pk, "since": now - YEAR})
        of_shop, of_segment = cursor.fetchone()
    living = Customer.objects.filter(erased_at=None, merged_into=None).count()
    return {
        "net_cents": of_segment,
        "share_of_revenue": of_segment / of_shop if of_shop > 0 else None,
        "of_shop": _part(of_segment / of_shop if of_shop > 0 else None, "the shop’s sales"),
        "of_customers": _part(segment.size / living if living else None, "all customers"),
        "net_each_cents": of_segment / segment.size if segment.size else None,
    }


def _part(share: float | None, whole: str) -> str:
    """A share in words; small ones are not none."""
    if share is None:
        return ""
    if 0 < share < 0.001:
        return f"less than 0.1\u00a0% of {whole}"
    return f"{display.percent(share)} of {whole}" if share else f"none of {whole}"


def _lately(segment: Segment) -> QuerySet[MembershipChange]:
    return (
        MembershipChange.objects.filter(segment=segment)
        .select_related("customer")
        .order_by("-changed_at", "-pk")[:LATELY]
    )


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
