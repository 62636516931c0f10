"""The register of processing, to read and to take along; it names nobody."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from consent.accountability import agreement, register
from consent.desk.pages import VIEW
from consent.models import DataRequest
from consent.purposes import PROOF_KEPT
from customers.screens import page, staff_page


@staff_page(VIEW)
def register_page(request: HttpRequest) -> HttpResponse:
    return page(
        request,
        "pages/data_register.html",
        title="Register of processing",
        opts=DataRequest._meta,
        purposes=register.purposes(),
        held=register.held(),
        proof_kept=PROOF_KEPT,
    )


@staff_page(VIEW)
def register_file(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(register.as_csv(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="register-of-processing.csv"'
    return response


@staff_page(VIEW)
def agreement_page(request: HttpRequest) -> HttpResponse:
    return page(
        request,
        "pages/data_agreement.html",
        title="Annex of the processing agreement",
        opts=DataRequest._meta,
        controller=agreement.controller(),
        parties=agreement.sub_processors(),
        unnamed=agreement.unnamed(),
        purposes=register.purposes(),
        measures=agreement.MEASURES,
        categories=agreement.categories(),
    )


@staff_page(VIEW)
def agreement_file(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(agreement.as_csv(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="processing-agreement-annex.csv"'
    return response
