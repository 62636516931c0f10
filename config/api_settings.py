"""Settings of the REST framework and of its schema; config.settings takes them over."""

from __future__ import annotations

from typing import Any


REST_FRAMEWORK: dict[str, Any] = {
    # closed to keys: an endpoint of ours asks for a scope instead (gateway.views)
    "DEFAULT_AUTHENTICATION_CLASSES": ["gateway.authentication.BearerKey"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_PARSER_CLASSES": ["gateway.parsers.StrictJson"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "gateway.errors.answer",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Coterie",
    "VERSION": "1",
    "DESCRIPTION": (
        "Send a key as `Authorization: Bearer cot_…`. Staff make keys, with scopes, in the admin. "
        "Every write needs an `Idempotency-Key`. Lists come in pages: send `next_cursor` back as "
        "`cursor`. Money is whole cents beside a currency, times are ISO 8601. Errors are "
        '`{"code", "message", "detail"}`, with `errors` naming the fields of a 422. Every answer '
        "says in `RateLimit-*` headers how many requests are left in this minute."
    ),
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    # it holds no data, and who writes a client has no login
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "BehaviourKind": "customers.api.events.BEHAVIOUR",
        "EventKind": "customers.enums.EventKind",
        "ReviewKind": "customers.enums.ReviewKind",
        "SourceKind": "customers.enums.SourceKind",
        "OrderStatus": "customers.enums.OrderStatus",
        "ExportStatus": "gateway.models.ExportStatus",
        "ExportKind": "customers.exporting.NAMES",
        "ConsentChannel": "consent.enums.Channel",
        "MarketingChannel": "consent.api.consents.MARKETING_CHANNELS",
        "DataRequestKind": "consent.enums.RequestKind",
        "DataRequestAsked": "consent.api.data_requests.ASKED",
        "DataRequestStatus": "consent.enums.RequestStatus",
        "SegmentKind": "segmentation.enums.SegmentKind",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False},
}
