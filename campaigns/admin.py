"""Campaigns and deliveries in the admin. A campaign is built and watched on its own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString

from campaigns.enums import BounceClass, CampaignState, DeliveryState, Targeting
from campaigns.models import Campaign, Delivery, DeliveryReport, Link
from customers import display
from customers.screens import row_key
from customers.tables import BigTableAdmin, CustomerRowsAdmin, ReadOnlyAdmin, clipped, column


STATE_COLOURS = {
    CampaignState.DRAFT.label: "info",
    CampaignState.SCHEDULED.label: "info",
    CampaignState.RUNNING.label: "success",
    CampaignState.PAUSED.label: "warning",
    CampaignState.CANCELLED.label: "danger",
}


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    """The list; "add" and "change" lead to the pages on which campaigns are made."""

    list_display = (
        "name_clipped",
        "state_label",
        "segment",
        "audience_number",
        "sent_number",
        "mails",
        "created_at",
        "frozen_at",
    )
    list_filter = ("state", "targeting", "segment")
    list_select_related = ("segment",)
    search_fields = ("name", "subject")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.add_campaign")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        sent = (
            Delivery.objects.filter(campaign=OuterRef("pk"), state=DeliveryState.SENT)
            .order_by()
            .values("campaign")
            .annotate(n=Count("pk"))
            .values("n")
        )
        queryset: QuerySet[Campaign] = super().get_queryset(request)
        return queryset.annotate(sent=Coalesce(Subquery(sent), 0))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("campaign_pages:new")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("campaign_pages:campaign", row_key(object_id))

    @column(description="Campaign", ordering="name")
    def name_clipped(self, campaign: Campaign) -> str:
        return campaign.name if len(campaign.name) <= 60 else f"{campaign.name[:59]}…"

    @column(description="State", ordering="state", label=STATE_COLOURS)
    def state_label(self, campaign: Campaign) -> str:
        return campaign.get_state_display()

    @column(description="Mails", ordering="targeting")
    def mails(self, campaign: Campaign) -> str:
        return "Everyone" if campaign.targeting == Targeting.EVERYONE else "Whom it pays"

    @column(description="In segment", ordering="audience")
    def audience_number(self, campaign: Campaign) -> str:
        return display.number(campaign.audience) if campaign.frozen_at else display.NOTHING

    @column(description="Sent")
    def sent_number(self, campaign: Any) -> str:
        return display.number(campaign.sent) if campaign.frozen_at else display.NOTHING


def _short(label: str) -> str:
    """A label without its explanation; the filters and the row's own page have the whole."""
    return label.split(":", maxsplit=1)[0].split(",", maxsplit=1)[0]


@admin.register(Delivery)
class DeliveryAdmin(CustomerRowsAdmin):
    list_display = (
        "who",
        "which",
        "state_label",
        "reason_label",
        "probability",
        "expected",
        "accepted_at",
    )
    list_filter = ("state", "arm", "reason", "campaign")
    list_select_related = ("customer", "campaign")
    search_help_text = "Customer number, start of an e-mail address, or a whole <Message-ID>"

    def rows_of(self, term: str, *, by_address: bool) -> Q:
        # a Message-ID, in its brackets as in the headers
        return (
            super().rows_of(term, by_address=by_address)
            if not term.startswith("<")
            else Q(message_id=term)
        )

    @column(description="Customer")
    def who(self, delivery: Delivery) -> SafeString:
        return clipped(str(delivery.customer))

    @column(description="Campaign")
    def which(self, delivery: Delivery) -> SafeString:
        return clipped(delivery.campaign.name)

    @column(
        description="State",
        ordering="state",
        label={
            _short(DeliveryState.SENT.label): "success",
            _short(DeliveryState.FAILED.label): "danger",
            _short(DeliveryState.UNKNOWN.label): "danger",
            _short(DeliveryState.DEFERRED.label): "warning",
        },
    )
    def state_label(self, delivery: Delivery) -> str:
        return _short(delivery.get_state_display())

    @column(description="Not sent, because", ordering="reason")
    def reason_label(self, delivery: Delivery) -> str:
        return _short(delivery.get_reason_display()) if delivery.reason else display.NOTHING

    @column(description="Chance of a message", ordering="assignment_probability")
    def probability(self, delivery: Delivery) -> str:
        return display.percent(delivery.assignment_probability)

    @column(description="Expected profit", ordering="predicted_profit_cents")
    def expected(self, delivery: Delivery) -> str:
        return display.money(delivery.predicted_profit_cents)


@admin.register(DeliveryReport)
class DeliveryReportAdmin(BigTableAdmin):
    list_display = ("said", "bounce_label", "which", "who", "source", "happened_at")
    list_filter = ("kind", "bounce", "source", "campaign")
    list_select_related = ("delivery__customer", "campaign")

    @column(description="Came back", ordering="kind")
    def said(self, report: DeliveryReport) -> SafeString:
        return clipped(_short(report.get_kind_display()))

    @column(
        description="Bounce",
        ordering="bounce",
        label={BounceClass.HARD.label: "danger", BounceClass.REPUTATION.label: "warning"},
    )
    def bounce_label(self, report: DeliveryReport) -> str:
        return report.get_bounce_display() if report.bounce else display.NOTHING

    @column(description="Campaign")
    def which(self, report: DeliveryReport) -> SafeString:
        return clipped(report.campaign.name if report.campaign else "not matched yet")

    @column(description="Customer")
    def who(self, report: DeliveryReport) -> SafeString:
        return clipped(str(report.delivery.customer) if report.delivery else display.NOTHING)


@admin.register(Link)
class LinkAdmin(ReadOnlyAdmin):
    list_display = ("campaign", "position", "url")
    readonly_fields = ("campaign", "position", "url")  # no form field: Django 5 warns of its scheme
    list_filter = ("campaign",)
    list_select_related = ("campaign",)
    search_fields = ("url",)
    ordering = ("-campaign", "position")
