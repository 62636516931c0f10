"""The page of special data, for the privacy officer: how many texts, of what, and nobody's."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from customers.screens import page, staff_page
from customers.special import finding
from feedback.reports.special import AT_MOST, special_data


@staff_page("consent.view_datarequest")
def special_page(request: HttpRequest) -> HttpResponse:
    return page(
        request,
        "pages/special_data.html",
        title="Special data",
        report=special_data(),
        version=finding.VERSION,
        at_most=AT_MOST,
    )
