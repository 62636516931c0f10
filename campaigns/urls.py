from __future__ import annotations

from django.urls import path

from campaigns import views


app_name = "campaigns"
urlpatterns = [
    path("c/<str:token>/<int:number>", views.click, name="click"),
    path("returns/<str:name>", views.provider, name="provider"),
]
