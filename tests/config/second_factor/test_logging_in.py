"""A password alone is nobody: the second step, wrong codes, used codes, recovery codes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.models import Authenticator
from config.second_factor import devices
from consent.models import PersonalDataAccess
from tests.config.second_factor.people import (
    code_of,
    forget,
    give,
    password_given,
    staff,
    with_app,
)
from tests.gateway.clients import Api


pytestmark = pytest.mark.django_db
CUSTOMERS = "/admin/customers/customer/"


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    """Appendix B of RFC 6238, the last six digits."""
    device = Authenticator(user=staff(), confirmed=True)
    device.seal(b"12345678901234567890")
    device.save()
    with time_machine.travel(at, tick=False):
        assert devices.verify(device.user, code).device == device


def test_who_has_none_logs_in_with_the_password() -> None:
    client, answer = password_given(staff(is_superuser=True), to=CUSTOMERS)
    assert answer.status_code == 200
    assert client.get(CUSTOMERS).status_code == 200


def test_the_password_alone_opens_nothing() -> None:
    user = staff(is_superuser=True)
    with_app(user)
    client, answer = password_given(user, to=CUSTOMERS)
    asks = reverse("second_factor:code")
    assert answer["Location"].startswith(asks)
    assert client.get(CUSTOMERS)["Location"].startswith(asks)
    assert client.post(CUSTOMERS, {})["Location"] == asks
    assert client.get(reverse("second_factor:own"))["Location"].startswith(asks)
    reset = client.post(reverse("second_factor:reset", args=[user.pk]))
    assert reset["Location"] == asks
    assert devices.has_one(user)
    # and the login page takes them for nobody
    assert client.get(reverse("admin:login")).status_code == 200
    assert client.get(asks).status_code == 200


def test_pages_outside_the_admin_take_a_password_alone_for_nobody() -> None:
    user = staff(is_superuser=True)
    with_app(user)
    client, _ = password_given(user)
    answer = client.get("/api/docs/")
    assert not answer.wsgi_request.user.is_authenticated


def test_the_code_leads_to_where_they_wanted_to_go() -> None:
    user = staff(is_superuser=True)
    device, _ = with_app(user)
    client, answer = password_given(user, to=CUSTOMERS)
    before = client.session.session_key
    asked = client.get(answer["Location"]).content.decode()
    assert f'name="next" value="{CUSTOMERS}"' in asked
    let_in = give(client, code_of(device), to=CUSTOMERS)
    assert let_in["Location"] == CUSTOMERS
    assert client.get(CUSTOMERS).status_code == 200
    assert client.session.session_key != before


def test_the_code_leads_nowhere_else() -> None:
    user = staff(is_superuser=True)
    device, _ = with_app(user)
    client, _ = password_given(user)
    assert give(client, code_of(device), to="https://evil.example/")["Location"] == "/admin/"


def test_a_code_may_have_a_space() -> None:
    user = staff()
    device, _ = with_app(user)
    code = code_of(device)
    assert devices.verify(user, f" {code[:3]} {code[3:]} ").device == device


def test_a_code_works_once() -> None:
    user = staff(is_superuser=True)
    device, _ = with_app(user)
    code = code_of(device)
    first, _ = password_given(user)
    second, _ = password_given(user)
    assert give(first, code).status_code == 302
    refused = give(second, code)
    assert refused.status_code == 422
    assert "used before" in refused.content.decode()
    assert second.get(CUSTOMERS).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_with_one_code_let_one_in() -> None:
    user = staff()
    device, _ = with_app(user)
    code, accepted = code_of(device), []

    def log_in() -> None:
        accepted.append(devices.verify(user, code).device is not None)
        connection.close()

    both = [threading.Thread(target=log_in) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(accepted) == [False, True]


def test_wrong_codes_make_even_the_right_one_wait() -> None:
    user = staff(is_superuser=True)
    device, _ = with_app(user)
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with time_machine.travel(start, tick=False):
        client, _ = password_given(user)
        assert give(client, "000000").status_code == 422
        assert "in 1 seconds" not in give(client, "000000").content.decode()
    with time_machine.travel(start + timedelta(seconds=2), tick=False):
        give(client, "000000")
        refused = give(client, code_of(device))
        assert refused.status_code == 422
        assert "in 2 seconds" in refused.content.decode()
    with time_machine.travel(start + timedelta(seconds=5), tick=False):
        assert give(client, code_of(device)).status_code == 302


def test_wrong_codes_are_in_the_log_by_number(caplog: pytest.LogCaptureFixture) -> None:
    user = staff("ada@shop.example")
    with_app(user)
    client, _ = password_given(user)
    give(client, "000000")
    assert f"login {user.pk} gave a wrong code" in caplog.text
    assert "ada@" not in caplog.text


def test_waits_end_within_twenty_minutes() -> None:
    """Else whoever knows a password could keep its owner out for years."""
    user = staff()
    device, _ = with_app(user)
    moment = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for _ in range(30):
        with time_machine.travel(moment, tick=False):
            waits = devices.verify(user, "000000").wait
        moment += timedelta(seconds=waits)
    assert waits == 1024
    with time_machine.travel(moment, tick=False):
        assert devices.verify(user, code_of(device)).device == device


def test_a_recovery_code_works_once_and_is_written_down() -> None:
    user = staff(is_superuser=True)
    _, codes = with_app(user)
    assert len(set(codes)) == 10
    client, _ = password_given(user)
    assert give(client, codes[0].upper()).status_code == 302
    assert client.get(CUSTOMERS).status_code == 200
    assert devices.codes_left(user) == 9
    again, _ = password_given(user)
    assert give(again, codes[0]).status_code == 422
    row = PersonalDataAccess.objects.get(what__startswith="second_factor")
    assert (row.actor, row.what) == ("eve", "second_factor:used_a_recovery_code:eve")


def test_the_last_recovery_codes_are_told_of() -> None:
    user = staff(is_superuser=True)
    _, codes = with_app(user)
    for code in codes[:6]:
        devices.verify(user, code)
    client, _ = password_given(user)
    give(client, codes[6])
    assert "3 recovery codes are left" in client.get("/admin/").content.decode()


def test_recovery_codes_of_somebody_else_log_in_nobody() -> None:
    eve, bob = staff("eve"), staff("bob")
    _, codes = with_app(bob)
    with_app(eve)
    assert devices.verify(eve, codes[0]).device is None


@pytest.mark.parametrize(
    "code", ["", " ", "12345", "1234567", "١٢٣٤٥٦", "a\x00b", "None", "x" * 20]
)
def test_odd_codes_are_wrong_codes(code: str) -> None:
    user = staff()
    with_app(user)
    client, _ = password_given(user)
    assert give(client, code).status_code == 422


def test_neither_key_nor_codes_are_in_the_database() -> None:
    user = staff()
    device, codes = with_app(user)
    stored = TOTPDevice.objects.get().key + " ".join(
        StaticToken.objects.values_list("token", flat=True)
    )
    assert device.bin_key.hex() not in stored
    assert device.key_text.replace(" ", "") not in stored
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


def test_a_key_in_the_row_of_somebody_else_is_worth_nothing() -> None:
    eve, bob = staff("eve"), staff("bob")
    mine, _ = with_app(eve)
    theirs, _ = with_app(bob)
    TOTPDevice.objects.filter(user=bob).update(key=mine.key)
    forget(bob)
    assert devices.verify(bob, code_of(mine)).device is None
    assert devices.verify(bob, code_of(theirs)).device is None


def test_without_the_key_of_the_environment_nobody_is_let_in(settings, caplog) -> None:
    user = staff(is_superuser=True)
    device, codes = with_app(user)
    code = code_of(device)
    settings.SOURCE_KEY = b"another"
    client, _ = password_given(user)
    assert give(client, code).status_code == 422
    assert "COTERIE_SOURCE_KEY" in caplog.text
    assert give(client, codes[0]).status_code == 422
    assert client.get(CUSTOMERS).status_code == 302


def test_a_login_for_tests_and_programs_goes_on(admin_client: Client, settings) -> None:
    assert admin_client.get(CUSTOMERS).status_code == 200
    settings.SECOND_FACTOR_ROLES = ("Marketer", "Approver", "Analyst", "Privacy officer", "Admin")
    assert Api().get("customers").status_code == 200
