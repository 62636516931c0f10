"""
Who of the staff looked at, or took away, data about people.

A middleware writes a row for every page of the admin that shows such data: lists and pages of models
that have a holder (personal_data), and the pages of our own that are named here. No personal data is
written, only the number of the customer that a page was of.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from consent.models import PersonalDataAccess
from consent.personal_data import holders
from core import clock


Answer = Callable[[HttpRequest], HttpResponse]

VIEW, EXPORT = "VIEW", "EXPORT"
EXPORTS = {"data_request_copy", "segment_export"}
PAGES = {"data_request_page", "segment_page", "said_page", "inbound"}
"""Names of routes of our own pages that show people; one with a `customer_id` always does."""


class AuditMiddleware:
    """After a page was answered, in the same request; nothing is written for what was refused."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        note(request, response)
        return response


def note(request: HttpRequest, response: HttpResponse) -> None:
    match = request.resolver_match
    if match is None or response.status_code != 200 or "admin" not in request.path:
        return
    name = match.url_name or ""
    of_one = match.kwargs.get("customer_id")
    if name in {"customers_customer_change", "customers_customer_history"}:
        of_one = match.kwargs["object_id"]
    if of_one is None and not _shows_people(name):
        return
    if not getattr(request, "user", None) or not request.user.is_staff:
        return
    is_export = name in EXPORTS or "attachment" in response.get("Content-Disposition", "")
    PersonalDataAccess.objects.create(
        at=clock.now(),
        actor=request.user.get_username(),
        action=EXPORT if is_export else VIEW,
        what=name[:100],
        customer_number=int(str(of_one)) if str(of_one).isdecimal() else None,
    )


def _shows_people(name: str) -> bool:
    if name in EXPORTS or name in PAGES:
        return True
    model, _, page = name.rpartition("_")
    return page in {"changelist", "change", "history"} and model in _models()


def _models() -> set[str]:
    return {
        f"{holder.model._meta.app_label}_{holder.model._meta.model_name}" for holder in holders()
    }
