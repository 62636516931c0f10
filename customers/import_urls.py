"""The pages of imports (under /admin/customers/imports/)."""

from __future__ import annotations

from django.urls import path

from customers import import_pages


app_name = "import_pages"
urlpatterns = [
    path("new/", import_pages.new, name="new"),
    path("<int:import_id>/", import_pages.show, name="show"),
    path("<int:import_id>/mapping/", import_pages.mapping, name="mapping"),
    path("<int:import_id>/act/", import_pages.act, name="act"),
    path("<int:import_id>/rejected.csv", import_pages.rejected_file, name="rejected"),
]
