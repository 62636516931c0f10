"""Bodies that no JSON parser, database or calendar survives by itself."""

from __future__ import annotations

import pytest

from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b'{"external_id": NaN}', 400),
        (b'{"external_id": "a", "traits": {"x": Infinity}}', 400),
        (b'{"external_id": "a", "external_id": "b"}', 400),
        (b'\xff\xfe{"external_id": "a"}', 400),
        (b'{"external_id": "a", "traits": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, 400),
        (b'{"external_id": "a", "traits": {"x": ' + b"9" * 400 + b"}}", 422),
        (b'{"external_id": "a", "traits": {"x": ' + b"9" * 5_000 + b"}}", 400),
        (b'{"external_id": "a", "traits": {"x": 1e400}}', 422),
        (b'{"external_id": "a", "traits": {"x": "\\ud800"}}', 422),
        (b'{"external_id": "a", "source_id": 1e400}', 422),
        (b'{"external_id": "a", "\\ud800": 1}', 422),
        (b'{"external_id": "a", "joined_at": "0001-01-01T00:00:00+23:59"}', 422),
        (b'{"external_id": "a", "joined_at": "9999-12-31T23:59:59-23:59"}', 422),
        (b'{"external_id": "a", "joined_at": 1e9}', 422),
        (b'["external_id"]', 422),
        (b"null", 422),
        (b'"' + b"x" * 2_600_000 + b'"', 413),
    ],
)
def test_bad_body_is_the_client_s(api: Api, body: bytes, status: int) -> None:
    answer = api.post("customers", body)
    assert answer.status_code == status, answer.content[:300]
    assert {"code", "message", "detail"} <= set(answer.json())
    assert answer.json()["message"] == answer.json()["detail"]


def test_text_is_kept_in_nfc(api: Api) -> None:
    said = api.post("customers", {"external_id": "a", "last_name": "Mu\u0308ller"}).json()
    assert said["last_name"] == "Müller"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_other_content_types_are_415(api: Api, kind: str) -> None:
    answer = api.client.post(
        "/api/v1/customers", data=b'{"external_id": "a"}', content_type=kind,
        headers={**api.headers, "Idempotency-Key": "1"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*;q=0"])
def test_answer_is_json_whatever_is_accepted(api: Api, accept: str) -> None:
    answer = api.client.get("/api/v1/customers", headers={**api.headers, "Accept": accept})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"


def test_failure_of_ours_is_told_in_the_same_shape(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk is full of c-1@example.com")

    monkeypatch.setattr("customers.api.customers.page", fail)
    answer = api.get("customers")
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert "example.com" not in answer.content.decode()
