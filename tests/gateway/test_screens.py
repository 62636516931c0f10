"""Staff make a key, see it once, and revoke it; the command does the same."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from gateway.models import ApiKey
from tests.factories.customers import SourceFactory
from tests.gateway.clients import make_key


pytestmark = pytest.mark.django_db
NEW = "/admin/gateway/keys/new/"


def test_key_is_made_shown_once_and_revoked(admin_client: Client) -> None:
    source = SourceFactory()
    form = {
        "name": "Warehouse",
        "scopes": ["orders:read"],
        "source_ids": [source.pk],
        "per_minute": 60,
    }
    made = admin_client.post(NEW, form)
    assert made.status_code == 200
    (secret,) = set(re.findall(r"cot_[\w-]{43}", made.content.decode()))
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.source_ids, key.per_minute) == (
        "Warehouse", ["orders:read"], [source.pk], 60,
    )  # fmt: skip
    assert "no-store" in made["Cache-Control"]
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/orders", headers=headers).status_code == 200
    page = admin_client.get(f"/admin/gateway/keys/{key.pk}/").content.decode()
    assert secret not in page
    assert "Last used" in page
    admin_client.get(f"/admin/gateway/keys/{key.pk}/revoke/")  # a GET changes nothing
    assert Client().get("/api/v1/orders", headers=headers).status_code == 200
    admin_client.post(f"/admin/gateway/keys/{key.pk}/revoke/")
    assert Client().get("/api/v1/orders", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "change",
    [{"name": ""}, {"scopes": []}, {"scopes": ["all"]}, {"per_minute": 0}, {"name": "Taken"}],
)
def test_wrong_form_makes_no_key(admin_client: Client, change: dict) -> None:
    make_key(["orders:read"])
    ApiKey.objects.update(name="Taken")
    form = {"name": "Warehouse", "scopes": ["orders:read"], "per_minute": 60, **change}
    assert admin_client.post(NEW, form).status_code == 422
    assert ApiKey.objects.count() == 1


def test_staff_without_the_permission_make_no_key(client: Client) -> None:
    viewer = User.objects.create_user("v", password="v", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(viewer)
    key, _ = make_key()
    assert client.get(f"/admin/gateway/keys/{key.pk}/").status_code == 200
    assert client.get(NEW).status_code == 403
    assert client.post(f"/admin/gateway/keys/{key.pk}/revoke/").status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None


def run(*arguments: str) -> dict:
    out = StringIO()
    call_command("api_key", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_command_makes_lists_and_revokes() -> None:
    SourceFactory(name="Web shop")
    made = run(
        "create", "--name", "w", "--scopes", "orders:read,orders:write", "--source", "Web shop"
    )
    assert made["scopes"] == ["orders:read", "orders:write"]
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert Client().get("/api/v1/orders", headers=headers).status_code == 200
    (listed,) = run("list")["keys"]
    assert "key" not in listed
    assert run("revoke", "--name", "w")["revoked_at"]
    assert Client().get("/api/v1/orders", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", "--name", "w", "--scopes", "everything"),
        ("create", "--name", "w", "--source", "nowhere"),
        ("revoke", "--name", "nobody"),
    ],
)
def test_command_says_what_is_wrong(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
    assert not ApiKey.objects.exists()
