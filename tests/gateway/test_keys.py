"""Who comes in: valid keys only, by their header only, and no further than their scopes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from core import clock
from gateway import keys
from gateway.models import ApiKey
from gateway.scopes import SCOPES
from gateway.views import ANY_KEY, Endpoint
from tests.gateway.clients import Api, make_key


pytestmark = pytest.mark.django_db


def test_key_is_kept_as_a_hash_only() -> None:
    key, secret = make_key(["customers:read"])
    kept = ApiKey.objects.values().get(pk=key.pk)
    assert secret not in str(kept)
    assert secret.startswith(kept["prefix"])
    assert keys.find(secret, now=clock.now()) == key
    assert keys.find(secret + "x", now=clock.now()) is None


def test_unknown_scope_is_refused() -> None:
    with pytest.raises(keys.UnknownScopeError, match="customers:fly"):
        make_key(["customers:fly"])


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_ended_key_opens_nothing(end: str) -> None:
    api = Api()
    assert api.get("key").status_code == 200
    if end == "revoked":
        keys.revoke(api.key, now=clock.now())
    else:
        ApiKey.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    answer = api.get("key")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert set(answer.json()) == {"code", "message", "detail"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer nothing",
        "Basic {}",
        "Token {}",
        "{}",
        "Bearer \xff\xfe",
        "Bearer {} {}",
    ],
)
def test_other_headers_open_nothing(header: str) -> None:
    _, secret = make_key()
    headers = {"Authorization": header.format(secret, secret)} if header else {}
    answer = Client().get("/api/v1/key", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_session_of_staff_opens_nothing(admin_client: Client) -> None:
    assert User.objects.filter(is_superuser=True).exists()
    assert admin_client.get("/api/v1/customers").status_code == 401


def test_use_is_noted_once_a_minute() -> None:
    api = Api()
    api.get("key")
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    api.get("key")
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    api.get("key")
    assert ApiKey.objects.get().last_used_at >= first


# ---------------------------------------------------------------- every operation with every scope
def operations() -> list[tuple[str, str, Any]]:
    """Method, path and the function behind it, of every route of an Endpoint."""
    found = []

    def walk(patterns: list[Any], before: str) -> None:
        for pattern in patterns:
            path = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, path)
            elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "actions"):
                for method, action in pattern.callback.actions.items():
                    if method != "head":
                        assert issubclass(pattern.callback.cls, Endpoint)
                        where = "/" + path.replace("<int:number>", "999999999")
                        found.append((method, where, getattr(pattern.callback.cls, action)))

    walk(get_resolver().url_patterns, "")
    return found


OPERATIONS = operations()


def test_every_operation_names_a_scope_that_exists() -> None:
    assert len(OPERATIONS) > 35
    scopes = {function.scope for _, _, function in OPERATIONS}
    assert scopes <= {*SCOPES, ANY_KEY}
    # and every scope opens something; the one for names changes what is shown
    assert set(SCOPES) - scopes == {"customers:pii"}


@pytest.mark.parametrize("scope", [*SCOPES, None])
def test_scope_opens_its_operations_and_no_others(scope: str | None) -> None:
    api = Api([scope] if scope else [])
    for method, path, function in OPERATIONS:
        headers = {**api.headers, "Idempotency-Key": f"{method} {path}".replace(" ", "-")}
        answer = getattr(api.client, method)(
            path,
            content_type="application/json",
            data={} if method == "get" else "{}",
            headers=headers,
        )
        opened = function.scope in {scope, ANY_KEY}
        assert (answer.json().get("code") != "missing_scope") == opened, (scope, method, path)
        if not opened:
            assert answer.status_code == 403
            assert function.scope in answer.json()["message"]
        else:
            assert answer.status_code in {200, 404, 422}, (method, path, answer.content)


@pytest.mark.parametrize("method", ["put", "delete", "options", "patch"])
def test_other_methods_are_told_apart(method: str) -> None:
    api = Api()
    answer = getattr(api.client, method)("/api/v1/orders", headers=api.headers)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/nothing", "/api/v1/customers/", "/api/v2/customers"]
)
def test_unknown_address_is_told_in_json(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "message", "detail"}


def test_unknown_address_outside_of_the_api_is_a_page() -> None:
    answer = Client().get("/nothing")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_key_tells_about_itself() -> None:
    api = Api(["orders:read"], per_minute=7)
    said = api.get("key").json()
    assert said["scopes"] == ["orders:read"]
    assert said["requests_per_minute"] == 7
    assert not said["is_restricted"]
