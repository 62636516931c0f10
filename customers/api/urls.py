"""Below /api/v1/. No address ends in a slash."""

from __future__ import annotations

from typing import Any

from django.urls import path

from customers.api.about import KeyEndpoint
from customers.api.customers import CustomerEndpoint
from customers.api.events import EventEndpoint
from customers.api.exports import ExportEndpoint
from customers.api.orders import OrderEndpoint, RefundEndpoint
from customers.api.products import ProductEndpoint
from customers.api.reviews import ReviewEndpoint


_LIST: dict[str, Any] = {"get": "listed", "post": "made"}
_ONE: dict[str, Any] = {"get": "shown"}

urlpatterns = [
    path("key", KeyEndpoint.as_view(_ONE)),
    path("customers", CustomerEndpoint.as_view(_LIST)),
    path("customers/<int:number>", CustomerEndpoint.as_view({**_ONE, "patch": "changed"})),
    path("customers/<int:number>/events", EventEndpoint.as_view(_LIST)),
    path("orders", OrderEndpoint.as_view(_LIST)),
    path("orders/<int:number>", OrderEndpoint.as_view(_ONE)),
    path("orders/<int:number>/refunds", RefundEndpoint.as_view(_LIST)),
    path("products", ProductEndpoint.as_view(_LIST)),
    path("products/<int:number>", ProductEndpoint.as_view(_ONE)),
    path("reviews", ReviewEndpoint.as_view(_LIST)),
    path("reviews/<int:number>", ReviewEndpoint.as_view(_ONE)),
    path("exports", ExportEndpoint.as_view(_LIST)),
    path("exports/<int:number>", ExportEndpoint.as_view(_ONE)),
    path("exports/<int:number>/file", ExportEndpoint.as_view({"get": "downloaded"})),
]
