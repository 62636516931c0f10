"""The pages of sources (under /admin/customers/sources/)."""

from __future__ import annotations

from django.urls import path

from customers import source_pages


app_name = "source_pages"
urlpatterns = [
    path("new/", source_pages.new, name="new"),
    path("<int:source_id>/", source_pages.source, name="source"),
    path("<int:source_id>/tail/", source_pages.tail, name="tail"),
    path("<int:source_id>/save/", source_pages.save, name="save"),
    path("<int:source_id>/act/", source_pages.act, name="act"),
    path("<int:source_id>/requests/<int:inbound_id>/", source_pages.inbound, name="inbound"),
    path(
        "<int:source_id>/requests/<int:inbound_id>/replay/",
        source_pages.replay_rejected,
        name="replay",
    ),
]
