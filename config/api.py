"""The REST API's routes, and what its schema and its page say."""

from __future__ import annotations

from typing import Any

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from gateway.errors import no_such_address


v1: list[Any] = [
    path("", include("customers.api.urls")),
    path("", include("consent.api.urls")),
    path("", include("segmentation.api")),
    path("", include("segmentation.managing_api")),
    path("", include("segmentation.recommending.api")),
    path("", include("campaigns.api")),
    path("", include("feedback.api")),
]
urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    re_path("", no_such_address),
]
