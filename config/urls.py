"""Routes: the admin for staff, a few public pages for customers, health for machines."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

from config.health import healthz, readyz
from gateway import errors


handler400, handler403 = errors.handler400, errors.handler403
handler404, handler500 = errors.handler404, errors.handler500


def to_admin(request: HttpRequest) -> HttpResponse:
    return redirect("admin:index")


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it here on pages that name none."""
    return redirect(static("coterie/icon.svg"))


urlpatterns = [
    path("", to_admin),
    path("favicon.ico", favicon),
    path("healthz", healthz),
    path("readyz", readyz),
    path("", include("customers.intake.urls")),  # shop data; config.wsgi answers there first
    path("api/", include("config.api")),  # REST, for programs with a key
    path("c/", include("consent.urls")),  # public: unsubscribe
    path("m/", include("campaigns.urls")),  # public: links in messages
    path("admin/campaigns/", include("campaigns.admin_urls")),
    path("admin/customers/imports/", include("customers.import_urls")),
    path("admin/gateway/keys/", include("customers.api_key_pages")),
    path("admin/customers/sources/", include("customers.admin_urls")),
    path("admin/webhooks/endpoints/", include("webhooks.admin_urls")),
    path("admin/second-factor/", include("config.second_factor.urls")),
    path("admin/", admin.site.urls),
]
