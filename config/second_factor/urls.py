"""The pages of the second factor (under /admin/second-factor/)."""

from __future__ import annotations

from django.urls import path

from config.second_factor import pages


app_name = "second_factor"
urlpatterns = [
    path("", pages.own, name="own"),
    path("code/", pages.code_page, name="code"),
    path("<int:user_id>/reset/", pages.reset, name="reset"),
]
