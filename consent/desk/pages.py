"""The desk for data requests: one page a request, with what would happen and what did."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from consent.accountability import audit
from consent.desk import certificate, files, request_acting, requests
from consent.desk.forms import NewRequestForm, RefuseForm
from consent.desk.personal_data import Person, holders
from consent.desk.rectifying import FIELDS
from consent.desk.restricting import GROUNDS
from consent.enums import RequestKind, RequestStatus
from consent.models import DataRequest
from core import clock
from core.watermarks import COLUMN
from customers.models import Customer
from customers.screens import page, staff_page


log = logging.getLogger(__name__)

VIEW = "consent.view_datarequest"
ACT = "consent.carry_out_datarequest"
_PAGE = "admin:data_request_page"
NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class Held:
    """A line of the preview or of a copy: a table, its rows, and what an erasure leaves."""

    what: str
    rows: int | None
    keeps: str


def preview(person: Person) -> list[Held]:
    """What is held about a person, by holder; holders with nothing are left out."""
    found = [
        Held(what=holder.what, rows=holder.rows(person).count(), keeps=holder.keeps)
        for holder in holders()
    ]
    return [held for held in found if held.rows]


def proof(result: dict[str, Any]) -> list[Held]:
    return [
        Held(what=what, rows=rows, keeps="")
        for what, rows in sorted(result.get("rows", {}).items())
    ]


@staff_page(VIEW)
def request_page(
    request: HttpRequest,
    request_id: int,
    act_form: Form | None = None,
    refuse_form: RefuseForm | None = None,
) -> HttpResponse:
    row = get_object_or_404(DataRequest.objects.select_related("customer", "source"), pk=request_id)
    is_open = row.status in requests.OPEN
    has_begun = row.status != RequestStatus.RECEIVED
    person = requests.person_of(row) if is_open and not has_begun else Person()
    return page(
        request,
        "pages/data_request.html",
        title=str(row),
        opts=DataRequest._meta,
        object=row,
        row=row,
        is_open=is_open,
        is_erasure=row.kind in certificate.ERASURES,
        has_begun=has_begun,
        names_nobody=requests.names_nobody(row),
        is_overdue=is_overdue(row, now=clock.now()),
        may_act=request.user.has_perm(ACT),
        preview=preview(person),
        people=Customer.objects.filter(pk__in=person.customer_ids).select_related("source"),
        proof=proof(row.result),
        erased=certificate.lines(row.result),
        has_certificate=certificate.is_due(row),
        act_form=act_form or request_acting.form_of(row),
        ground=GROUNDS.get(row.result.get("ground", ""), ""),
        corrected=[FIELDS[name] for name in row.result.get("corrected", ())],
        refuse_form=refuse_form or RefuseForm(),
        status=400 if act_form or refuse_form else 200,
    )


@staff_page(VIEW)
def certificate_page(request: HttpRequest, request_id: int) -> HttpResponse:
    """Of an erasure that is through, to be printed and handed over."""
    found = _certificate(request_id)
    return page(
        request,
        "pages/data_certificate.html",
        title=f"Certificate of erasure {request_id}",
        opts=DataRequest._meta,
        found=found,
    )


@staff_page(VIEW)
def certificate_file(request: HttpRequest, request_id: int) -> HttpResponse:
    text = requests.as_json(certificate.as_json(_certificate(request_id)))
    response = HttpResponse(text, content_type="application/json")
    name = f"certificate-of-erasure-{request_id}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _certificate(request_id: int) -> certificate.Certificate:
    row = get_object_or_404(DataRequest, pk=request_id)
    if not certificate.is_due(row):
        raise Http404
    return certificate.certificate(row)


def is_overdue(row: DataRequest, *, now: datetime) -> bool:
    return row.status in requests.OPEN and row.due_at < now


@staff_page(VIEW, ACT)
def new(request: HttpRequest) -> HttpResponse:
    given = {name: request.GET.get(name) for name in ("customer", "kind")}
    form = NewRequestForm(request.POST or None, initial=given)
    if request.method == "POST" and form.is_valid():
        row = requests.ask(
            kind=RequestKind(form.cleaned_data["kind"]),
            requested_by=request.user.get_username(),
            now=clock.now(),
            **form.whose(),
        )
        return redirect(_PAGE, row.pk)
    number = str(form["customer"].value() or "")
    known = Customer.objects.filter(pk=int(number)) if NUMBER.fullmatch(number) else None
    return page(
        request,
        "pages/data_request_new.html",
        title="New data request",
        opts=DataRequest._meta,
        form=form,
        customer=known.first() if known is not None else None,
    )


@require_POST
@staff_page(VIEW, ACT)
def carry_out(request: HttpRequest, request_id: int) -> HttpResponseBase:
    """Prepare the copy at once; anything else as its form says."""
    row = get_object_or_404(DataRequest.objects.select_related("customer"), pk=request_id)
    form = request_acting.form_of(row, request.POST)
    if form is not None and not form.is_valid():
        return request_page(request, request_id, act_form=form)
    if row.kind == RequestKind.RECTIFICATION and row.customer_id:
        audit.changed(request, what="data_request_carry_out", numbers=[row.customer_id])
    return _then(request, row, lambda: request_acting.act(row, form, now=clock.now()))


@require_POST
@staff_page(VIEW, ACT)
def refuse(request: HttpRequest, request_id: int) -> HttpResponseBase:
    row = get_object_or_404(DataRequest, pk=request_id)
    form = RefuseForm(request.POST)
    if not form.is_valid():
        return request_page(request, request_id, refuse_form=form)
    why = form.cleaned_data["why"]
    return _then(request, row, lambda: requests.refuse(row, why=why, now=clock.now()))


@require_POST
@staff_page(VIEW, ACT)
def delivered(request: HttpRequest, request_id: int) -> HttpResponse:
    row = get_object_or_404(DataRequest, pk=request_id)
    return _then(request, row, lambda: requests.mark_delivered(row, now=clock.now()))


def _then(request: HttpRequest, row: DataRequest, act: Any) -> HttpResponse:
    try:
        act()
    except requests.RequestClosedError as error:
        messages.error(request, str(error))
    return redirect(_PAGE, row.pk)


@staff_page(VIEW, ACT)
def copy(request: HttpRequest, request_id: int) -> HttpResponse:
    """The prepared copy, to be handed to the person."""
    row = get_object_or_404(DataRequest, pk=request_id)
    path = files.exports_folder() / row.export
    if not row.export or not path.is_file():
        raise Http404
    log.info("the copy of data request %d was downloaded by user %s", row.pk, request.user.pk)
    numbers = requests.person_of(row).customer_ids
    stamp = audit.take_away(request, numbers=numbers, with_addresses=True)
    text = requests.as_json({COLUMN: stamp, **json.loads(path.read_bytes())})
    response = HttpResponse(text, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{path.name}"'
    return response
