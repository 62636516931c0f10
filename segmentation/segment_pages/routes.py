"""Every page of segments under /admin/segmentation/segment/; `SegmentAdmin` adds them to its own."""

from __future__ import annotations

from django.urls import URLPattern, path

from segmentation.segment_pages import (
    acting,
    building,
    clustered,
    features,
    managing,
    overlapping,
    public_name,
    showing,
)


urlpatterns: list[URLPattern] = [
    path("new/", building.new, name="segment_new"),
    path("values/<str:what>/", building.values, name="segment_values"),
    path("clusters/", clustered.clusters, name="segment_clusters"),
    path("features/", features.features, name="segment_features"),
    path("overlaps/", overlapping.overlaps, name="segment_overlaps"),
    path("<int:segment_id>/", showing.segment_page, name="segment_page"),
    path("<int:segment_id>/edit/", building.edit, name="segment_edit"),
    path("<int:segment_id>/manage/", managing.manage, name="segment_manage"),
    path("<int:segment_id>/public-name/", public_name.public_name, name="segment_public_name"),
    path("<int:segment_id>/freeze/", acting.freeze, name="segment_freeze"),
    path("<int:segment_id>/export/", acting.export, name="segment_export"),
]
