"""Requests at the doors, as Django's test client sends them; and whose key and address they carry."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from django.test import Client

from customers.enums import SourceKind
from customers.intake import keys
from tests.factories.customers import NOW


EVENT = {"type": "track", "event": "Product Viewed", "userId": "u1", "messageId": "m1"}


def segment_source(name: str = "Events") -> keys.Opened:
    return keys.open_source(kind=SourceKind.SEGMENT, name=name, now=NOW)


def basic(key: str | None) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def post(path: str, body: Any, *, key: str | None = None, **headers: str) -> Any:
    """The answer; `body` may be bytes, text or what JSON can say; headers are spelled as WSGI does."""
    if isinstance(body, dict | list):
        body = json.dumps(body)
    if key:
        headers["HTTP_AUTHORIZATION"] = basic(key)
    content_type = headers.pop("CONTENT_TYPE", "application/json")
    return Client(raise_request_exception=True).generic(
        "POST", path, body, content_type=content_type, **headers
    )


def signature(secret: str | None, body: bytes) -> str:
    return base64.b64encode(hmac.new(str(secret).encode(), body, hashlib.sha256).digest()).decode()
