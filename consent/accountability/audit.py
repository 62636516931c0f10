"""
Who looked at, or took away, data about people: staff in the admin, and programs with a key.

A middleware writes a row for every answer that shows such data: lists and pages of models that have a
holder (personal_data), the pages of our own that are named here, and what the API hands out. An answer
of a page of people is one row with their numbers; no other personal data is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.response import Response

from consent.desk.personal_data import holders
from consent.models import PersonalDataAccess
from core import clock, watermarks
from customers import masking
from customers.models import Customer
from gateway.models import Export


Answer = Callable[[HttpRequest], HttpResponse]

VIEW, EXPORT = "VIEW", "EXPORT"
STAFF, KEY, COMMAND = "STAFF", "KEY", "COMMAND"
EXPORTS = {"data_request_copy", "segment_export"}
PAGES = {
    "data_request_page", "segment_page", "said_page", "inbound", "tail", "rejected", "preview",
}  # fmt: skip
"""Names of routes of our own pages that show people; one with a `customer_id` always does."""
OF_CUSTOMERS = {"list_customers", "get_customer"}
"""Operations of the API whose `id` is a customer's."""


@dataclass(kw_only=True)
class File:
    """What a view says of the file that it hands out; see `take_away`."""

    mark: str
    numbers: Collection[int] | None
    people: int
    with_addresses: bool


@dataclass(kw_only=True)
class _Look:
    via: str
    actor: str
    what: str
    action: str = VIEW
    numbers: Collection[int] = field(default_factory=list)
    with_addresses: bool = False


class AuditMiddleware:
    """After a page was answered, in the same request; nothing is written for what was refused."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 200 and request.resolver_match is not None:
            note(request, response)
        return response


def take_away(
    request: HttpRequest,
    *,
    numbers: Collection[int],
    with_addresses: bool,
) -> str:
    """
    Say that this request hands out a file about the customers `numbers`; returns the stamp for its rows.

    Whether it may have addresses is for the caller to ask: then they are not masked.

    The row is written when the answer has begun, by the middleware.
    """
    mark = watermarks.new()
    request.personal_file = File(  # type: ignore[attr-defined] # read by `note`
        mark=mark, numbers=numbers, people=len(set(numbers)), with_addresses=with_addresses
    )
    if with_addresses:
        masking.unmask(request)
    return watermarks.stamp(mark, who=request.user.get_username(), at=clock.now())


def note(request: HttpRequest, response: HttpResponse) -> None:
    if request.path.startswith("/api/"):
        _note_program(request, response)
    elif "admin" in request.path:
        _note_staff(request, response)


def changed(request: HttpRequest, *, what: str, numbers: Collection[int]) -> None:
    """A member of staff corrected data about these customers; of the values nothing is written."""
    actor = request.user.get_username()
    write(_Look(via=STAFF, actor=actor, what=what, action="CHANGE", numbers=numbers))


def write(look: _Look, *, file: File | None = None) -> None:
    numbers = set(look.numbers if file is None else file.numbers or ())
    PersonalDataAccess.objects.create(
        at=clock.now(),
        via=look.via,
        actor=look.actor[:150],
        action=look.action,
        what=look.what[:100],
        customer_number=next(iter(numbers)) if len(numbers) == 1 else None,
        people=len(numbers) if file is None else file.people,
        numbers=watermarks.packed(numbers) if len(numbers) > 1 else None,
        with_addresses=look.with_addresses if file is None else file.with_addresses,
        mark="" if file is None else file.mark,
    )


def by_command(
    *, what: str, action: str, numbers: Collection[int], with_addresses: bool, mark: str = ""
) -> None:
    """Write down what somebody at the command line looked at or took away."""
    look = _Look(
        via=COMMAND, actor="command line", what=what, action=action, numbers=numbers,
        with_addresses=with_addresses,
    )  # fmt: skip
    file = File(mark=mark, numbers=numbers, people=len(set(numbers)), with_addresses=with_addresses)
    write(look, file=file)


# ---------------------------------------------------------------- staff
_ONE = ("original", "object", "chosen")
"""What pages call the row that they are of, and the customer for whom a message is shown."""


def _note_staff(request: HttpRequest, response: HttpResponse) -> None:
    match = request.resolver_match
    user = getattr(request, "user", None)
    if match is None or user is None or not user.is_staff:
        return
    name = match.url_name or ""
    of_one = match.kwargs.get("customer_id")
    if name in {"customers_customer_change", "customers_customer_history"}:
        of_one = match.kwargs["object_id"]
    if of_one is None and not _shows_people(name):
        return
    file: File | None = getattr(request, "personal_file", None)
    is_export = name in EXPORTS or "attachment" in response.get("Content-Disposition", "")
    numbers = [int(str(of_one))] if str(of_one).isdecimal() else _on_page(response)
    look = _Look(
        via=STAFF,
        actor=user.get_username(),
        what=name,
        action=EXPORT if is_export else VIEW,
        numbers=numbers,
        with_addresses=user.has_perm("customers.see_addresses"),
    )
    write(look, file=file)


def _shows_people(name: str) -> bool:
    if name in EXPORTS or name in PAGES:
        return True
    model, _, page = name.rpartition("_")
    return page in {"changelist", "change", "history"} and model in _models()


def _models() -> set[str]:
    return {
        f"{holder.model._meta.app_label}_{holder.model._meta.model_name}" for holder in holders()
    }


def _on_page(response: HttpResponse) -> list[int]:
    """Of a list the customers on it, of a page the one it is about."""
    context: Any = getattr(response, "context_data", None) or {}
    rows = getattr(context.get("cl"), "result_list", None)
    if rows is None:
        rows = [one for name in _ONE if (one := context.get(name)) is not None]
    found = (
        row.pk if isinstance(row, Customer) else getattr(row, "customer_id", None) for row in rows
    )
    return [number for number in found if number is not None]


# ---------------------------------------------------------------- programs
def _note_program(request: HttpRequest, response: HttpResponse) -> None:
    if not isinstance(response, Response):
        _note_download(request, response)
        return
    found = _operation(response)
    if found is None or request.method != "GET":
        return
    view, name = found
    match = request.resolver_match
    numbers: set[int] = set()
    if match is not None and "customers/<int:number>" in match.route:
        numbers.add(match.kwargs["number"])
    numbers.update(_told(response.data, key="id" if name in OF_CUSTOMERS else "customer_id"))
    if numbers:
        write(
            _Look(
                via=KEY,
                actor=view.key.name,
                what=name,
                numbers=numbers,
                with_addresses=name in OF_CUSTOMERS and view.key.may("customers:pii"),
            )
        )


def _operation(response: Response) -> tuple[Any, str] | None:
    view = (getattr(response, "renderer_context", None) or {}).get("view")
    name = getattr(getattr(view, getattr(view, "action", None) or "", None), "operation", None)
    return None if name is None else (view, name)


def _told(data: Any, *, key: str) -> set[int]:
    """The numbers under `key` in an answer: of one row, or of a page of rows."""
    if not isinstance(data, dict):
        return set()
    rows = data.get("results", [data])
    return {row[key] for row in rows if isinstance(row, dict) and isinstance(row.get(key), int)}


def _note_download(request: HttpRequest, response: HttpResponse) -> None:
    match = request.resolver_match
    if match is None or not match.route.endswith("exports/<int:number>/file"):
        return
    export = Export.objects.select_related("key").get(pk=match.kwargs["number"])
    look = _Look(via=KEY, actor=export.key.name, what="download_export", action=EXPORT)
    # whom it holds is kept with the export, once
    file = File(
        mark=export.mark, numbers=None, people=export.people, with_addresses=export.with_pii
    )
    write(look, file=file)
