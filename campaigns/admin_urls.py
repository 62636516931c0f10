from __future__ import annotations

from django.urls import URLPattern


app_name = "campaign_pages"
urlpatterns: list[URLPattern] = []
