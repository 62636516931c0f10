"""What the admin lists of all apps share: machine-written tables are read, not edited."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from customers import display


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Rows written by machines: staff look, filter and search, and change nothing."""

    empty_value_display = display.NOTHING
    list_per_page = 50
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class BigTableAdmin(ReadOnlyAdmin):
    """Millions of rows: newest first by key, and no count of all of them for a page of fifty."""

    paginator = InfinitePaginator
    show_full_result_count = False
    ordering = ("-pk",)
