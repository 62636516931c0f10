"""
What providers tell by webhook, normalised by django-anymail, as facts.

Opens and clicks are not taken: who may be watched is a matter of consent, and we watch clicks ourselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from campaigns.channels.provider import METADATA
from campaigns.enums import BounceClass, ReportKind
from campaigns.returns import naming, wording
from campaigns.returns.recording import Incoming
from core.registry import Registry


VIEWS = Registry(
    "provider",
    {
        name: f"anymail.webhooks.{name}:{view}WebhookView"
        for name, view in {
            "amazon_ses": "AmazonSESTracking",
            "brevo": "BrevoTracking",
            "mailersend": "MailerSendTracking",
            "mailgun": "MailgunTracking",
            "mailjet": "MailjetTracking",
            "mailtrap": "MailtrapTracking",
            "mandrill": "MandrillCombined",
            "postal": "PostalTracking",
            "postmark": "PostmarkTracking",
            "resend": "ResendTracking",
            "sendgrid": "SendGridTracking",
            "sparkpost": "SparkPostTracking",
            "unisender_go": "UnisenderGoTracking",
        }.items()
    },
)
_KINDS = {
    "delivered": ReportKind.DELIVERED,
    "bounced": ReportKind.BOUNCED,
    "rejected": ReportKind.BOUNCED,
    "failed": ReportKind.BOUNCED,
    "deferred": ReportKind.DELAYED,
    "complained": ReportKind.COMPLAINED,
    "unsubscribed": ReportKind.UNSUBSCRIBED,
    "autoresponded": ReportKind.AUTOREPLY,
    "unknown": ReportKind.UNKNOWN,
}
# Why a provider did not even try: it remembers something of the address.
_REMEMBERED = {
    "spam": (ReportKind.COMPLAINED, None),
    "unsubscribed": (ReportKind.UNSUBSCRIBED, None),
    "invalid": (ReportKind.BOUNCED, BounceClass.HARD),
    "bounced": (ReportKind.BOUNCED, BounceClass.HARD),
    "blocked": (ReportKind.BOUNCED, BounceClass.REPUTATION),
}
# What providers call a lasting failure, in fields of their own that anymail does not normalise.
_LASTING_FIELDS = frozenset({"type", "bouncetype", "bounce_type", "event", "severity", "typecode"})
_LASTING = frozenset({"hardbounce", "hard_bounce", "hard-bounce", "hard", "permanent"})


def incoming(event: Any, *, provider: str) -> Incoming | None:
    """The fact that an anymail tracking event tells; None for one that is none of ours to know."""
    kind = _KINDS.get(event.event_type)
    if kind is None:
        return None
    bounce = None
    text = " ".join(_plain(part) for part in (event.mta_response, event.description) if part)
    status = wording.first_status(_plain(event.mta_response)) or wording.first_status(text)
    if event.event_type == "rejected" and event.reject_reason in _REMEMBERED:
        kind, bounce = _REMEMBERED[event.reject_reason]
    elif kind == ReportKind.BOUNCED:
        bounce = _bounce(status, text, event.esp_event)
        if event.event_type == "failed" and bounce == BounceClass.HARD and not status:
            bounce = BounceClass.SOFT  # the provider's own failure says nothing about an address
    number, recipient = _plain(event.message_id), _plain(event.recipient).lower()
    when = event.timestamp.isoformat() if event.timestamp else ""
    told = [_plain(event.event_id)] if event.event_id else [number, when]
    return Incoming(
        source=provider, kind=kind, bounce=bounce, status=status, detail=text,
        identity="\x1f".join((*told, event.event_type, recipient)),
        happened_at=event.timestamp, provider_number=number, address=recipient,
        marks=tuple(naming.marks(f"{_plain((event.metadata or {}).get(METADATA))} {number}")),
    )  # fmt: skip


def _plain(told: Any) -> str:
    """What a database takes: JSON can spell half a character, and NUL."""
    return str(told or "").encode(errors="replace").decode().replace("\x00", "")


def _bounce(status: str, text: str, raw: Any) -> BounceClass:
    found = wording.classify(status, text)
    if found == BounceClass.SOFT and wording.is_vague(status) and _is_lasting(raw):
        return BounceClass.HARD
    return found


def _is_lasting(raw: Any) -> bool:
    return any(
        name.lower() in _LASTING_FIELDS and str(value).lower() in _LASTING
        for name, value in _fields(raw)
    )


def _fields(raw: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(raw, Mapping) and depth < 4:
        for name, value in raw.items():
            yield str(name), value
            yield from _fields(value, depth + 1)
