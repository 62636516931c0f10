"""Lists of endpoints and of what was sent to them; an endpoint has a page of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from customers import display
from customers.screens import row_key
from customers.tables import BigTableAdmin, ReadOnlyAdmin, clipped, column
from webhooks.enums import PostState
from webhooks.models import Endpoint, Message, Post


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ("who", "address", "state", "waiting", "dead", "created_at")
    search_fields = ("url", "description")
    ordering = ("pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("webhooks.add_endpoint")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        queryset: QuerySet[Endpoint] = super().get_queryset(request)
        return queryset.annotate(
            waiting_count=Count("posts", filter=Q(posts__state=PostState.PENDING)),
            dead_count=Count("posts", filter=Q(posts__state=PostState.DEAD)),
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("webhook_pages:new")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("webhook_pages:endpoint", row_key(object_id))

    @column(description="Webhook")
    def who(self, endpoint: Endpoint) -> str:
        return endpoint.description or f"Webhook {endpoint.pk}"

    @column(description="Address", ordering="url")
    def address(self, endpoint: Endpoint) -> str:
        return clipped(endpoint.url)

    @column(
        description="State", label={"Sending": "success", "Failing": "warning", "Stopped": "danger"}
    )
    def state(self, endpoint: Endpoint) -> str:
        if not endpoint.is_active:
            return "Stopped"
        return "Failing" if endpoint.failing_since else "Sending"

    @column(description="Waiting", ordering="waiting_count")
    def waiting(self, endpoint: Any) -> str:
        return display.number(endpoint.waiting_count)

    @column(description="Given up", ordering="dead_count")
    def dead(self, endpoint: Any) -> str:
        return display.number(endpoint.dead_count)


@admin.register(Message)
class MessageAdmin(BigTableAdmin):
    list_display = ("message_id", "topic", "happened_at", "created_at")
    list_filter = ("topic",)
    search_fields = ("=message_id",)
    search_help_text = "A whole webhook-id"


@admin.register(Post)
class PostAdmin(BigTableAdmin):
    list_display = ("topic", "endpoint", "state_label", "tries", "last_status", "last_tried_at")
    list_filter = ("state", "endpoint")
    list_select_related = ("message", "endpoint")
    search_fields = ("=message__message_id",)
    search_help_text = "A whole webhook-id"

    @column(description="Topic")
    def topic(self, post: Post) -> str:
        return post.message.topic

    @column(
        description="State",
        ordering="state",
        label={
            PostState.PENDING.label: "info",
            PostState.DELIVERED.label: "success",
            PostState.DEAD.label: "danger",
        },
    )
    def state_label(self, post: Post) -> str:
        return post.get_state_display()
