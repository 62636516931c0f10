"""Why a customer has the scores that are shown: a part of their page, computed when it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from core import clock
from customers.models import Customer
from customers.queries import known_until
from customers.screens import page, staff_page
from segmentation import explaining, withheld
from segmentation.enums import Task
from segmentation.ml.wording import Reason


NAMES = {
    Task.CHURN: ("no order within 90 days", "likelier", "less likely"),
    Task.PURCHASE: ("an order within 30 days", "likelier", "less likely"),
    Task.LIFETIME: ("orders in the next 365 days, against rhythm alone", "more", "fewer"),
}
STRONG = 0.25
"""Of all that counts: from here on a reason is said to count much."""


@dataclass(frozen=True, kw_only=True)
class ShownReason:
    """pull: which way it moves the score, in words."""

    words: str
    pull: str
    share: float


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The reasons of one score; `told` where there are none."""

    name: str
    reasons: tuple[ShownReason, ...]
    told: str


def of_customer(customer: Customer) -> list[Shown]:
    """In the order of the tasks; empty when no score is shown of this customer."""
    if withheld.why(customer):
        return []
    found = explaining.of_customer(customer.pk, now=known_until(now=clock.now()))
    shown = []
    for task, (name, more, less) in NAMES.items():
        one = found.get(task)
        if one is not None:
            reasons = tuple(_shown(reason, more=more, less=less) for reason in one.reasons)
            shown.append(Shown(name=name, reasons=reasons, told=one.told))
    return shown


def _shown(reason: Reason, *, more: str, less: str) -> ShownReason:
    pull = more if reason.raises else less
    return ShownReason(
        words=reason.words,
        pull=f"much {pull}" if reason.share >= STRONG else pull,
        share=reason.share,
    )


@staff_page("customers.view_customer")
def why(request: HttpRequest, customer_id: int) -> HttpResponse:
    """The part of the customer's page, or, for who follows the link before it came, a page of its own."""
    customer = get_object_or_404(Customer, pk=customer_id)
    if customer.merged_into_id:
        return redirect("admin:customer_why", customer.merged_into_id)
    explained = of_customer(customer)
    shown: dict[str, Any] = {
        "customer": customer,
        "asked": True,
        "explained": explained,
        "nothing": not explained,
    }
    if request.headers.get("HX-Request"):
        return render(request, "pages/customer_why.html", shown)
    return page(
        request, "pages/customer_why_page.html", title=str(customer), opts=Customer._meta,
        object=customer, **shown,
    )  # fmt: skip
