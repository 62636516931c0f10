from __future__ import annotations

from django.urls import path

from consent import views


app_name = "consent"
urlpatterns = [path("u/<str:token>", views.unsubscribe, name="unsubscribe")]
