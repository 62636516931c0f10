"""Setting one up, who must, and taking it away from who has lost it."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from config import env, roles
from config.models import Authenticator
from config.second_factor import devices
from consent.accountability import audit_words
from consent.models import PersonalDataAccess
from tests.config.second_factor.people import (
    PASSWORD,
    code_of,
    forget,
    give,
    password_given,
    staff,
    with_app,
)


pytestmark = pytest.mark.django_db
OWN, HOME = "/admin/second-factor/", "/admin/"


def act(client: Client, name: str, **more: str) -> Any:
    return client.post(OWN, {"act": name, **more})


def logs() -> list[str]:
    rows = PersonalDataAccess.objects.filter(what__startswith="second_factor").order_by("pk")
    return [f"{row.actor}: {audit_words.what(row)}" for row in rows]


def test_everybody_sets_one_up_on_a_page_of_their_own() -> None:
    user = staff(role="Approver")
    client, home = password_given(user)
    assert f'href="{OWN}"' in home.content.decode()
    assert "Set it up" in client.get(OWN).content.decode()
    assert act(client, "begin", password="not mine").status_code == 422
    assert devices.begun(user) is None
    assert act(client, "begin", password=PASSWORD).status_code == 302
    device = devices.begun(user)
    assert device is not None
    shown = client.get(OWN)
    assert device.key_text in shown.content.decode()
    assert "data:image/svg+xml" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    # it counts for nothing yet
    assert password_given(user)[1].status_code == 200
    assert act(client, "confirm", code="000000").status_code == 422
    forget(user)
    confirmed = act(client, "confirm", code=code_of(device))
    codes = re.findall(r"<code>([a-z2-7]{5}-[a-z2-7]{5})</code>", confirmed.content.decode())
    assert len(codes) == 10
    # this session is through, and the codes are not to be seen again
    again = client.get(OWN).content.decode()
    assert "Recovery codes left" in again
    assert device.key_text not in again
    assert not any(code in again for code in codes)
    assert logs() == ["eve: Second factor of eve: set up"]


def test_other_sessions_are_asked_for_the_code_from_then_on() -> None:
    user = staff(is_superuser=True)
    other, answer = password_given(user)
    assert answer.status_code == 200
    with_app(user)
    assert other.get(HOME)["Location"].startswith(reverse("second_factor:code"))


def test_moving_to_another_device_keeps_the_first_until_the_second_is_confirmed() -> None:
    user = staff()
    old, codes = with_app(user)
    client, _ = password_given(user)
    give(client, code_of(old))
    act(client, "begin", password=PASSWORD)
    new = devices.begun(user)
    assert new is not None
    forget(user)
    assert devices.verify(user, code_of(new)).device is None
    forget(user)
    assert devices.verify(user, code_of(old)).device == old
    assert act(client, "confirm", code=code_of(new)).status_code == 200
    assert client.get(HOME).status_code == 200
    assert list(Authenticator.objects.values_list("pk", flat=True)) == [new.pk]
    forget(user)
    assert devices.verify(user, code_of(old)).device is None
    assert devices.verify(user, codes[0]).device is None


def test_cancelling_leaves_everything_as_it_was() -> None:
    user = staff()
    old, _ = with_app(user)
    client, _ = password_given(user)
    give(client, code_of(old))
    act(client, "begin", password=PASSWORD)
    act(client, "cancel")
    assert devices.begun(user) is None
    assert devices.has_one(user)


def test_new_recovery_codes_make_the_earlier_ones_void() -> None:
    user = staff()
    device, before = with_app(user)
    client, _ = password_given(user)
    give(client, code_of(device))
    assert act(client, "codes", password="not mine").status_code == 422
    after = re.findall(
        r"<code>([a-z2-7]{5}-[a-z2-7]{5})</code>",
        act(client, "codes", password=PASSWORD).content.decode(),
    )
    assert devices.verify(user, before[0]).device is None
    assert len(after) == 10
    assert devices.codes_left(user) == 10


def test_enter_after_the_password_makes_nothing_void() -> None:
    """It presses the first button of the form."""
    user = staff()
    device, _ = with_app(user)
    client, _ = password_given(user)
    give(client, code_of(device))
    page = client.get(reverse("second_factor:own")).content.decode()
    assert re.findall(r'name="act" value="(\w+)"', page) == ["begin", "codes", "off"]


def test_turning_off_takes_the_password_and_a_role_that_does_not_need_one(settings) -> None:
    user = staff(role="Analyst")
    device, _ = with_app(user)
    client, _ = password_given(user)
    give(client, code_of(device))
    assert act(client, "off", password="not mine").status_code == 422
    settings.SECOND_FACTOR_ROLES = ("Analyst",)
    act(client, "off", password=PASSWORD)
    assert devices.has_one(user)
    settings.SECOND_FACTOR_ROLES = ()
    act(client, "off", password=PASSWORD)
    assert not devices.has_one(user)
    assert client.get(HOME).status_code == 200


@pytest.mark.parametrize(
    ("role", "more", "must"),
    [
        ("Privacy officer", {}, True),
        ("Admin", {}, True),
        ("", {"is_superuser": True}, True),
        ("Marketer", {}, False),
    ],
)
def test_who_must_have_one_reaches_only_the_page_to_set_it_up(
    settings, role: str, more: dict[str, bool], *, must: bool
) -> None:
    settings.SECOND_FACTOR_ROLES = ("Privacy officer", "Admin")
    user = staff(role=role, **more)
    client, answer = password_given(user, to="/admin/customers/customer/")
    assert (answer.status_code == 302) is must
    if must:
        assert answer["Location"].startswith(OWN)
        assert client.get("/admin/consent/datarequest/").status_code == 302
        assert not client.get("/api/docs/").wsgi_request.user.is_authenticated
        assert "Your role needs" in client.get(OWN).content.decode()
        act(client, "begin", password=PASSWORD)
        device = devices.begun(user)
        assert device is not None
        assert act(client, "confirm", code=code_of(device)).status_code == 200
    assert client.get("/admin/customers/customer/").status_code == 200


def test_an_admin_takes_it_away_and_it_is_written_down() -> None:
    user = staff(is_superuser=True)
    device, _ = with_app(user)
    client, _ = password_given(user)
    give(client, code_of(device))
    begun_elsewhere, _ = password_given(user)
    boss = Client()
    boss.force_login(staff("boss", role="Admin"))
    page = reverse("second_factor:reset", args=[user.pk])
    listed = boss.get(reverse("admin:auth_user_change", args=[user.pk])).content.decode()
    assert f'href="{page}"' in listed
    assert "logged out everywhere" in boss.get(page).content.decode()
    assert devices.has_one(user)  # looking takes nothing
    assert boss.post(page).status_code == 302
    assert not devices.has_one(user)
    assert devices.codes_left(user) == 0
    for session in (client, begun_elsewhere):
        assert session.get(HOME)["Location"].startswith(reverse("admin:login"))
    assert logs() == ["boss: Second factor of eve: reset"]


@pytest.mark.parametrize("role", ["Marketer", "Approver", "Analyst", "Privacy officer"])
def test_nobody_else_takes_it_away(role: str) -> None:
    user = staff()
    with_app(user)
    client = Client()
    client.force_login(staff("other", role=role))
    assert client.post(reverse("second_factor:reset", args=[user.pk])).status_code == 403
    assert devices.has_one(user)


def test_the_list_of_staff_says_who_has_one(admin_client: Client) -> None:
    with_app(staff())
    page = admin_client.get(reverse("admin:auth_user_changelist"))
    rows = {row.username: row.has_one for row in page.context["cl"].result_list}
    assert rows == {"admin": False, "eve": True}


def test_keys_and_codes_of_others_are_on_no_page() -> None:
    assert not {
        model._meta.label for model in admin.site._registry if "otp" in model._meta.app_label
    }


def test_the_command_lists_and_lets_the_locked_out_operator_in(settings) -> None:
    settings.SECOND_FACTOR_ROLES = ("Admin",)
    user = staff(is_superuser=True)
    staff("bob", role="Admin")
    staff("ann")
    with_app(user)
    said = StringIO()
    call_command("second_factor", stdout=said)
    lines = {line.split()[0]: line for line in said.getvalue().splitlines()}
    assert "10 recovery codes left" in lines["eve"]
    assert "needs one" in lines["bob"]
    assert lines["ann"].endswith("none")
    call_command("second_factor", reset="eve", stdout=said)
    assert not devices.has_one(user)
    assert logs() == ["command line: Second factor of eve: reset"]
    for login in ("eve", "nobody"):
        with pytest.raises(CommandError):
            call_command("second_factor", reset=login)


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("", ()),
        ("0", ()),
        ("1", ("Privacy officer", "Admin")),
        ("analyst, ADMIN", ("Analyst", "Admin")),
        ("all", env.ROLES),
    ],
)
def test_the_setting_names_roles(monkeypatch: pytest.MonkeyPatch, value: str, asked: Any) -> None:
    monkeypatch.setenv("COTERIE_REQUIRE_SECOND_FACTOR", value)
    assert env.roles("COTERIE_REQUIRE_SECOND_FACTOR") == asked


def test_a_role_that_is_not_there_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_REQUIRE_SECOND_FACTOR", "Boss")
    with pytest.raises(ImproperlyConfigured, match="boss"):
        env.roles("COTERIE_REQUIRE_SECOND_FACTOR")
    assert tuple(role.name for role in roles.ROLES) == env.ROLES


def test_a_key_that_was_begun_and_left_is_gone_after_a_while() -> None:
    user = staff()
    client, _ = password_given(user)
    act(client, "begin", password=PASSWORD)
    device = devices.begun(user)
    assert device is not None
    Authenticator.objects.filter(pk=device.pk).update(
        created_at=device.created_at - devices.BEGUN_FOR - timedelta(seconds=1)
    )
    assert device.key_text not in client.get(OWN).content.decode()
    answer, codes = devices.confirm(user, code_of(device))
    assert (answer.device, codes) == (None, [])


def test_a_key_begun_under_another_secret_does_not_keep_its_owner_out(settings: Any) -> None:
    user = staff()
    client, _ = password_given(user)
    act(client, "begin", password=PASSWORD)
    settings.SOURCE_KEY = b"another secret than the one of before"
    assert client.get(OWN).status_code == 200
    assert devices.begun(user) is None
