"""Where the data comes from and how its imports went."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.timesince import timesince

from core import clock
from customers import activity, display
from customers.enums import ImportStatus
from customers.models import (
    Cursor,
    Customer,
    Import,
    InboundRequest,
    RejectedRow,
    SavedMapping,
    Source,
)
from customers.screens import row_key
from customers.tables import BigTableAdmin, ReadOnlyAdmin, clipped, column


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    """The list; "add" and "change" lead to the pages of sources."""

    list_display = ("name", "kind_label", "customers", "last_heard", "last_import", "simulated")
    list_filter = ("kind",)
    search_fields = ("name",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        customers = (
            Customer.objects.filter(source=OuterRef("pk"), merged_into=None)
            .order_by()
            .values("source")
        )
        imports = Import.objects.filter(source=OuterRef("pk")).order_by().values("source")
        queryset: QuerySet[Source] = super().get_queryset(request)
        return queryset.annotate(
            customer_count=Coalesce(Subquery(customers.annotate(n=Count("pk")).values("n")), 0),
            imported_at=Subquery(imports.annotate(t=Max("finished_at")).values("t")),
            # the newest by key: an index knows it, and nothing else of millions of rows is read
            heard_at=Subquery(
                InboundRequest.objects.filter(source=OuterRef("pk"))
                .exclude(reason="bad_signature")
                .order_by("-pk")
                .values("received_at")[:1]
            ),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("customers.add_source")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("source_pages:new")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("source_pages:source", row_key(object_id))

    @column(description="Kind", ordering="kind")
    def kind_label(self, source: Source) -> str:
        return source.get_kind_display()

    @column(description="Customers", ordering="customer_count")
    def customers(self, source: Any) -> str:
        return display.number(source.customer_count)

    @column(
        description="Last heard of",
        ordering="heard_at",
        label={"Silent": "warning", "Never": "warning"},
        empty_value=display.NOTHING,
    )
    def last_heard(self, source: Any) -> str | None:
        if source.kind not in activity.LIVE_KINDS:
            return None
        if source.heard_at is None:
            return "Never"
        if activity.is_silent(source, source.heard_at, now=clock.now()):
            return "Silent"
        return f"{timesince(source.heard_at, clock.now(), depth=1)} ago"

    @column(description="Last import", ordering="imported_at")
    def last_import(self, source: Any) -> Any:
        return source.imported_at

    @column(description="Outcomes", label={"Simulated": "warning", "Observed": "success"})
    def simulated(self, source: Source) -> str:
        return "Simulated" if source.outcomes_simulated else "Observed"


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    """The list; "add" leads to the wizard, and each import has a page of its own."""

    list_display = (
        "started_at",
        "source",
        "file_name",
        "status_label",
        "line_count",
        "accepted_count",
        "duplicate_count",
        "rejected_count",
        "took",
    )
    list_filter = ("status", "source")
    list_select_related = ("source",)
    date_hierarchy = "started_at"
    ordering = ("-started_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("customers.add_import")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("import_pages:new")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("import_pages:show", row_key(object_id))

    @column(
        description="Status",
        ordering="status",
        label={
            "Running": "info",
            "Finished": "success",
            "Failed, nothing imported": "danger",
            "Waiting for a worker": "info",
            "Undone": "warning",
        },
    )
    def status_label(self, row: Import) -> str:
        if row.status == ImportStatus.DRAFT and row.dry_run is not None:
            return "Tried out, nothing imported"
        return row.get_status_display()

    @column(description="Lines", ordering="lines")
    def line_count(self, row: Import) -> str:
        return display.number(row.lines)

    @column(description="Accepted", ordering="accepted")
    def accepted_count(self, row: Import) -> str:
        return display.number(row.accepted)

    @column(description="Duplicates", ordering="duplicates")
    def duplicate_count(self, row: Import) -> str:
        return display.number(row.duplicates)

    @column(description="Rejected", ordering="rejected")
    def rejected_count(self, row: Import) -> str:
        return display.number(row.rejected)

    @column(description="Took")
    def took(self, row: Import) -> str:
        if row.finished_at is None:
            return display.NOTHING
        return f"{display.number((row.finished_at - row.started_at).total_seconds(), decimals=1)} s"


@admin.register(SavedMapping)
class SavedMappingAdmin(ReadOnlyAdmin):
    """Kept and used by the import wizard; here one that is no longer wanted is deleted."""

    list_display = ("name", "layout", "column_names", "created_at")
    search_fields = ("name",)
    ordering = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("customers.delete_savedmapping")

    @column(description="Made for these columns")
    def column_names(self, mapping: SavedMapping) -> str:
        return clipped(", ".join(mapping.columns))


@admin.register(RejectedRow)
class RejectedRowAdmin(BigTableAdmin):
    list_display = ("came_with", "entity", "line_number", "reason", "raw_start", "replayed_at")
    list_filter = ("entity", "reason", ("replayed_at", admin.EmptyFieldListFilter))
    list_select_related = ("source_import__source", "inbound__source")
    search_fields = ("reason", "raw")

    @column(description="Came with")
    def came_with(self, row: RejectedRow) -> str:
        if row.inbound is not None:
            return f"{row.inbound.source}, request {row.inbound_id}"
        return str(row.source_import)

    @column(description="Row as it came")
    def raw_start(self, row: RejectedRow) -> str:
        return row.raw[:80] + ("…" if len(row.raw) > 80 else "")


@admin.register(Cursor)
class CursorAdmin(ReadOnlyAdmin):
    list_display = ("reader", "position_number", "moved_at")
    search_fields = ("reader",)
    ordering = ("reader",)

    @column(description="Has read up to row", ordering="position")
    def position_number(self, cursor: Cursor) -> str:
        return display.number(cursor.position)
