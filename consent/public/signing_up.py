"""
Double opt-in: an address asks, and allows nothing before its owner has confirmed.

Everything that can be told from outside is the same for an address that we know, one that we do not,
one that is suppressed and one that has asked too often: nobody learns whose customer somebody is.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from consent import ledger, one_time_tokens, topics, wordings
from consent.enums import Provenance, Purpose
from consent.models import ServiceMessage, SignUp, Wording
from core import ids
from customers.enums import SourceKind
from customers.models import Customer, Source


log = logging.getLogger(__name__)

CONFIRM = "confirm a sign-up"
METHOD = "double opt-in"
SOURCE = "Sign-ups"
VALID = timedelta(days=7)
KEPT = timedelta(days=30)
AT_MOST_A_DAY = 3
"""Messages to one mailbox in 24 hours, whoever asks: nobody can be flooded through us."""
BETWEEN = timedelta(minutes=5)
_LOCK = 0x51617  # first key of the advisory locks by which a mailbox is counted once at a time


class UnknownPurposeError(ValueError):
    """Nobody is asked for this; the message names it."""


class Found(Enum):
    """What a link stands for."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


def offered(*, language: str) -> list[Wording]:
    """The texts that can be signed up for: promotions, and every newsletter that is offered."""
    purposes = [Purpose.MARKETING.value, *(topic.purpose for topic in topics.offered())]
    shown = (wordings.shown(purpose, language=language) for purpose in purposes)
    return [wording for wording in shown if wording is not None]


def texts_of(purposes: Collection[str], *, language: str) -> list[Wording]:
    """The offered texts of `purposes`. Raises UnknownPurposeError."""
    known = {wording.purpose: wording for wording in offered(language=language)}
    for purpose in purposes:
        if purpose not in known:
            raise UnknownPurposeError(purpose)
    return [known[purpose] for purpose in known if purpose in purposes]


def ask(
    *,
    address: str,
    texts: Sequence[Wording],
    language: str,
    form: str,
    now: datetime,
    evidence: Mapping[str, Any] | None = None,
) -> None:
    """
    Have `address` asked to confirm that it wants what `texts` say; the message leaves by itself.

    An address that has been asked too often lately is silently not asked again.
    """
    mailbox = _hmac(_mailbox(address))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, mailbox])
        lately = SignUp.objects.filter(mailbox_hmac=mailbox, asked_at__gt=now - timedelta(days=1))
        moments = list(lately.values_list("asked_at", flat=True))
        if len(moments) >= AT_MOST_A_DAY or any(at > now - BETWEEN for at in moments):
            log.info("a sign-up was not asked to confirm again: too many lately")
            return
        nonce = one_time_tokens.new_nonce()
        token = one_time_tokens.make(nonce, purpose=CONFIRM)
        sign_up = SignUp.objects.create(
            address=address, address_hmac=_hmac(address), mailbox_hmac=mailbox, language=language,
            form=form[:100], evidence=dict(evidence or {}), asked_at=now, expires_at=now + VALID,
            nonce=nonce, token_sha256=one_time_tokens.digest(token),
        )  # fmt: skip
        sign_up.wordings.set(texts)
        ServiceMessage.objects.create(
            sign_up=sign_up, created_at=now,
            message_id=f"<s.{uuid.uuid4().hex}@{settings.MESSAGE_ID_DOMAIN}>",
        )  # fmt: skip


def look(token: str, *, now: datetime) -> tuple[Found, SignUp | None]:
    """What a link stands for; changes nothing."""
    sign_up = SignUp.objects.filter(token_sha256=one_time_tokens.digest(token)).first()
    if sign_up is None:
        return Found.UNKNOWN, None
    if sign_up.confirmed_at is not None:
        return Found.CONFIRMED, sign_up
    is_open = now < sign_up.expires_at and sign_up.address
    return (Found.PENDING if is_open else Found.EXPIRED), sign_up


@transaction.atomic
def confirm(token: str, *, now: datetime) -> Found:
    """
    Write the consent of who holds the link into the ledger, once; returns what the link stands for now.

    The address's owner speaks for every customer of that address; for an address that nobody has, a
    customer is made.
    """
    digest = one_time_tokens.digest(token)
    SignUp.objects.select_for_update().filter(token_sha256=digest).first()
    found, sign_up = look(token, now=now)
    if found is not Found.PENDING or sign_up is None:
        return found
    evidence = {
        **sign_up.evidence, "form": sign_up.form, "language": sign_up.language,
        "sign_up": sign_up.pk, "asked_at": sign_up.asked_at.isoformat(),
        "confirmed_at": now.isoformat(), "message_id": sign_up.message.message_id,
    }  # fmt: skip
    for customer in _customers(sign_up, now=now):
        for wording in sign_up.wordings.order_by("purpose"):  # as a hand-over locks them
            ledger.grant(
                customer=customer, wording=wording, method=METHOD, now=now,
                evidence=evidence, provenance=Provenance.FORM,
            )  # fmt: skip
    sign_up.confirmed_at, sign_up.address = now, ""
    sign_up.save(update_fields=["confirmed_at", "address"])
    return Found.CONFIRMED


def customer_of(sign_up: SignUp) -> Customer | None:
    """Whose choices the confirmed page leads to."""
    return _living(sign_up.address_hmac).first()


def forget(*, now: datetime) -> int:
    """Empty addresses whose link has run out, and drop what is a month old; returns how many went."""
    over = SignUp.objects.filter(expires_at__lte=now).exclude(address="")
    over.update(address="")
    _, rows = SignUp.objects.filter(asked_at__lt=now - KEPT).delete()
    return rows.get("consent.SignUp", 0)


def _customers(sign_up: SignUp, *, now: datetime) -> list[Customer]:
    with connection.cursor() as cursor:  # two links of one new address must not make two customers
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, sign_up.address_hmac]
        )
    if known := list(_living(sign_up.address_hmac)):
        return known
    source, _ = Source.objects.get_or_create(
        name=SOURCE,
        defaults={"kind": SourceKind.API, "created_at": now, "silent_after_hours": 0},
    )
    return [
        Customer.objects.create(
            source=source, external_id=f"sign-up-{sign_up.pk}", email=sign_up.address,
            email_hmac=sign_up.address_hmac, language=sign_up.language, joined_at=now,
            arrived_at=now,
        )
    ]  # fmt: skip


def _living(address_hmac: str) -> QuerySet[Customer]:
    alive = Q(erased_at=None, merged_into=None)
    return Customer.objects.filter(alive, email_hmac=address_hmac).order_by("pk")


def _hmac(address: str) -> str:
    return ids.address_hmac(address, pepper=settings.SUPPRESSION_PEPPER)


def _mailbox(address: str) -> str:
    """One spelling for what many providers put into one mailbox; for counting only, never for consent."""
    local, _, domain = address.rpartition("@")
    return f"{re.sub(r'[+].*', '', local).replace('.', '') or local}@{domain}"
