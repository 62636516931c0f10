"""What the admin lists of all apps share: machine-written tables are read, not edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display as unfold_display
from unfold.paginator import InfinitePaginator

from customers import display
from customers.masking import HIDDEN_FIELDS, HIDDEN_LOOKUPS, may_see_addresses
from customers.models import Customer, Source


Method = TypeVar("Method", bound=Callable[..., object])


def column(
    *,
    description: str,
    ordering: str | None = None,
    label: Mapping[str, str] | None = None,
    empty_value: str | None = None,
) -> Callable[[Method], Method]:
    """A computed column of a list; `label` gives texts a colour: success, info, warning, danger."""
    decorate = unfold_display(
        description=description, ordering=ordering, label=label, empty_value=empty_value
    )
    return cast("Callable[[Method], Method]", decorate)


def clipped(text: str) -> SafeString:
    """One line of `text`, cut by the browser where the column ends, whole under the pointer."""
    return format_html('<span class="ct-clip" title="{0}">{0}</span>', text)


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
    ordering: tuple[str, ...] = ("-pk",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the fields that no pattern can mask, for who may not see addresses."""
        fields = super().get_fields(request, obj)
        if may_see_addresses(request.user):
            return fields
        return [name for name in fields if name not in HIDDEN_FIELDS]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        says = changelist.search_help_text or ""
        if "address" in says and not may_see_addresses(request.user):
            changelist.search_help_text = "A whole number"
        return changelist

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # `?email__startswith=` would tell an address letter by letter
        hides = request is None or not may_see_addresses(request.user)
        if hides and HIDDEN_LOOKUPS & set(lookup.split("__")):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)
        return allowed


class CustomerRowsAdmin(BigTableAdmin):
    """
    Rows that belong to customers. A search looks the customer up first and then takes their rows.

    One statement with both conditions would read the whole table: 7 s for 900,000 orders.
    """

    search_fields: tuple[str, ...] = ("=customer__external_id",)  # shows the box
    search_help_text = "Customer number or start of an e-mail address"
    customers_at_most = 1_000

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        by_address = may_see_addresses(request.user)
        return queryset.filter(self.rows_of(term, by_address=by_address)), False

    def rows_of(self, term: str, *, by_address: bool) -> Q:
        """What a search for `term` finds; a table with numbers of its own adds them."""
        known_by = Q(external_id=term)
        if by_address:
            known_by |= Q(email__istartswith=term)
        customers = Customer.objects.filter(known_by)
        # the number of somebody who was merged finds the customer they are part of
        keys = customers.values_list(Coalesce("merged_into", "pk"), flat=True)[
            : self.customers_at_most
        ]
        return Q(customer__in=list(keys))


class NumberedRowsAdmin(CustomerRowsAdmin):
    """Rows that also have a number in the shop, unique within a source and indexed so."""

    def rows_of(self, term: str, *, by_address: bool) -> Q:
        sources = list(Source.objects.values_list("pk", flat=True))
        return super().rows_of(term, by_address=by_address) | Q(
            source__in=sources, external_id=term
        )
