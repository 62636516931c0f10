"""Below /api/v1/. No address ends in a slash."""

from __future__ import annotations

from django.urls import path

from consent.api.consents import ConsentEndpoint, WordingEndpoint
from consent.api.data_requests import DataRequestEndpoint
from consent.api.sign_ups import SignUpEndpoint
from consent.api.suppressions import SuppressionEndpoint


urlpatterns = [
    path("customers/<int:number>/consent", ConsentEndpoint.as_view({"get": "shown"})),
    path("customers/<int:number>/consent/acts", ConsentEndpoint.as_view({"get": "listed"})),
    path("customers/<int:number>/consent/grants", ConsentEndpoint.as_view({"post": "granted"})),
    path(
        "customers/<int:number>/consent/withdrawals", ConsentEndpoint.as_view({"post": "withdrawn"})
    ),
    path("customers/<int:number>/consent/soft-opt-ins", SignUpEndpoint.as_view({"post": "soft"})),
    path("consent/sign-ups", SignUpEndpoint.as_view({"post": "made"})),
    path("consent/wordings", WordingEndpoint.as_view({"get": "listed"})),
    path("suppressions", SuppressionEndpoint.as_view({"get": "listed", "post": "made"})),
    path("data-requests", DataRequestEndpoint.as_view({"get": "listed", "post": "made"})),
    path("data-requests/<int:number>", DataRequestEndpoint.as_view({"get": "shown"})),
]
