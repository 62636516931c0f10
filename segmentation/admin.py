"""Segments, models and scores in the admin. A segment's own pages are in segment_pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from core import clock
from customers import display
from customers.screens import row_key
from customers.special import finding
from customers.tables import BigTableAdmin, CustomerRowsAdmin, ReadOnlyAdmin, column
from segmentation import usage
from segmentation.enums import SegmentKind, SegmentStatus, Sentiment
from segmentation.models import (
    CategoryRule,
    Membership,
    MembershipChange,
    ModelVersion,
    ReviewSentiment,
    Score,
    ScoreGeneration,
    Segment,
)
from segmentation.recommending import pages as recommending_pages
from segmentation.recommending.forms import CategoryRuleForm
from segmentation.registry import SensitiveField
from segmentation.segment_pages import reach, routes, untapped


KINDS = {
    SegmentKind.EVERYONE: "Everyone", SegmentKind.RFM: "RFM", SegmentKind.CLUSTER: "Cluster",
    SegmentKind.SCORE: "Score", SegmentKind.RULE: "Rule", SegmentKind.STATIC: "Fixed list",
}  # fmt: skip
"""In little room."""
WAS_WRONG = "Put right"
"""The members are those of the rule; the nightly check had to see to it."""


class ArchivedFilter(admin.SimpleListFilter):
    """Unless asked for, archived segments are not listed."""

    title = "archived"
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Archived")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        in_use, *others = super().choices(changelist)
        yield {**in_use, "display": "In use"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> QuerySet[Segment]:
        return queryset.filter(archived_at__isnull=self.value() != "yes")


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    """Who is in them is computed; staff define rules on pages of their own (segment_pages)."""

    list_before_template = "pages/segment_list_head.html"
    list_display = (
        "clipped_name", "kind_label", "status_label", "size_number", "reachable", "change",
        "used_by", "computed",
    )  # fmt: skip
    list_filter = ("kind", "status", ArchivedFilter)
    search_fields = ("name", "description")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        return reach.with_change(
            reach.with_reach_of_segment(super().get_queryset(request)), now=clock.now()
        )

    def get_urls(self) -> list[URLPattern]:
        return [*routes.urlpatterns, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        answer: HttpResponse = super().changelist_view(request, extra_context)
        listed = getattr(answer, "context_data", {}).get("cl")
        if listed is not None:
            uses = usage.of_segments([one.pk for one in listed.result_list])
            for one in listed.result_list:
                one.uses = uses[one.pk]
            answer.context_data["untapped"] = untapped.find(listed.result_list, now=clock.now())  # type: ignore[attr-defined]
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("admin:segment_page", row_key(object_id))

    @column(description="Name", ordering="name")
    def clipped_name(self, segment: Segment) -> str:
        return format_html(
            '<span class="ct-clip ct-clip-short" title="{0}">{0}</span>', segment.name
        )

    @column(description="Kind", ordering="kind")
    def kind_label(self, segment: Segment) -> str:
        return KINDS[SegmentKind(segment.kind)]

    @column(
        description="Status",
        ordering="status",
        label={
            SegmentStatus.OK.label: "success",
            SegmentStatus.FAILED.label: "danger",
            SegmentStatus.STALE.label: "warning",
            SegmentStatus.REFRESHING.label: "info",
            WAS_WRONG: "warning",
        },
    )
    def status_label(self, segment: Segment) -> str:
        was_wrong = segment.problem and segment.status == SegmentStatus.OK
        return WAS_WRONG if was_wrong else segment.get_status_display()

    @column(description="Customers", ordering="size")
    def size_number(self, segment: Segment) -> str:
        return display.number(segment.size)

    @column(description="May be mailed")
    def reachable(self, segment: Any) -> str:
        return display.number(segment.reachable)

    @column(description="7 days")
    def change(self, segment: Any) -> str:
        if not segment.come and not segment.gone:
            return display.NOTHING
        return f"+{display.number(segment.come)} −{display.number(segment.gone)}"

    @column(description="Computed", ordering="refreshed_at")
    def computed(self, segment: Segment) -> str:
        return f"{segment.refreshed_at:%-d %b, %H:%M}" if segment.refreshed_at else "not yet"

    @column(description="Used by")
    def used_by(self, segment: Any) -> str:
        uses = segment.uses
        if not uses:
            return display.NOTHING
        waiting = sum(use.waits for use in uses)
        words = f"{len(uses)} campaign{'' if len(uses) == 1 else 's'}"
        return f"{words}, {waiting} scheduled" if waiting else words


@admin.register(Membership)
class MembershipAdmin(CustomerRowsAdmin):
    list_display = ("customer", "segment", "joined_at")
    list_filter = ("segment",)
    list_select_related = ("customer", "segment")


@admin.register(MembershipChange)
class MembershipChangeAdmin(CustomerRowsAdmin):
    list_display = ("changed_at", "customer", "what", "segment")
    list_filter = ("segment", "joined")
    list_select_related = ("customer", "segment")

    @column(description="What", ordering="joined")
    def what(self, change: MembershipChange) -> str:
        return "Joined" if change.joined else "Left"


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = (
        "task_label",
        "version",
        "status_label",
        "trained_at",
        "row_count",
        "positive_count",
        "reason",
    )
    list_filter = ("task", "status")
    ordering = ("-trained_at", "-pk")
    date_hierarchy = "trained_at"

    @column(description="Model", ordering="task")
    def task_label(self, version: ModelVersion) -> str:
        return version.get_task_display()

    @column(description="Version", ordering="number")
    def version(self, version: ModelVersion) -> str:
        return f"v{version.number}"

    @column(
        description="Status",
        ordering="status",
        label={
            "Champion": "success",
            "Challenger": "info",
            "Rejected": "warning",
            "Refused: not enough data": "warning",
        },
    )
    def status_label(self, version: ModelVersion) -> str:
        return version.get_status_display()

    @column(description="Rows", ordering="rows")
    def row_count(self, version: ModelVersion) -> str:
        return display.number(version.rows)

    @column(description="Positives", ordering="positives")
    def positive_count(self, version: ModelVersion) -> str:
        return display.number(version.positives)


@admin.register(ScoreGeneration)
class ScoreGenerationAdmin(ReadOnlyAdmin):
    list_display = ("task", "version", "as_of", "written_at", "row_count", "is_current")
    list_filter = ("task", "is_current")
    list_select_related = ("version",)
    ordering = ("-written_at",)

    @column(description="Scores", ordering="rows")
    def row_count(self, generation: ScoreGeneration) -> str:
        return display.number(generation.rows)


@admin.register(Score)
class ScoreAdmin(CustomerRowsAdmin):
    list_display = ("customer", "task", "generation", "value_number", "sd_number")
    list_filter = ("generation__task", "generation__is_current")
    list_select_related = ("customer", "generation")

    @column(description="Model")
    def task(self, score: Score) -> str:
        return score.generation.get_task_display()

    @column(description="Score", ordering="value")
    def value_number(self, score: Score) -> str:
        return display.number(score.value, decimals=4)

    @column(description="± standard deviation", ordering="sd")
    def sd_number(self, score: Score) -> str:
        return display.number(score.sd, decimals=4)


@admin.register(ReviewSentiment)
class ReviewSentimentAdmin(BigTableAdmin):
    """The list of reviews as a marketer reads it: words, stars, and what the words say."""

    ordering = ("-review__written_at", "-pk")
    list_display = ("written_on", "stars", "sentiment", "polarity_number", "product", "text_start")
    list_filter = ("label", "review__rating", "review__language")
    list_select_related = ("review__product",)
    search_fields = ("review__title", "review__text", "review__product__name")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """What is not shown must not be found out by its words either."""
        if search_term:
            queryset = queryset.filter(withheld=False)
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

    @column(description="Written", ordering="review__written_at")
    def written_on(self, row: ReviewSentiment) -> str:
        return display.day(row.review.written_at)

    @column(description="Stars", ordering="review__rating")
    def stars(self, row: ReviewSentiment) -> str:
        return f"{row.review.rating} of 5" if row.review.rating else display.NOTHING

    @column(
        description="Words say",
        ordering="label",
        label={
            Sentiment.POSITIVE.label: "success",
            Sentiment.NEGATIVE.label: "danger",
            Sentiment.NEUTRAL.label: "info",
        },
    )
    def sentiment(self, row: ReviewSentiment) -> str:
        return row.get_label_display()

    @column(description="Polarity (−1 to 1)", ordering="polarity")
    def polarity_number(self, row: ReviewSentiment) -> str:
        return display.number(row.polarity, decimals=2)

    @column(description="Product")
    def product(self, row: ReviewSentiment) -> str:
        return str(row.review.product or display.NOTHING)

    @column(description="What was said")
    def text_start(self, row: ReviewSentiment) -> str:
        if row.withheld or finding.is_special(row.review.title, row.review.text):
            return finding.NOT_SHOWN if row.lexicon else "Not searched for special data yet."
        text = " · ".join(part for part in (row.review.title, row.review.text) if part)
        return text[:120] + ("…" if len(text) > 120 else "")


@admin.register(SensitiveField)
class SensitiveFieldAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Declared by staff who may; who declared what, and when, is kept."""

    list_display = ("name", "floor", "declared_at", "declared_by")
    list_select_related = ("declared_by",)
    ordering = ("name",)

    @column(description="Blocks a new model below", ordering="lowest_ratio")
    def floor(self, field: SensitiveField) -> str:
        return display.number(field.lowest_ratio, decimals=2)

    def save_model(
        self,
        request: HttpRequest,
        obj: SensitiveField,
        form: Any,
        change: bool,  # noqa: FBT001 - Django's
    ) -> None:
        obj.declared_at = clock.now()
        obj.declared_by_id = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(CategoryRule)
class CategoryRuleAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What the shop says about recommending a category; the page of all recommendations lives here too."""

    form = CategoryRuleForm
    list_display = ("category", "closed", "is_recommended")
    search_fields = ("category",)
    ordering = ("category",)

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "recommendations/", recommending_pages.recommendations, name="recommendations_page"
            ),
            *super().get_urls(),
        ]

    @column(description="Closed after a purchase", ordering="days_closed")
    def closed(self, rule: CategoryRule) -> str:
        if rule.days_closed is None:
            return "as learned"
        return f"{display.number(rule.days_closed)} days" if rule.days_closed else "never"
