"""What OpenAPI says: complete, valid, and its examples are true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from tests.gateway.fuzzing import SCHEMA
from tests.gateway.test_keys import OPERATIONS


RAW: dict[str, Any] = SCHEMA.raw_schema
DOCUMENTED = [
    pytest.param(operation, id=operation["operationId"])
    for path in RAW["paths"].values()
    for operation in path.values()
]


def test_schema_is_made_without_a_warning(tmp_path: Any) -> None:
    call_command(
        "spectacular", fail_on_warn=True, validate=True, file=str(tmp_path / "schema.yaml")
    )
    assert "openapi: 3" in (tmp_path / "schema.yaml").read_text()


def test_every_route_is_documented() -> None:
    assert len(DOCUMENTED) == len(OPERATIONS)


@pytest.mark.parametrize("operation", DOCUMENTED)
def test_operation_has_summary_scope_examples_and_errors(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["x-scope"]
    assert operation["security"] == [{"apiKey": []}]
    assert {"401", "403", "429"} <= set(operation["responses"])
    answers = [
        content
        for status, response in operation["responses"].items()
        if status < "300"
        for kind, content in response["content"].items()
        if kind == "application/json"
    ]
    assert all("examples" in content for content in answers)
    if "requestBody" in operation:
        assert {"400", "409", "415", "422"} <= set(operation["responses"])
        (body,) = operation["requestBody"]["content"].values()
        assert "examples" in body
        headers = [one["name"] for one in operation["parameters"] if one["in"] == "header"]
        assert headers == ["Idempotency-Key"]


@pytest.mark.parametrize(
    "function", [f for _, _, f in OPERATIONS if f.takes], ids=lambda f: f.__qualname__
)
def test_example_of_a_body_is_accepted(function: Any) -> None:
    serializer = function.takes(data=function.sent)
    assert serializer.is_valid(), serializer.errors


@pytest.mark.django_db
def test_schema_and_page_are_served_without_a_login_and_from_here_only(client: Client) -> None:
    schema = client.get("/api/schema/", {"format": "json"})
    assert schema.status_code == 200
    assert schema.json()["info"]["title"] == "Coterie"
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/").content.decode()
    assert "swagger-ui" in page
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 3
    assert all(address.startswith("/static/") for address in loaded)
    for address in loaded:
        assert finders.find(address.removeprefix("/static/")), address
