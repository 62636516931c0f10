"""Who is who: lists of merges and of other names, and the pages on which staff merge and undo."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from customers import display, merge_pages
from customers.models import Alias, Merge
from customers.screens import row_key
from customers.tables import BigTableAdmin, clipped, column


@admin.register(Merge)
class MergeAdmin(BigTableAdmin):
    list_display = ("merged_at", "who", "number", "reason_label", "source", "undone_at")
    list_filter = ("reason", "source", ("undone_at", admin.EmptyFieldListFilter))
    list_select_related = ("survivor", "absorbed", "source")
    search_fields = (
        "=survivor__external_id",
        "=absorbed__external_id",
        "survivor__email__istartswith",
    )
    search_help_text = "Customer number, or start of the e-mail address of who stayed"
    # what undoing needs is personal data of both: it shows on the page that undoes
    exclude = ("before", "moved")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("of/<int:customer_id>/", merge_pages.merge_customer, name="merge_customer"),
            path("<int:merge_id>/undo/", merge_pages.undo_merge, name="undo_merge"),
            *super().get_urls(),
        ]

    @column(description="Customer")
    def who(self, merge: Merge) -> SafeString:
        return clipped(str(merge.survivor))

    @column(description="Has taken in")
    def number(self, merge: Merge) -> SafeString:
        return clipped(display.customer_number(merge.absorbed.external_id).capitalize())

    @column(description="Why", ordering="reason")
    def reason_label(self, merge: Merge) -> str:
        return merge.get_reason_display()


@admin.register(Alias)
class AliasAdmin(BigTableAdmin):
    list_display = ("value_clipped", "kind_label", "source", "who", "created_at", "is_of_merge")
    list_filter = ("kind", "source")
    list_select_related = ("customer", "source")
    search_fields = ("=value", "=customer__external_id", "customer__email__istartswith")
    search_help_text = "The whole name or customer number, or start of an e-mail address"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: object = None
    ) -> HttpResponse:
        alias = Alias.objects.filter(pk=row_key(object_id)).first()
        if alias is None:
            return redirect("admin:customers_alias_changelist")
        return redirect("admin:customer_page", alias.customer_id)

    @column(description="Name", ordering="value")
    def value_clipped(self, alias: Alias) -> SafeString:
        return clipped(alias.value)

    @column(description="Is", ordering="kind")
    def kind_label(self, alias: Alias) -> str:
        return alias.get_kind_display()

    @column(description="Customer")
    def who(self, alias: Alias) -> SafeString:
        return format_html("{}", clipped(str(alias.customer)))

    @column(description="By a merge")
    def is_of_merge(self, alias: Alias) -> str:
        return "Yes" if alias.merge_id else "No"
