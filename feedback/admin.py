"""Results in the admin, and the routes of the pages that need every app."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from customers import display
from customers.screens import row_key
from customers.tables import BigTableAdmin, ReadOnlyAdmin, clipped, column
from feedback import customer_page, customer_reasons, model_pages, pages, said_page, special_page
from feedback.enums import Metric, Verdict
from feedback.models import LiftEstimate, Outcome, OutcomeWindow, RetrainingDecision


VERDICT_COLOURS = {
    Verdict.HELPED.label: "success",
    Verdict.HARMED.label: "danger",
    Verdict.NOT_ENOUGH_DATA.label: "info",
    Verdict.SAMPLE_RATIO.label: "warning",
}


@admin.register(OutcomeWindow)
class OutcomeWindowAdmin(ReadOnlyAdmin):
    list_display = (
        "campaign",
        "round_number",
        "starts_at",
        "ends_at",
        "closed_at",
        "customer_count",
    )
    list_filter = (("closed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("campaign",)
    search_fields = ("campaign__name",)
    ordering = ("-starts_at",)

    def get_urls(self) -> list[URLPattern]:
        # pages of the top layer that belong to no one list
        return [
            path("campaign/<int:campaign_id>/", pages.result, name="campaign_result"),
            path("customer/<int:customer_id>/", customer_page.customer_page, name="customer_page"),
            path("customer/<int:customer_id>/why/", customer_reasons.why, name="customer_why"),
            path("said/", said_page.said_page, name="said_page"),
            path("special-data/", special_page.special_page, name="special_data"),
            path("models/", pages.models, name="models_page"),
            path("models/drift/", model_pages.drift, name="drift_page"),
            path("models/card/<int:version_id>/", model_pages.card, name="model_card"),
            path("models/back/<int:version_id>/", model_pages.roll_back, name="model_roll_back"),
            path("models/<slug:code>/", model_pages.model, name="model_page"),
            path("models/<slug:code>/train/", model_pages.train, name="model_train"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        window = OutcomeWindow.objects.filter(pk=row_key(object_id)).first()
        if window is None:
            return redirect("admin:feedback_outcomewindow_changelist")
        return redirect("admin:campaign_result", window.campaign_id)

    @column(description="Customers in the experiment", ordering="customers")
    def customer_count(self, window: OutcomeWindow) -> str:
        return display.number(window.customers)


@admin.register(Outcome)
class OutcomeAdmin(BigTableAdmin):
    list_display = (
        "customer",
        "campaign",
        "arm",
        "orders",
        "revenue",
        "profit",
        "clicked",
        "unsubscribed",
    )
    list_filter = ("delivery__arm", "clicked", "unsubscribed", "window")
    search_fields = ("=delivery__customer__external_id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Outcome]:
        queryset: QuerySet[Outcome] = super().get_queryset(request)
        return queryset.select_related("delivery__customer", "delivery__campaign")

    @column(description="Customer")
    def customer(self, outcome: Outcome) -> str:
        return str(outcome.delivery.customer)

    @column(description="Campaign")
    def campaign(self, outcome: Outcome) -> str:
        return outcome.delivery.campaign.name

    @column(description="Arm")
    def arm(self, outcome: Outcome) -> str:
        return outcome.delivery.get_arm_display()

    @column(description="Revenue", ordering="revenue_cents")
    def revenue(self, outcome: Outcome) -> str:
        return display.money(outcome.revenue_cents)

    @column(description="Profit", ordering="profit_cents")
    def profit(self, outcome: Outcome) -> str:
        return display.money(outcome.profit_cents)


@admin.register(LiftEstimate)
class LiftEstimateAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "metric",
        "verdict_label",
        "difference_text",
        "interval",
        "treated_count",
        "held_out_count",
        "estimated_at",
    )
    list_filter = ("metric", "verdict")
    list_select_related = ("campaign",)
    search_fields = ("campaign__name",)
    ordering = ("-estimated_at", "pk")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        estimate = LiftEstimate.objects.filter(pk=row_key(object_id)).first()
        if estimate is None:
            return redirect("admin:feedback_liftestimate_changelist")
        return redirect("admin:campaign_result", estimate.campaign_id)

    @column(description="Campaign", ordering="campaign__name")
    def name(self, estimate: LiftEstimate) -> SafeString:
        return clipped(estimate.campaign.name)

    @column(description="Verdict", ordering="verdict", label=VERDICT_COLOURS)
    def verdict_label(self, estimate: LiftEstimate) -> str:
        return estimate.get_verdict_display()

    @column(description="Difference per customer", ordering="difference")
    def difference_text(self, estimate: LiftEstimate) -> str:
        return _in_unit(estimate.metric, estimate.difference)

    @column(description="95\u00a0% interval")
    def interval(self, estimate: LiftEstimate) -> str:
        low, high = (_in_unit(estimate.metric, edge) for edge in (estimate.low, estimate.high))
        return f"{low} to {high}"

    @column(description="Treated", ordering="treated")
    def treated_count(self, estimate: LiftEstimate) -> str:
        return display.number(estimate.treated)

    @column(description="Held out", ordering="held_out")
    def held_out_count(self, estimate: LiftEstimate) -> str:
        return display.number(estimate.held_out)


def _in_unit(metric: str, value: float) -> str:
    return display.points(value) if metric == Metric.CONVERSION else display.signed_money(value)


@admin.register(RetrainingDecision)
class RetrainingDecisionAdmin(ReadOnlyAdmin):
    list_display = ("decided_at", "task", "promoted", "champion", "challenger", "rounds", "reason")
    list_filter = ("task", "promoted")
    list_select_related = ("champion", "challenger")
    date_hierarchy = "decided_at"
    ordering = ("-decided_at",)
