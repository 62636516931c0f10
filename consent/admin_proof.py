"""Topics of newsletters, which staff add; and what proves that promises are kept, which nobody edits."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from consent import wordings
from consent.accountability import audit_words
from consent.models import Breach, OptOutProbe, PersonalDataAccess, Topic
from consent.topic_form import ELSEWHERE, TopicForm
from core import clock, watermarks
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
    form = TopicForm
    fields = ("title", *(f"title_{code}" for code in ELSEWHERE), "slug", "is_offered")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("slug",)

    def save_model(self, request: HttpRequest, obj: Topic, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            obj.created_at = clock.now()
        with transaction.atomic():
            obj.save()
            wordings.install_topic(obj, now=clock.now())
        missing = [name for code, name in ELSEWHERE.items() if not obj.titles.get(code)]
        if missing:
            self.message_user(
                request,
                f"Without a title in {' and '.join(missing)}: people who read it there see “{obj.title}”.",
                messages.WARNING,
            )


@admin.register(PersonalDataAccess)
class PersonalDataAccessAdmin(ReadOnlyAdmin):
    list_display = ("at", "who", "action_label", "looked_at", "whom", "addresses", "stamp")
    list_filter = ("action", "via", "with_addresses", ("at", admin.DateFieldListFilter))
    search_fields = ("=customer_number", "actor", "what", "=mark")
    search_help_text = "Number of a customer, who looked, or the mark in an exported file"
    ordering = ("-at", "-pk")
    fields = ("at", "who", "action_label", "looked_at", "whom", "addresses", "mark")
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A whole line of a file may be pasted: its mark is what counts."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, watermarks.mark_in(search_term) or search_term
        )
        return found

    @column(description="Who", ordering="actor")
    def who(self, row: PersonalDataAccess) -> str:
        return f"API key “{row.actor}”" if row.via == "KEY" else row.actor

    @column(
        description="Did", ordering="action", label={"Took away": "warning", "Looked at": "info"}
    )
    def action_label(self, row: PersonalDataAccess) -> str:
        if row.what.startswith("second_factor:"):
            return "Changed a login"
        return row.get_action_display()

    @column(description="What")
    def looked_at(self, row: PersonalDataAccess) -> str:
        return audit_words.what(row)

    @column(description="Of whom", ordering="people")
    def whom(self, row: PersonalDataAccess) -> str:
        return audit_words.whom(row)

    @column(description="Mark in the file")
    def stamp(self, row: PersonalDataAccess) -> SafeString:
        return format_html('<span class="ct-nowrap">{}</span>', row.mark or display.NOTHING)

    @column(description="Names or addresses", ordering="with_addresses")
    def addresses(self, row: PersonalDataAccess) -> str:
        return "Yes" if row.with_addresses else "No"


@admin.register(Breach)
class BreachAdmin(ReadOnlyAdmin):
    """Written by `manage.py breach`."""

    # what was told, and when, stands on the breach's own page: a row is to fit a small screen
    list_display = ("name", "state", "asked", "affected", "due")
    fields = ("asked", "affected", "looks", "noticed_at", "due_at", "told_at", "note")
    readonly_fields = fields
    ordering = ("-pk",)

    @column(description="Breach")
    def name(self, row: Breach) -> str:
        return str(row)

    @column(
        description="State",
        label={"Authority told": "success", "To be told": "warning", "Too late": "danger"},
    )
    def state(self, row: Breach) -> str:
        if row.told_at is not None:
            return "Authority told"
        return "Too late" if row.due_at < clock.now() else "To be told"

    @column(description="Authority to know by", ordering="due_at")
    def due(self, row: Breach) -> SafeString:
        return format_html('<span class="ct-nowrap">{}</span>', display.moment(row.due_at))

    @column(description="By what")
    def asked(self, row: Breach) -> str:
        return "; ".join(f"{name}: {value}" for name, value in row.selection.items())

    @column(description="Customers affected", ordering="people")
    def affected(self, row: Breach) -> str:
        return display.number(row.people)


@admin.register(OptOutProbe)
class OptOutProbeAdmin(ReadOnlyAdmin):
    list_display = ("at", "went", "failed")
    ordering = ("-at", "-pk")

    @column(description="Unsubscribing", label={"Works": "success", "Does not work": "danger"})
    def went(self, row: OptOutProbe) -> str:
        return "Does not work" if row.failed else "Works"
