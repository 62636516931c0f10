"""Permission in the admin: the log is read, an address may be suppressed by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.validators import validate_email
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from consent import (
    admin_proof,  # noqa: F401 - registers its lists
    admin_requests,  # noqa: F401 - registers its list
    admin_sign_ups,  # noqa: F401 - registers its list
    ledger,
    peppers,
)
from consent.enums import LIFTABLE, Act, Channel, SuppressionReason
from consent.models import ConsentEvent, ConsentState, Suppression, Wording
from consent.reach import with_reach
from core import clock, ids
from customers import display
from customers.admin import CustomerAdmin
from customers.masking import may_see_addresses
from customers.models import Customer
from customers.tables import CustomerRowsAdmin, ReadOnlyAdmin, clipped, column


# ------------------------------------------------------------------ customers, with what they allow
class ReachFilter(admin.SimpleListFilter):
    title = "may be mailed"
    parameter_name = "reach"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in {"yes", "no"}:
            return queryset.filter(is_reachable=self.value() == "yes")
        return queryset


class CustomerWithReachAdmin(CustomerAdmin):
    """The list of customers with the question a marketer asks of it."""

    list_display = (
        *CustomerAdmin.list_display[:2],
        "may_be_mailed",
        *CustomerAdmin.list_display[2:],
    )
    list_filter = (ReachFilter, *CustomerAdmin.list_filter)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return with_reach(super().get_queryset(request))

    @column(description="May be mailed", label={"Yes": "success", "No": "warning"})
    def may_be_mailed(self, customer: Any) -> str:
        return "Yes" if customer.is_reachable else "No"


admin.site.unregister(Customer)
admin.site.register(Customer, CustomerWithReachAdmin)


# ------------------------------------------------------------------ consent
@admin.register(Wording)
class WordingAdmin(ReadOnlyAdmin):
    list_display = ("purpose_label", "channel", "version", "language", "text", "created_at")
    list_filter = ("purpose", "channel", "language")
    search_fields = ("version", "text")
    ordering = ("purpose", "channel", "-created_at")

    @column(description="Purpose", ordering="purpose")
    def purpose_label(self, wording: Wording) -> str:
        return wording.get_purpose_display()


@admin.register(ConsentEvent)
class ConsentEventAdmin(CustomerRowsAdmin):
    list_display = (
        "happened",
        "who",
        "act_label",
        "purpose_label",
        "channel_label",
        "came_by",
        "said",
        "shown_text",
    )
    list_filter = (
        "act",
        "reason",
        "purpose",
        "channel",
        "provenance",
        "method",
        ("happened_at", admin.DateFieldListFilter),
    )
    list_select_related = ("customer", "wording")

    @column(description="Happened", ordering="happened_at")
    def happened(self, event: ConsentEvent) -> SafeString:
        return format_html('<span class="ct-nowrap">{}</span>', display.moment(event.happened_at))

    @column(description="Wording", ordering="wording__version")
    def shown_text(self, event: ConsentEvent) -> SafeString:
        """Its version, since the purpose stands beside it; the text under the pointer."""
        if event.wording is None:
            return format_html("{}", display.NOTHING)
        words = (event.wording.version, event.wording.language)
        return format_html(
            '<span class="ct-nowrap" title="{}">{}</span>', event.wording.text, ", ".join(words)
        )

    @column(description="Customer")
    def who(self, event: ConsentEvent) -> SafeString:
        return clipped(str(event.customer))

    @column(
        description="Act",
        ordering="act",
        label={
            Act.GRANTED.label: "success",
            Act.WITHDRAWN.label: "warning",
            Act.OBJECTED.label: "danger",
            Act.CLAIMED.label: "info",
            Act.REFUSED.label: "info",
        },
    )
    def act_label(self, event: ConsentEvent) -> str:
        return event.get_act_display()

    @column(description="Purpose", ordering="purpose")
    def purpose_label(self, event: ConsentEvent) -> str:
        return event.get_purpose_display()

    @column(description="Channel", ordering="channel")
    def channel_label(self, event: ConsentEvent) -> str:
        return display.NOTHING if event.channel == Channel.ANY else event.get_channel_display()

    @column(description="Came by", ordering="provenance")
    def came_by(self, event: ConsentEvent) -> SafeString:
        ways = (event.get_provenance_display(), event.method)
        return clipped(": ".join(way for way in ways if way))

    @column(description="Evidence")
    def said(self, event: ConsentEvent) -> SafeString:
        """Why it was not accepted; else the state and the level of opt-in that the source reported."""
        if event.reason:
            return clipped(event.get_reason_display())
        parts = (event.evidence.get("state"), event.evidence.get("opt_in_level"))
        return clipped(", ".join(str(part).replace("_", " ") for part in parts if part))


@admin.register(ConsentState)
class ConsentStateAdmin(CustomerRowsAdmin):
    list_display = ("customer", "purpose", "channel", "is_granted", "since")
    list_filter = ("purpose", "channel", "is_granted")
    list_select_related = ("customer",)


class SuppressAddressForm(forms.ModelForm):  # type: ignore[type-arg]
    """An address typed by staff; only its keyed hash is kept."""

    address = forms.CharField(
        max_length=320,
        validators=[validate_email],
        widget=UnfoldAdminTextInputWidget,
        label="E-mail address",
        help_text="Nobody will be mailed at this address. Only a keyed hash of it is stored.",
    )

    class Meta:
        model = Suppression
        fields = ("detail",)

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"]
        hmac = ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER)
        known = Suppression.objects.filter(
            address_hmac=hmac, channel=Channel.EMAIL, lifted_at__isnull=True
        )
        # some can be lifted by a new consent, the word of staff cannot
        if known.exclude(reason__in=LIFTABLE).exists():
            raise forms.ValidationError("This address is suppressed already.")
        return address


@admin.register(Suppression)
class SuppressionAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Staff may add an address and never edit or delete a row: the list is a promise."""

    empty_value_display = display.NOTHING
    list_display = ("short_hash", "reason_label", "detail", "channel", "created_at", "lifted_at")
    list_filter = ("reason", "channel", ("lifted_at", admin.EmptyFieldListFilter))
    search_fields = ("=address_hmac", "detail")
    search_help_text = "A whole e-mail address, or words of the detail"
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    show_full_result_count = False
    actions = None
    form = SuppressAddressForm
    add_fieldsets = ((None, {"fields": ("address", "detail")}),)
    fields = ("short_hash", "reason", "detail", "channel", "created_at", "lifted_at")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        if "@" in search_term and not may_see_addresses(request.user):
            return queryset.none(), False
        if "@" in search_term:
            return queryset.filter(address_hmac__in=peppers.hmacs(search_term)), False
        found: tuple[QuerySet[Suppression], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:  # noqa: FBT001
        hmac = ids.address_hmac(form.cleaned_data["address"], pepper=settings.SUPPRESSION_PEPPER)
        ledger.suppress(
            address_hmac=hmac,
            reason=SuppressionReason.MANUAL,
            detail=form.cleaned_data["detail"],
            now=clock.now(),
        )
        # for the admin's log and its way back to the list
        obj.pk = Suppression.objects.get(
            address_hmac=hmac, channel=Channel.EMAIL, lifted_at__isnull=True
        ).pk
        obj.refresh_from_db()

    @column(description="Address (hash)", ordering="address_hmac")
    def short_hash(self, row: Suppression) -> str:
        return f"{row.address_hmac[:12]}…"

    @column(
        description="Reason",
        ordering="reason",
        label={
            SuppressionReason.COMPLAINT.label: "danger",
            SuppressionReason.HARD_BOUNCE.label: "warning",
        },
    )
    def reason_label(self, row: Suppression) -> str:
        return row.get_reason_display()
