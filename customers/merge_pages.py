"""Staff say that two customers are one person, or that they are not after all."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from core import clock
from customers.enums import MergeReason
from customers.identity import MergeError, merge, unmerge
from customers.models import Customer, Merge
from customers.screens import page, row_key, staff_page


FOUND_AT_MOST = 10
PATIENCE = "5s"
_PERMISSIONS = ("customers.view_customer", "customers.change_customer")


@staff_page(*_PERMISSIONS)
def merge_customer(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Find the other customer, look at both, and merge by POST."""
    living = Customer.objects.filter(merged_into=None, erased_at=None).select_related("source")
    customer = get_object_or_404(living, pk=customer_id)
    others = living.exclude(pk=customer.pk)
    chosen = request.POST.get("other") or request.GET.get("other")
    other = get_object_or_404(others, pk=row_key(chosen)) if chosen else None
    if request.method == "POST" and other is not None:
        if _try(request, lambda: _merge(customer, other)):
            messages.success(request, f"{other} is a part of {customer} now.")
        return redirect("admin:customer_page", customer.pk)
    search = request.GET.get("search", "").replace("\0", "").strip()
    return page(
        request,
        "pages/merge.html",
        title=f"Merge {customer}",
        opts=Customer._meta,
        customer=customer,
        other=other,
        both=[customer, other],
        search=search,
        found=_search(others, search)[:FOUND_AT_MOST] if search else [],
        same_address=_same_address(others, customer)[:FOUND_AT_MOST],
    )


@staff_page(*_PERMISSIONS)
def undo_merge(request: HttpRequest, merge_id: int) -> HttpResponse:
    """Look at what goes back, and undo by POST."""
    merges = Merge.objects.filter(undone_at=None)
    row = get_object_or_404(
        merges.select_related("survivor__source", "absorbed__source"), pk=merge_id
    )
    if request.method == "POST":
        if _try(request, lambda: unmerge(row, now=clock.now())):
            messages.success(request, "The merge was undone: there are two customers again.")
        return redirect("admin:customer_page", row.survivor_id)
    return page(
        request,
        "pages/unmerge.html",
        title="Undo a merge",
        opts=Customer._meta,
        row=row,
        was=row.before.get("absorbed", {}),
        moved=[
            (label, len(row.moved.get(f"customers_{table}", [])))
            for table, label in (
                ("order", "orders"), ("refund", "refunds"), ("review", "reviews"), ("event", "events"),
            )
        ],
    )  # fmt: skip


def _merge(survivor: Customer, absorbed: Customer) -> None:
    merge(
        survivor=survivor,
        absorbed=absorbed,
        reason=MergeReason.STAFF,
        source=None,
        now=clock.now(),
    )


def _try(request: HttpRequest, work: Callable[[], object]) -> bool:
    """Do it and say so if it cannot be done; nobody waits for a long import before a screen."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            work()
    except MergeError as error:
        messages.error(request, str(error))
    except OperationalError:
        messages.error(
            request, "Data of one of the sources is being brought in. Try again in a minute."
        )
    else:
        return True
    return False


def _search(others: QuerySet[Customer], term: str) -> QuerySet[Customer]:
    named = Q(first_name__istartswith=term) | Q(last_name__istartswith=term)
    return others.filter(Q(external_id=term) | Q(email__istartswith=term) | named).order_by("pk")


def _same_address(others: QuerySet[Customer], customer: Customer) -> QuerySet[Customer]:
    if not customer.email_hmac:
        return others.none()
    return others.filter(email_hmac=customer.email_hmac).order_by("pk")
