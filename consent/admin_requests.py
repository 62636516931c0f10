"""The list of data requests: what is due first, and what is overdue in red."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from consent.accountability import register_pages
from consent.desk import pages, requests
from consent.enums import RequestStatus
from consent.models import DataRequest
from core import clock
from customers import display
from customers.screens import row_key
from customers.tables import ReadOnlyAdmin, clipped, column


_UNREADABLE = "Could not be read"


class OpenFilter(admin.SimpleListFilter):
    title = "still to do"
    parameter_name = "todo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("overdue", "Overdue"), ("closed", "Closed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        still_open = queryset.filter(status__in=requests.OPEN)
        if self.value() == "overdue":
            return still_open.filter(due_at__lt=clock.now())
        if self.value() == "closed":
            return queryset.exclude(status__in=requests.OPEN)
        return still_open if self.value() == "open" else queryset


@admin.register(DataRequest)
class DataRequestAdmin(ReadOnlyAdmin):
    list_display = ("what", "whom", "due", "status_label", "received", "requested_by")
    list_filter = (OpenFilter, "kind", "source")
    list_select_related = ("customer", "source")
    search_fields = ("=customer__external_id", "=reference")
    search_help_text = "Customer number, or the number of the request in the shop's system"
    # what is still to be done first, and of that what is due first
    ordering = (F("done_at").desc(nulls_first=True), "due_at")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("new/", pages.new, name="data_request_new"),
            path("register/", register_pages.register_page, name="data_register"),
            path("agreement/", register_pages.agreement_page, name="data_agreement"),
            path("agreement.csv", register_pages.agreement_file, name="data_agreement_file"),
            path("register.csv", register_pages.register_file, name="data_register_file"),
            path("<int:request_id>/", pages.request_page, name="data_request_page"),
            path("<int:request_id>/carry-out/", pages.carry_out, name="data_request_carry_out"),
            path("<int:request_id>/refuse/", pages.refuse, name="data_request_refuse"),
            path("<int:request_id>/delivered/", pages.delivered, name="data_request_delivered"),
            path("<int:request_id>/certificate/", pages.certificate_page, name="data_certificate"),
            path(
                "<int:request_id>/certificate.json",
                pages.certificate_file,
                name="data_certificate_file",
            ),
            path("<int:request_id>/copy/", pages.copy, name="data_request_copy"),
            *super().get_urls(),
        ]

    # the list's button "Add" leads to a form of its own: nobody types a keyed hash
    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(pages.ACT)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("admin:data_request_new")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("admin:data_request_page", row_key(object_id))

    @column(description="Asked for", ordering="kind")
    def what(self, row: DataRequest) -> SafeString:
        return format_html('<span class="ct-nowrap">{}</span>', row)

    @column(description="Whose data")
    def whom(self, row: DataRequest) -> SafeString:
        if row.customer is not None:
            link = reverse("admin:customers_customer_change", args=[row.customer.pk])
            return format_html('<a href="{}">{}</a>', link, clipped(str(row.customer)))
        if requests.names_nobody(row):
            return clipped(f"Not known yet, in {row.source}")
        if row.address_hmac:
            return clipped(f"Somebody unknown ({row.address_hmac[:8]}…)")
        return clipped(f"All of {row.source}")

    @column(
        description="Status",
        ordering="status",
        label={
            RequestStatus.RECEIVED.label: "warning",
            RequestStatus.IN_PROGRESS.label: "info",
            RequestStatus.DONE.label: "success",
            _UNREADABLE: "danger",
        },
    )
    def status_label(self, row: DataRequest) -> str:
        unreadable = "problem" in row.result and row.status == RequestStatus.RECEIVED
        return _UNREADABLE if unreadable else row.get_status_display()

    @column(description="Due", ordering="due_at")
    def due(self, row: DataRequest) -> SafeString:
        if row.status not in requests.OPEN:
            return format_html('<span class="ct-nowrap">{}</span>', display.NOTHING)
        day = display.day(row.due_at)
        if not pages.is_overdue(row, now=clock.now()):
            return format_html('<span class="ct-nowrap">{}</span>', day)
        return format_html(
            '<span class="ct-nowrap font-semibold text-red-700 dark:text-red-400">{}, overdue</span>',
            day,
        )

    @column(description="Received", ordering="received_at")
    def received(self, row: DataRequest) -> SafeString:
        return format_html('<span class="ct-nowrap">{}</span>', display.day(row.received_at))
