"""The pages on which a campaign is built, previewed, launched and watched (under /admin/campaigns/)."""

from __future__ import annotations

from django.urls import path

from campaigns import pages


app_name = "campaign_pages"
urlpatterns = [
    path("new/", pages.new, name="new"),
    path("<int:campaign_id>/", pages.campaign, name="campaign"),
    path("<int:campaign_id>/edit/", pages.edit, name="edit"),
    path("<int:campaign_id>/preview/", pages.preview, name="preview"),
    path("<int:campaign_id>/message/<int:customer_id>/", pages.message, name="message"),
    path("<int:campaign_id>/approve/", pages.approve, name="approve"),
    path("<int:campaign_id>/launch/", pages.launch, name="launch"),
    path("<int:campaign_id>/progress/", pages.progress, name="progress"),
    path("<int:campaign_id>/counts/", pages.counts, name="counts"),
    path("<int:campaign_id>/act/", pages.act, name="act"),
    path("<int:campaign_id>/duplicate/", pages.duplicate, name="duplicate"),
]
