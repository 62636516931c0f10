"""Staff with and without a second factor, and their apps."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.models import Authenticator
from config.second_factor import devices


PASSWORD = "correct horse battery staple"


def staff(name: str = "eve", *, role: str = "", **more: Any) -> User:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, **more)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


def code_of(device: Authenticator, *, steps: int = 0) -> str:
    """What the app shows now, or so many half minutes later."""
    return f"{TOTP(device.bin_key, drift=steps).token():06d}"


def with_app(user: User) -> tuple[Authenticator, list[str]]:
    """Set one up, as long ago as a code is good for; and the recovery codes."""
    device = devices.begin(user)
    answer, codes = devices.confirm(user, code_of(device))
    assert answer.device is not None
    forget(user)
    return Authenticator.objects.get(pk=device.pk), codes


def forget(user: User) -> None:
    """As if the last code had been used long ago, and no wrong one since."""
    TOTPDevice.objects.filter(user=user).update(
        last_t=-1, throttling_failure_count=0, throttling_failure_timestamp=None
    )


def password_given(user: User, *, to: str = "/admin/", client: Client | None = None) -> Any:
    """The answer to the password, wherever it leads."""
    client = client or Client()
    login = f"{reverse('admin:login')}?next={to}"
    said = client.post(login, {"username": user.username, "password": PASSWORD, "next": to})
    assert said.status_code == 302, said.content.decode()
    return client, client.get(said["Location"])


def give(client: Client, code: str, *, to: str = "") -> Any:
    return client.post(reverse("second_factor:code"), {"code": code, "next": to})
