"""What a second factor is made of: set one up, ask for its code, take it away."""

from __future__ import annotations

import base64
import math
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticToken

from config.models import Authenticator, RecoveryCodes


CODES = 10
BEGUN_FOR = timedelta(minutes=10)
_OF_APP = re.compile(r"[0-9]{6}")
_BETWEEN = re.compile(r"[\s-]+")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a code: the device that accepted it, or how many seconds to wait before the next try."""

    device: Authenticator | RecoveryCodes | None
    wait: int = 0


@dataclass(frozen=True, kw_only=True)
class State:
    """What somebody has: since when, when it was last asked, and how many recovery codes are left."""

    since: datetime
    last_used_at: datetime | None
    codes_left: int


def has_one(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, confirmed=True).exists())


def state_of(user: User) -> State | None:
    found = Authenticator.objects.filter(user=user, confirmed=True).first()
    if found is None:
        return None
    return State(
        since=found.created_at, last_used_at=found.last_used_at, codes_left=codes_left(user)
    )


def codes_left(user: User) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())


def is_required(user: User) -> bool:
    """Whether one of their roles must have one; who is a superuser counts as an Admin."""
    roles = settings.SECOND_FACTOR_ROLES
    if not roles:
        return False
    if user.is_superuser and "Admin" in roles:
        return True
    return user.groups.filter(name__in=roles).exists()


# ---------------------------------------------------------------- setting up
def begin(user: User) -> Authenticator:
    """A device with a new key, which counts for nothing until its first code was typed in."""
    with transaction.atomic():
        Authenticator.objects.filter(user=user, confirmed=False).delete()
        device = Authenticator(user=user, name="app", confirmed=False)
        device.seal(secrets.token_bytes(20))
        device.save()
    return device


def begun(user: User) -> Authenticator | None:
    """What they are setting up, for a while: the page shows its key to whoever finds the session open."""
    found: Authenticator | None = Authenticator.objects.filter(user=user, confirmed=False).first()
    oldest = timezone.now() - BEGUN_FOR  # noqa: TID251 - as below
    if found and (found.created_at < oldest or not found.can_be_opened()):
        found.delete()
        return None
    return found


def confirm(user: User, code: str) -> tuple[Answer, list[str]]:
    """With the first code of the device that was begun it takes the place of all others; and its recovery codes."""
    with transaction.atomic():
        mine = Authenticator.objects.select_for_update().filter(user=user)
        device = mine.filter(confirmed=False).first() if begun(user) else None
        answer = _ask(device, code)
        if device is None or answer.device is None:
            return answer, []
        mine.filter(confirmed=True).delete()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        return answer, make_codes(user)


def make_codes(user: User) -> list[str]:
    """Ten new recovery codes of 50 random bits, to be shown once; those before are void."""
    with transaction.atomic():
        RecoveryCodes.objects.filter(user=user).delete()
        device = RecoveryCodes.objects.create(user=user, name="recovery codes")
        codes = [
            base64.b32encode(secrets.token_bytes(7)).decode().lower()[:10] for _ in range(CODES)
        ]
        StaticToken.objects.bulk_create(
            StaticToken(device=device, token=device.digest(code)) for code in codes
        )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


# ---------------------------------------------------------------- logging in
def verify(user: User, code: str) -> Answer:
    """Ask the device that a code of this shape is of: the app for six digits, the paper for anything else."""
    code = _BETWEEN.sub("", code).lower()
    model = Authenticator if _OF_APP.fullmatch(code) else RecoveryCodes
    # the row is held: two requests with one code cannot both find it unused
    with transaction.atomic():
        device = model.objects.select_for_update().filter(user=user, confirmed=True).first()
        return _ask(device, code)


def _ask(device: Authenticator | RecoveryCodes | None, code: str) -> Answer:
    if device is None:
        return Answer(device=None)
    code = _BETWEEN.sub("", code).lower()
    allowed, why = device.verify_is_allowed()
    if allowed and device.verify_token(code):
        return Answer(device=device)
    if allowed:
        allowed, why = device.verify_is_allowed()
    return Answer(device=None, wait=0 if allowed else _seconds_until(why["locked_until"]))


def _seconds_until(moment: datetime) -> int:
    # the machine's clock, as the library's: codes know nothing of a simulated one
    return max(1, math.ceil((moment - timezone.now()).total_seconds()))  # noqa: TID251


# ---------------------------------------------------------------- taking away
def take_away(user: User) -> bool:
    """Without a device, and logged out everywhere; False where there was none."""
    with transaction.atomic():
        had, _ = Authenticator.objects.filter(user=user).delete()
        RecoveryCodes.objects.filter(user=user).delete()
    end_sessions(user)
    return bool(had)


def turn_off(user: User) -> None:
    """Without a device, by their own wish; this session goes on."""
    with transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        RecoveryCodes.objects.filter(user=user).delete()


def end_sessions(user: User) -> None:
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
