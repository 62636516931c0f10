"""The page of one customer; it lives up here because it shows what every app knows."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from core import clock
from customers.models import Customer
from customers.screens import page, staff_page
from feedback import charts, customer_scores, customer_story
from segmentation import withheld
from segmentation.recommending import stored


@staff_page("customers.view_customer")
def customer_page(request: HttpRequest, customer_id: int) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.select_related("source"), pk=customer_id)
    if customer.merged_into_id:
        return redirect("admin:customer_page", customer.merged_into_id)
    now = clock.now()
    before = _before(request, default=now)
    entries = customer_story.timeline(customer, before=before)
    shown = entries[: customer_story.PAGE]
    segments = customer_story.segments(customer)
    return page(
        request,
        "pages/customer.html",
        title=str(customer),
        opts=Customer._meta,
        object=customer,
        customer=customer,
        reach=customer_story.reach(customer),
        buying=customer_story.buying(customer, now=now),
        scores=customer_scores.of_customer(customer),
        segments=segments,
        withheld=withheld.why(customer),
        rfm=customer_story.rfm_group(segments),
        shelf=stored.of_customer(customer.pk) if not customer.erased_at else None,
        closed=stored.closed_to(customer.pk, now=now),
        strip=charts.monthly_orders(customer, now=now),
        timeline=shown,
        older=int(shown[-1].at.timestamp()) if len(entries) > len(shown) else None,
        is_older=before != now,
        deliveries=customer_story.deliveries(customer),
        consents=customer_story.consents(customer),
        merges=customer_story.merges(customer),
        names=customer_story.names(customer),
    )


def _before(request: HttpRequest, *, default: datetime) -> datetime:
    """`?before=` in epoch seconds; whatever else is there means now."""
    try:
        return datetime.fromtimestamp(int(request.GET["before"]), tz=UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return default
