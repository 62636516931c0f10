"""The pages of webhook endpoints (under /admin/webhooks/endpoints/)."""

from __future__ import annotations

from django.urls import path

from webhooks import pages


app_name = "webhook_pages"
urlpatterns = [
    path("new/", pages.new, name="new"),
    path("<int:endpoint_id>/", pages.endpoint, name="endpoint"),
    path("<int:endpoint_id>/act/", pages.act, name="act"),
]
