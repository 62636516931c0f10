"""
Messages that people asked for themselves: what is waiting, what it says, and what became of it.

Who sends them lies above this app; see campaigns.service_mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.db import connection
from django.template.loader import render_to_string
from django.utils.translation import override

from consent import one_time_tokens
from consent.enums import LIFTABLE, Channel
from consent.models import ServiceMessage, SignUp
from consent.public import sign_up_words, signing_up


LEASE_SECONDS = 180
_WAITING, _SKIPPED = ServiceMessage.State.WAITING, ServiceMessage.State.SKIPPED
_LIFTABLE = ", ".join(f"'{reason}'" for reason in LIFTABLE)

# Who may not even be asked: an address that bounced, complained, or that staff have suppressed. One that
# unsubscribed or was erased may: only its owner can confirm.
_TAKE = f"""
WITH due AS (
    SELECT message.id,
           sign_up.address = '' OR sign_up.expires_at <= %(now)s
               OR sign_up.confirmed_at IS NOT NULL
               OR EXISTS (SELECT 1 FROM consent_suppression suppression
                          WHERE suppression.address_hmac = sign_up.address_hmac
                            AND suppression.channel = '{Channel.EMAIL}'
                            AND suppression.lifted_at IS NULL
                            AND suppression.reason NOT IN ({_LIFTABLE})) AS is_over
    FROM consent_servicemessage message JOIN consent_signup sign_up ON sign_up.id = message.sign_up_id
    WHERE message.state = '{_WAITING}'
      AND (message.leased_until IS NULL OR message.leased_until <= clock_timestamp())
      AND (message.next_attempt_at IS NULL OR message.next_attempt_at <= clock_timestamp())
    ORDER BY message.id LIMIT 1 FOR NO KEY UPDATE OF message SKIP LOCKED
)
UPDATE consent_servicemessage message
SET epoch = message.epoch + 1,
    attempt = message.attempt + CASE WHEN is_over THEN 0 ELSE 1 END,
    state = CASE WHEN is_over THEN '{_SKIPPED}' ELSE message.state END,
    done_at = CASE WHEN is_over THEN %(now)s END,
    leased_until = CASE WHEN is_over THEN NULL
                        ELSE clock_timestamp() + make_interval(secs => {LEASE_SECONDS}) END
FROM due WHERE message.id = due.id
RETURNING message.id, message.epoch, message.state"""

_MARK = f"""
UPDATE consent_servicemessage
SET state = %(state)s, reply = %(reply)s, leased_until = NULL,
    attempt = attempt - CASE WHEN %(unspent)s THEN 1 ELSE 0 END,
    done_at = CASE WHEN %(state)s = '{_WAITING}' THEN NULL ELSE %(now)s END,
    next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s)
WHERE id = %(id)s AND epoch = %(epoch)s AND state = '{_WAITING}'"""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message that is ours to send until the lease ends. `sender` is (name, address)."""

    id: int
    epoch: int
    attempt: int
    message_id: str
    address: str
    address_hmac: str
    sender: tuple[str, str]
    subject: str
    text: str
    html: str


def sender() -> tuple[str, str]:
    """Name and address that service messages come from: COTERIE_SERVICE_FROM."""
    name, address = parseaddr(settings.SERVICE_FROM)
    return name, address


def are_due() -> bool:
    """Whether anything waits; a look that costs nothing."""
    return ServiceMessage.objects.filter(state=_WAITING).exists()


def take(*, now: datetime) -> Taken | None:
    """The next message that is due, leased to us and committed; None when there is none."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, {"now": now})
            row = cursor.fetchone()
        if row is None:
            return None
        key, epoch, state = row
        if state == _WAITING:
            message = ServiceMessage.objects.select_related("sign_up").filter(pk=key).first()
            if message is not None:  # an erasure may have just taken it away
                return _taken(message, epoch=epoch)


def mark(
    taken: Taken,
    *,
    state: ServiceMessage.State,
    reply: str,
    now: datetime,
    wait: int = 0,
    unspent: bool = False,
) -> bool:
    """
    Write what became of it; WAITING tries again after `wait` seconds. False when somebody else has it.

    unspent: nothing was handed over, so it does not count as an attempt.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK,
            {"state": state, "reply": reply[:300].replace("\x00", " "), "now": now, "wait": wait,
             "unspent": unspent, "id": taken.id, "epoch": taken.epoch},
        )  # fmt: skip
        return bool(cursor.rowcount)


def _taken(message: ServiceMessage, *, epoch: int) -> Taken:
    sign_up = message.sign_up
    name, address = sender()
    link = f"{settings.PUBLIC_URL}/c/s/{_token(sign_up)}?l={sign_up.language}"
    words = sign_up_words.words(sign_up.language, shop=name)
    context = {
        "s": words, "link": link, "language": sign_up.language,
        "texts": list(sign_up.wordings.order_by("pk")), "postal_address": settings.POSTAL_ADDRESS,
    }  # fmt: skip
    with override(sign_up.language):
        text = render_to_string("messages/confirm_sign_up.txt", context)
        html = render_to_string("messages/confirm_sign_up.html", context)
    return Taken(
        id=message.pk, epoch=epoch, attempt=message.attempt, message_id=message.message_id,
        address=sign_up.address, address_hmac=sign_up.address_hmac, sender=(name, address),
        subject=words["subject"], text=text, html=html,
    )  # fmt: skip


def _token(sign_up: SignUp) -> str:
    """The link's token as it was; where its key is gone, one of today's key in its place."""
    nonce = bytes(sign_up.nonce)
    known = one_time_tokens.known_as(nonce, purpose=signing_up.CONFIRM, sha256=sign_up.token_sha256)
    if known is None:
        known = one_time_tokens.make(nonce, purpose=signing_up.CONFIRM)
        sha256 = one_time_tokens.digest(known)
        SignUp.objects.filter(pk=sign_up.pk).update(token_sha256=sha256)
    return known
