from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client


pytestmark = pytest.mark.django_db
NOWHERE = "redis://127.0.0.1:1/0"


def test_healthz_answers_without_a_login(client: Client) -> None:
    reply = client.get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_readyz_is_fine_when_database_and_broker_answer(client: Client) -> None:
    reply = client.get("/readyz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_readyz_names_the_database_that_does_not_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = connection.copy()
    broken.settings_dict = {**connection.settings_dict, "HOST": "127.0.0.1", "PORT": "1"}
    monkeypatch.setattr("config.health.connection", broken)
    reply = client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json() == {"status": "not ready", "database": "OperationalError"}


def test_readyz_names_the_broker_that_does_not_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.cache.backends.redis import RedisCache

    monkeypatch.setattr("config.health.cache", RedisCache(NOWHERE, {}))
    reply = client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json() == {"status": "not ready", "broker": "ConnectionError"}
    assert cache.get("nothing") is None  # the tests' own cache was not touched


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_tells_nothing_about_the_shop(client: Client, path: str) -> None:
    assert set(client.get(path).json()) == {"status"}
    assert not client.get(path).cookies
