"""The Tracking API's door, through Django: who may come in, and what each is told."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.test import Client

from core import clock
from customers.enums import InboundStatus, Power
from customers.intake import keys, own_connection, throttle, views
from customers.models import InboundRequest, SourceKey
from tests.customers.intake.requests import EVENT, basic, post, segment_source


pytestmark = pytest.mark.django_db


@pytest.fixture
def opened() -> keys.Opened:
    return segment_source()


def error(answer: Any) -> tuple[int, str]:
    told = json.loads(answer.content)
    assert set(told) == {"success", "code", "message", "detail"}
    assert told["success"] is False
    assert told["message"] == told["detail"]
    return answer.status_code, told["code"]


def stored() -> InboundRequest:
    return InboundRequest.objects.get()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("name", "topic"), views.CALLS.items())
def test_every_spelling_stores_the_body_and_answers_exactly_200(
    name: str, topic: str, slash: str, opened: keys.Opened
) -> None:
    before = clock.now()
    answer = post(f"/v1/{name}{slash}", EVENT, key=opened.write_key)
    assert (answer.status_code, json.loads(answer.content)) == (200, {"success": True})
    assert answer["Content-Type"] == "application/json"
    row = stored()
    assert (row.source_id, row.topic, row.power) == (opened.source.pk, topic, Power.SERVER)
    assert json.loads(bytes(row.body)) == EVENT
    assert (row.status, row.headers, row.dedupe_key) == (InboundStatus.RECEIVED, {}, None)
    assert before <= row.received_at <= clock.now() + timedelta(seconds=1)


def test_calls_of_the_protocol_are_all_there() -> None:
    short = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias"}
    assert {
        "batch": "batch", "b": "batch", "import": "batch", **short,
        **{topic: topic for topic in short.values()},
    } == views.CALLS  # fmt: skip


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain; charset=UTF-8",
        "multipart/form-data; boundary=x",
        "",
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_json_is_json_whatever_it_is_called(
    content_type: str,
    zipped: bool,  # noqa: FBT001 - a parameter of the test
    opened: keys.Opened,
) -> None:
    body = json.dumps({"batch": [EVENT]}).encode()
    answer = post(
        "/v1/batch",
        gzip.compress(body) if zipped else body,
        key=opened.write_key,
        CONTENT_TYPE=content_type,
        **({"HTTP_CONTENT_ENCODING": "gzip"} if zipped else {}),
    )
    assert answer.status_code == 200
    assert bytes(stored().body) == body


def test_the_key_may_be_in_the_body_and_says_what_it_may_do(opened: keys.Opened) -> None:
    assert post("/v1/t", {**EVENT, "writeKey": opened.browser_key}).status_code == 200
    assert stored().power == Power.BROWSER


def test_the_key_of_the_header_comes_before_that_of_the_body(opened: keys.Opened) -> None:
    body = {**EVENT, "writeKey": opened.browser_key}
    assert post("/v1/t", body, key=opened.write_key).status_code == 200
    assert stored().power == Power.SERVER
    assert error(post("/v1/t", body, key="cs_unknown")) == (401, "unknown_key")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !",
        "Basic ÿ",
        "Bearer x",
        basic(""),
        basic("cs_x"),
        basic("\0"),
        basic("ü"),
    ],
)
def test_an_unknown_key_is_told_in_words_that_clients_understand(authorization: str) -> None:
    answer = post("/v1/batch", {"batch": [EVENT]}, HTTP_AUTHORIZATION=authorization)
    assert error(answer) == (401, "unknown_key")
    assert answer["WWW-Authenticate"].startswith("Basic")
    assert not InboundRequest.objects.exists()


@pytest.mark.parametrize("value", [None, 3, "", "\ud800", "\0", ["x"]])
def test_an_odd_key_in_the_body_is_an_unknown_one(value: object) -> None:
    assert error(post("/v1/track", {**EVENT, "writeKey": value})) == (401, "unknown_key")


def test_a_revoked_key_is_an_unknown_one(opened: keys.Opened) -> None:
    SourceKey.objects.update(revoked_at=clock.now())
    assert error(post("/v1/track", EVENT, key=opened.write_key)) == (401, "unknown_key")


@pytest.mark.parametrize(
    ("body", "status", "code", "reason"),
    [
        (b"no JSON", 400, "not_json", "not_json"),
        (b"", 400, "not_json", "not_json"),
        (b"[]", 400, "not_json", "not_json"),
        (b"x" * 600_000, 413, "too_large", "too_large"),
        (gzip.compress(b"x" * 60_000_000), 413, "too_large", "too_large"),
        (gzip.compress(b"{}")[:-4], 400, "not_gzip", "bad_compression"),
    ],
    ids=["text", "nothing", "list", "large", "bomb", "half"],
)
def test_what_is_refused_is_told_and_can_be_seen(
    body: bytes, status: int, code: str, reason: str, opened: keys.Opened
) -> None:
    zipped = {"HTTP_CONTENT_ENCODING": "gzip"} if body[:2] == b"\x1f\x8b" else {}
    assert error(post("/v1/batch", body, key=opened.write_key, **zipped)) == (status, code)
    row = stored()
    assert (row.status, row.reason, row.topic) == (InboundStatus.REJECTED, reason, "batch")
    # a stranger leaves no trace
    assert error(post("/v1/batch", body, **zipped)) == (status, code)
    assert InboundRequest.objects.count() == 1


def test_a_call_of_the_size_clients_stop_at_is_taken_and_a_larger_one_is_not(
    opened: keys.Opened,
) -> None:
    for size, expected in ((500 * 1024, 200), (600 * 1024, 413)):
        body = {"batch": [{**EVENT, "properties": {"text": "x" * size}}]}
        assert post("/v1/batch", body, key=opened.write_key).status_code == expected


@pytest.mark.parametrize(
    "item",
    [b'{"a":NaN}', b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"a":"\xff"}', rb'{"a":"\u0000"}'],
)
def test_an_odd_item_is_stored_with_its_neighbours_as_it_came(
    item: bytes, opened: keys.Opened
) -> None:
    body = b'{"batch":[{"type":"track"},' + item + b"]}"
    assert post("/v1/batch", body, key=opened.write_key).status_code == 200
    assert bytes(stored().body) == body


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
def test_only_post_is_taken_and_nothing_is_ever_redirected(method: str) -> None:
    for path in ("/v1/batch", "/v1/batch/", "/in/shopify/x", "/in/woocommerce/x/"):
        answer = Client().generic(method, path)
        assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
        if method != "HEAD":
            assert error(answer) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["/v1/", "/v1/nothing", "/v1/batch//", "/v1/Batch", "/in/", "/in/shopify", "/in/shopify/",
             "/in/magento/x", "/in/shopify/x/y", "/v1/batch/\0", "/in/shopify/%00", "/v1/ä"],
)  # fmt: skip
def test_an_address_that_is_none_is_404_in_json(path: str) -> None:
    answer = post(path, EVENT)
    assert error(answer) in {(404, "unknown_call"), (404, "unknown_address")}


def test_no_cookie_no_csrf_token_and_no_host_is_asked_for(opened: keys.Opened) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.generic(
        "POST", "/v1/track", json.dumps(EVENT), content_type="text/plain",
        HTTP_AUTHORIZATION=basic(opened.write_key),
    )  # fmt: skip
    assert answer.status_code == 200
    assert not answer.cookies


# ---------------------------------------------------------------- come again
def test_maintenance_asks_to_come_again(opened: keys.Opened, settings: Any) -> None:
    settings.MAINTENANCE = True
    answer = post("/v1/track", EVENT, key=opened.write_key)
    assert error(answer) == (503, "maintenance")
    assert int(answer["Retry-After"]) > 0
    assert not InboundRequest.objects.exists()


def test_a_database_that_is_away_asks_to_come_again(
    opened: keys.Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(work: object) -> None:
        raise own_connection.DatabaseAwayError from psycopg.OperationalError("somebody@example.com")

    monkeypatch.setattr(own_connection, "run", away)
    answer = post("/v1/track", EVENT, key=opened.write_key)
    assert error(answer) == (503, "unavailable")
    assert int(answer["Retry-After"]) > 0
    assert "OperationalError" in caplog.text
    assert "somebody" not in caplog.text


def test_whatever_goes_wrong_the_client_is_told_to_keep_the_data(
    opened: keys.Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(**row: object) -> None:
        raise KeyError("somebody@example.com")

    monkeypatch.setattr("customers.intake.landing.land", breaks)
    assert error(post("/v1/track", EVENT, key=opened.write_key)) == (500, "unexpected")
    assert "KeyError" in caplog.text
    assert "somebody" not in caplog.text


# ---------------------------------------------------------------- too many
@pytest.fixture
def steady_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute that does not end during the test, and that no other test counted in."""
    moment = float(60 * (10**7 + SourceKey.objects.order_by("-pk").values_list("pk", flat=True)[0]))
    monkeypatch.setattr(throttle.time, "time", lambda: moment + 10)
    monkeypatch.setattr(throttle, "_asks_again_at", 0.0)
    throttle._portions.clear()


@pytest.mark.parametrize("limit", [7, 250])
def test_requests_beyond_the_limit_are_told_when_to_come_again(
    limit: int, opened: keys.Opened, steady_minute: None, settings: Any
) -> None:
    settings.RECEIVE_PER_MINUTE = limit
    seen = [throttle.seconds_to_wait("key:a") for _ in range(limit + 3)]
    assert seen == [0] * limit + [51] * 3
    assert throttle.seconds_to_wait("key:b") == 0


def test_too_many_requests_are_429_with_retry_after(
    opened: keys.Opened, steady_minute: None, settings: Any
) -> None:
    settings.RECEIVE_PER_MINUTE = 1
    assert post("/v1/track", EVENT, key=opened.write_key).status_code == 200
    answer = post("/v1/track", EVENT, key=opened.write_key)
    assert error(answer) == (429, "too_many_requests")
    assert 0 < int(answer["Retry-After"]) <= 61
    assert post("/v1/track", EVENT, key=opened.browser_key).status_code == 200
    assert InboundRequest.objects.count() == 2


def test_without_a_limit_or_without_redis_nothing_is_counted(
    opened: keys.Opened, steady_minute: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECEIVE_PER_MINUTE = 0
    assert [throttle.seconds_to_wait("key:a") for _ in range(3)] == [0] * 3
    settings.RECEIVE_PER_MINUTE = 1
    monkeypatch.setattr(throttle, "_client", None)
    settings.REDIS_URL = (
        "redis://127.0.0.1:1/0"  # not by monkeypatch: the two would undo each other
    )
    assert [throttle.seconds_to_wait("key:a") for _ in range(3)] == [0] * 3


# ---------------------------------------------------------------- browsers
def test_a_preflight_is_answered_without_a_key_and_kept() -> None:
    for path in ("/v1/t", "/v1/batch/"):
        answer = Client().generic(
            "OPTIONS", path, HTTP_ORIGIN="https://shop.example",
            HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
            HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,content-type,x-retry-count",
        )  # fmt: skip
        assert answer.status_code == 200
        allowed = set(answer["Access-Control-Allow-Headers"].split(", "))
        assert {"authorization", "content-type", "x-retry-count"} <= allowed
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "POST" in answer["Access-Control-Allow-Methods"]
        assert int(answer["Access-Control-Max-Age"]) >= 600
        assert "Access-Control-Allow-Credentials" not in answer


def from_page(origin: str, key: str | None) -> tuple[int, str | None]:
    answer = post("/v1/t", EVENT, key=key, HTTP_ORIGIN=origin)
    return answer.status_code, answer.headers.get("Access-Control-Allow-Origin")


def test_a_browser_key_without_a_list_is_for_any_page_and_a_server_key_for_none(
    opened: keys.Opened,
) -> None:
    assert from_page("https://any.example", opened.browser_key) == (200, "*")
    assert from_page("https://any.example", opened.write_key) == (200, None)
    assert from_page("https://any.example", "cb_unknown") == (401, "*")


def test_a_browser_key_with_a_list_is_for_those_pages_only(opened: keys.Opened) -> None:
    opened.source.settings = {
        "allowed_origins": ["https://Shop.example/", "https://www.shop.example"]
    }
    opened.source.save()
    for origin in ("https://shop.example", "https://www.shop.example"):
        assert from_page(origin, opened.browser_key) == (200, origin)
    assert from_page("https://shop.example.evil.example", opened.browser_key) == (403, "*")
    assert from_page("null", opened.browser_key) == (403, "*")
    assert InboundRequest.objects.count() == 2
