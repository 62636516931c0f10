"""A client with a key, as a program would be one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from itertools import count
from typing import Any

from django.test import Client

from core import clock
from gateway import keys
from gateway.models import ApiKey
from gateway.scopes import SCOPES


_numbers = count(1)


def make_key(scopes: Iterable[str] = SCOPES, **more: Any) -> tuple[ApiKey, str]:
    return keys.create(
        name=f"Key {next(_numbers)}", scopes=list(scopes), **{"now": clock.now(), **more}
    )


class Api:
    """Calls below /api/v1/ with a key of its own; every write gets a new Idempotency-Key."""

    def __init__(self, scopes: Iterable[str] = SCOPES, **more: Any) -> None:
        self.key, self.secret = make_key(scopes, **more)
        self.client = Client(raise_request_exception=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body: Any, *, token: str | None = None, method: str = "post") -> Any:
        return getattr(self.client, method)(
            f"/api/v1/{path}",
            data=body if isinstance(body, bytes) else json.dumps(body),
            content_type="application/json",
            headers={**self.headers, "Idempotency-Key": token or str(uuid.uuid4())},
        )

    def patch(self, path: str, body: Any) -> Any:
        return self.post(path, body, method="patch")


def fields(response: Any) -> dict[str, str]:
    """The fields that a 422 names, with the codes."""
    assert response.status_code == 422, response.content
    return {error["field"]: error["code"] for error in response.json()["errors"]}
