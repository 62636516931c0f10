from __future__ import annotations

from django.urls import path

from consent import preference_pages, views


app_name = "consent"
urlpatterns = [
    path("u/<str:token>", views.unsubscribe, name="unsubscribe"),
    path("p/<str:token>", preference_pages.preferences, name="preferences"),
]
