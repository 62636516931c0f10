"""`manage.py source`: what it prints works at the doors."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from customers.intake import holders, keys
from customers.models import InboundRequest, Source
from tests.customers.intake.requests import EVENT, post, signature


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_doors() -> None:
    holders.forget()


def source(*arguments: str, **options: Any) -> Any:
    out = io.StringIO()
    call_command("source", *arguments, "--json", stdout=out, **options)
    return json.loads(out.getvalue().splitlines()[-1])


def test_a_segment_source_gets_the_base_address_and_two_keys(settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://coterie.shop.example"
    told = source("create", "segment", "--name", "Web", "--origin", "https://shop.example")
    assert set(told) == {"id", "url", "write_key", "browser_key"}
    assert told["url"] == "https://coterie.shop.example"
    for key in ("write_key", "browser_key"):
        assert post("/v1/track", EVENT, key=told[key]).status_code == 200
    assert Source.objects.get(pk=told["id"]).settings == {
        "allowed_origins": ["https://shop.example"]
    }


@pytest.mark.parametrize(
    ("kind", "header"),
    [("shopify", "HTTP_X_SHOPIFY_HMAC_SHA256"), ("woocommerce", "HTTP_X_WC_WEBHOOK_SIGNATURE")],
)
def test_a_webhook_source_gets_an_address_and_a_secret_that_can_be_set(
    kind: str, header: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_URL = "https://coterie.shop.example"
    told = source("create", kind, "--name", "Shop")
    assert set(told) == {"id", "url", "secret"}
    assert told["url"].startswith(f"https://coterie.shop.example/in/{kind}/")
    path = told["url"].removeprefix("https://coterie.shop.example")
    assert post(path, b"{}", **{header: signature(told["secret"], b"{}")}).status_code == 200

    monkeypatch.setattr("sys.stdin", io.StringIO("the shop's own\n"))
    assert source("secret", str(told["id"])) == {"id": told["id"], "url": told["url"]}
    holders.forget()
    assert post(path, b"[]", **{header: signature("the shop's own", b"[]")}).status_code == 200
    assert post(path, b"[]", **{header: signature(told["secret"], b"[]")}).status_code == 401
    read = InboundRequest.objects.exclude(reason="bad_signature")
    assert read.count() == 2


def test_a_source_of_files_has_nothing_to_show() -> None:
    assert set(source("create", "csv", "--name", "Files")) == {"id"}


def test_rotating_prints_a_key_in_place_of_the_old() -> None:
    told = source("create", "segment", "--name", "Web")
    new = source("rotate", str(told["id"]), "--power", "browser")
    assert new["key"].startswith("cb_")
    assert post("/v1/t", EVENT, key=new["key"]).status_code == 200
    assert post("/v1/t", EVENT, key=told["browser_key"]).status_code == 401
    assert post("/v1/t", EVENT, key=told["write_key"]).status_code == 200
    (listed,) = source("list")
    assert (listed["name"], listed["url"], len(listed["keys"])) == ("Web", told["url"], 2)
    assert new["key"] not in json.dumps(listed)


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", "magento", "--name", "x"),
        ("create", "segment"),
        ("create", "segment", "--name", "taken"),
        ("rotate", "0"),
        ("rotate", "shop"),
        ("rotate",),
        ("secret", "0"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(arguments: tuple[str, ...]) -> None:
    source("create", "csv", "--name", "taken")
    with pytest.raises(CommandError) as error:
        source(*arguments)
    assert error.value.returncode == 2
    assert Source.objects.count() == 1


def test_keys_are_only_for_sources_that_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = source("create", "shopify", "--name", "Shop")
    events = source("create", "segment", "--name", "Web")
    with pytest.raises(CommandError, match="has no keys"):
        source("rotate", str(shop["id"]))
    monkeypatch.setattr("sys.stdin", io.StringIO("s\n"))
    with pytest.raises(CommandError, match="no source of webhooks"):
        source("secret", str(events["id"]))
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(CommandError, match="empty"):
        source("secret", str(shop["id"]))
    assert keys.unseal(Source.objects.get(pk=shop["id"]).sealed_secret) == shop["secret"]


def test_for_people_it_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("source", "create", "segment", "--name", "Web")
    assert "shown only now" in capsys.readouterr().out
    call_command("source", "list")
    assert "Web" in capsys.readouterr().out
