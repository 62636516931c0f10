"""Topics of newsletters, which staff add; and what proves that promises are kept, which nobody edits."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from consent import wordings
from consent.models import OptOutProbe, PersonalDataAccess, Topic
from core import clock
from customers import display
from customers.tables import ReadOnlyAdmin, column


@admin.register(Topic)
class TopicAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """A topic is added and no longer offered; never deleted, since consents name it."""

    empty_value_display = display.NOTHING
    list_display = ("title", "slug", "is_offered", "created_at")
    list_filter = ("is_offered",)
    search_fields = ("title", "slug")
    ordering = ("title",)
    actions = None
    fields = ("title", "slug", "titles", "is_offered")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        # the texts that people agreed to carry the title
        return () if obj is None else ("title", "slug", "titles")

    def save_model(self, request: HttpRequest, obj: Topic, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            obj.created_at = clock.now()
        obj.save()
        wordings.install_topic(obj, now=clock.now())


@admin.register(PersonalDataAccess)
class PersonalDataAccessAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action_label", "what", "customer_number")
    list_filter = ("action", ("at", admin.DateFieldListFilter))
    search_fields = ("=customer_number", "actor", "what")
    search_help_text = "Number of a customer, name of a staff member, or page"
    ordering = ("-at", "-pk")

    @column(
        description="Did", ordering="action", label={"Took away": "warning", "Looked at": "info"}
    )
    def action_label(self, row: PersonalDataAccess) -> str:
        return row.get_action_display()


@admin.register(OptOutProbe)
class OptOutProbeAdmin(ReadOnlyAdmin):
    list_display = ("at", "went", "failed")
    ordering = ("-at", "-pk")

    @column(description="Unsubscribing", label={"Works": "success", "Does not work": "danger"})
    def went(self, row: OptOutProbe) -> str:
        return "Does not work" if row.failed else "Works"
