"""The limit is exact, also for calls at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from gateway import throttles
from tests.gateway.clients import Api


def test_parallel_calls_get_through_exactly_as_often_as_allowed() -> None:
    name, gate = f"test:{threading.get_ident()}:{id(object())}", threading.Barrier(50)

    def call() -> bool:
        gate.wait()
        return throttles.count(name, limit=20).is_exceeded

    with ThreadPoolExecutor(50) as pool:
        exceeded = list(pool.map(lambda _: call(), range(50)))
    assert exceeded.count(False) == 20
    left = throttles._server(throttles.settings.REDIS_URL).pttl(f"coterie:throttle:{name}")
    assert 0 < left <= throttles.WINDOW_SECONDS * 1_000


@pytest.mark.django_db(transaction=True)
def test_fifty_requests_at_once_are_answered_by_the_limit() -> None:
    api, gate = Api(per_minute=20), threading.Barrier(50)

    def call() -> tuple[int, str | None]:
        gate.wait()
        try:
            answer = api.client_class().get("/api/v1/key", headers=api.headers)
            return answer.status_code, answer.get("Retry-After")
        finally:
            connection.close()

    api.client_class = type(api.client)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: call(), range(50)))
    statuses = [status for status, _ in answers]
    assert (statuses.count(200), statuses.count(429)) == (20, 30)
    assert all(0 < int(wait) <= 60 for status, wait in answers if status == 429)


@pytest.mark.django_db
def test_headers_say_how_many_are_left_and_refusals_count() -> None:
    api = Api([], per_minute=2)
    first = api.get("key")
    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    assert 0 < int(first["RateLimit-Reset"]) <= 60
    assert api.get("customers").status_code == 403
    third = api.get("key")
    assert (third.status_code, third.json()["code"]) == (429, "too_many_requests")
    assert third["RateLimit-Remaining"] == "0"
    assert 0 < int(third["Retry-After"]) <= 60
    # another key has a limit of its own
    assert Api().get("key").status_code == 200


@pytest.mark.django_db
def test_without_redis_requests_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles.settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    assert Api(per_minute=1).get("key").status_code == 200
