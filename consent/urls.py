from __future__ import annotations

from django.urls import path

from consent.public import preference_pages, sign_up_pages, views


app_name = "consent"
urlpatterns = [
    path("u/<str:token>", views.unsubscribe, name="unsubscribe"),
    path("sign-up", sign_up_pages.sign_up, name="sign_up"),
    path("s/<str:token>", sign_up_pages.confirm, name="confirm"),
    path("p/<str:token>", preference_pages.preferences, name="preferences"),
]
