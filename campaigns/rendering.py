"""
From a campaign and a recipient to a message. Compiled once a campaign; no I/O, no database.

The text part is made from the HTML once, before the merge fields are filled in, so it costs a
recipient no parsing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache, partial
from typing import Any

from django.conf import settings
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from liquid.exceptions import LiquidError
from markupsafe import escape

from campaigns import dkim, links, merge_fields, mime
from campaigns.channels.base import Letter
from campaigns.models import Campaign
from campaigns.returns import verp
from campaigns.skeleton import Filled, Skeleton
from campaigns.tracking import click_url, message_id
from consent import tokens
from consent.enums import NEWSLETTER
from customers.models import Customer


_OWN = ("customer.first_name", "customer.last_name", "unsubscribe_url", "preferences_url")
"""Merge fields whose value is the recipient's and plain text."""


class RenderError(ValueError):
    """One message cannot be made; the others of the campaign can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """Whom one message is for; `delivery_id` and `customer_id` are 0 in a preview."""

    delivery_id: int
    customer_id: int
    email: str
    first_name: str
    last_name: str
    tracks_clicks: bool
    recommendations: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class RenderedMessage:
    """What one recipient gets. Header values are as on the wire (RFC 2047), `subject` is not."""

    subject: str
    headers: dict[str, str]
    recipient: str
    return_path: str
    boundary: str
    html_part: Filled
    text_part: Filled

    @property
    def html(self) -> str:
        return self.html_part.text

    @property
    def text(self) -> str:
        return self.text_part.text

    def as_bytes(self) -> bytes:
        return mime.joined(
            headers=self.headers, text=self.text_part.wire, html=self.html_part.wire,
            boundary=self.boundary,
        )  # fmt: skip


class CampaignTemplate:
    """A campaign's subject and body, compiled. Raises RenderError where they cannot be."""

    def __init__(self, campaign: Campaign) -> None:
        numbered = links.number_links(campaign.body_html)
        self.campaign_id = campaign.pk or 0
        try:
            self.sender = mime.mailbox(campaign.from_email)
        except mime.BadAddressError as error:
            raise RenderError(f"sender: {error}") from error
        self.uses_recommendations = merge_fields.uses_recommendations(
            campaign.subject, campaign.body_html
        )
        self._uses_preferences = merge_fields.uses(
            "preferences_url", campaign.subject, campaign.body_html
        )
        self._discount_percent = campaign.discount_percent
        self._untracked = {
            f"{merge_fields.LINKS}[{number}]": url for number, url in enumerate(numbered.urls)
        }
        self._subject = self._compiled(campaign.subject, html=False)
        self._html = self._compiled(numbered.source, html=True)
        self._text = self._compiled(_as_text(numbered.source), html=False)
        domain = settings.MESSAGE_ID_DOMAIN
        self._headers = {
            "From": mime.named(campaign.from_name, self.sender),
            "List-Id": f"<{_list_name(campaign.purpose)}.{domain}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Precedence": "bulk",
            "Auto-Submitted": "auto-generated",
            "Feedback-ID": f"{self.campaign_id}:campaign:coterie:{domain}",
        }
        try:
            self._signer = dkim.of_this_shop()
        except dkim.DkimError as error:
            raise RenderError(f"COTERIE_DKIM_KEY: {error}") from error
        self._postal_address = str(escape(settings.POSTAL_ADDRESS))
        self._is_lawful = "unsubscribe_url" in self._html.always and self._html.has(
            self._postal_address
        )
        self._boundary = f"=_coterie_{self.campaign_id}_{campaign.salt}"

    def render(self, recipient: Recipient, *, now: datetime | None) -> RenderedMessage:
        """The message of `recipient`; undated without `now`. Raises RenderError."""
        own = {
            "customer.first_name": mime.clean(recipient.first_name),
            "customer.last_name": mime.clean(recipient.last_name),
            "unsubscribe_url": _unsubscribe_url(recipient, self.campaign_id),
            "preferences_url": _preferences_url(recipient) if self._uses_preferences else "",
            **self._links(recipient),
        }
        values = partial(self._values, own, recipient.recommendations)
        try:
            to = mime.mailbox(recipient.email)
            subject = mime.clean(self._subject.fill(own, values).text)
            html, text = self._html.fill(own, values), self._text.fill(own, values)
        # a filter meets what Liquid does not expect: {{ customer.first_name | round }} of one called Inf
        except (LiquidError, ValueError, ArithmeticError) as error:
            raise RenderError(str(error).splitlines()[0]) from error
        self._check_the_law(html, unsubscribe_url=own["unsubscribe_url"])
        headers = {
            "From": self._headers["From"],
            "To": mime.named(f"{recipient.first_name} {recipient.last_name}", to),
            "Subject": mime.words(subject),
            **({"Date": _date(now)} if now else {}),
            "Message-ID": message_id(recipient.delivery_id),
            "List-Unsubscribe": f"<{own['unsubscribe_url']}>",
            **self._headers,
        }
        return RenderedMessage(
            subject=subject, html_part=html, text_part=text, headers=headers, recipient=to,
            return_path=self._return_path(recipient.delivery_id), boundary=self._boundary,
        )  # fmt: skip

    def _compiled(self, source: str, *, html: bool) -> Skeleton:
        nobody = dict.fromkeys([*_OWN, *self._untracked], "")
        try:
            return Skeleton(source, html=html, own=nobody, nobody=self._values(nobody, ()))
        except LiquidError as error:
            raise RenderError(str(error).splitlines()[0]) from error

    def _links(self, recipient: Recipient) -> dict[str, str]:
        if not recipient.tracks_clicks:
            return self._untracked
        return {
            name: click_url(recipient.delivery_id, number)
            for number, name in enumerate(self._untracked, start=1)
        }

    def _values(
        self, own: Mapping[str, str], recommendations: tuple[Mapping[str, Any], ...]
    ) -> dict[str, Any]:
        """All merge fields as Liquid wants them."""
        return {
            "shop": {"postal_address": settings.POSTAL_ADDRESS},
            "discount_percent": self._discount_percent,
            "customer": {
                "first_name": own["customer.first_name"],
                "last_name": own["customer.last_name"],
            },
            "unsubscribe_url": own["unsubscribe_url"],
            "preferences_url": own["preferences_url"],
            "recommendations": recommendations,
            merge_fields.LINKS: [own[name] for name in self._untracked],
        }

    def _check_the_law(self, html: Filled, *, unsubscribe_url: str) -> None:
        """A condition in the template may have hidden what the law asks for."""
        if self._is_lawful:
            return
        body = html.text
        if unsubscribe_url not in body or self._postal_address not in body:
            raise RenderError("the unsubscribe link or the postal address is missing")

    def letter(self, recipient: Recipient, *, now: datetime) -> Letter:
        """The message of `recipient` as it leaves: signed, where the shop has a key. Raises RenderError."""
        message = self.render(recipient, now=now)
        content = message.as_bytes()
        if self._signer:
            content = self._signer.sign(content, now=now)
        return Letter(sender=message.return_path, recipient=message.recipient, content=content)

    def _return_path(self, delivery_id: int) -> str:
        """Where bounces of this delivery go: the sender itself, unless there is a place for them."""
        if not settings.BOUNCE_ADDRESS or not delivery_id:
            return self.sender
        return verp.return_path(delivery_id, address=settings.BOUNCE_ADDRESS)


def preview(
    campaign: Campaign,
    customer: Customer,
    *,
    now: datetime | None = None,
    recommendations: tuple[Mapping[str, Any], ...] = (),
) -> RenderedMessage:
    """What `customer` would get; its links note nothing and unsubscribe nobody. Raises RenderError."""
    recipient = Recipient(
        delivery_id=0, customer_id=0, email=customer.email, first_name=customer.first_name,
        last_name=customer.last_name, tracks_clicks=False, recommendations=recommendations,
    )  # fmt: skip
    return CampaignTemplate(campaign).render(recipient, now=now)


def problems(campaign: Campaign) -> list[str]:
    """What has to be mended before the campaign can be launched, in words; to be asked at every save."""
    found = merge_fields.problems(campaign.subject, where="Subject", html=False)
    found += merge_fields.problems(campaign.body_html, where="Body", html=True)
    found += links.problems(campaign.body_html)
    if re.search(r"<\s*(script|iframe|object|embed|form)\b", campaign.body_html, re.IGNORECASE):
        found.append("Body: scripts, forms and embedded pages do not work in e-mail.")
    try:
        mime.mailbox(campaign.from_email)
    except mime.BadAddressError as error:
        found.append(f"Sender: {error}.")
    if found:
        return found
    used = merge_fields.fields_used(campaign.body_html)
    if "unsubscribe_url" not in used:
        found.append("Body: {{ unsubscribe_url }} is missing.")
    if "shop.postal_address" not in used:
        found.append("Body: {{ shop.postal_address }} is missing.")
    return found or _trial(campaign)


def _trial(campaign: Campaign) -> list[str]:
    """Render for somebody of whom nothing is known: the case that templates forget."""
    nobody = Recipient(
        delivery_id=0, customer_id=0, email="nobody@example.com", first_name="", last_name="",
        tracks_clicks=False,
    )  # fmt: skip
    try:
        template = CampaignTemplate(campaign)
        message = template.render(nobody, now=None)
        if template.uses_recommendations:
            template.render(replace(nobody, recommendations=merge_fields.SAMPLE_PRODUCTS), now=None)
    except RenderError as error:
        return [f"Body: {error}."]
    return [] if message.subject else ["Subject: it is empty for a customer without a name."]


@lru_cache(maxsize=8)
def _date(now: datetime) -> str:
    return format_datetime(now)


def _unsubscribe_url(recipient: Recipient, campaign_id: int) -> str:
    token = tokens.make(
        recipient.customer_id, campaign_id, recipient.delivery_id, purpose=tokens.UNSUBSCRIBE
    )
    return f"{settings.PUBLIC_URL}/c/u/{token}"


def _preferences_url(recipient: Recipient) -> str:
    token = tokens.make(recipient.customer_id, purpose=tokens.PREFERENCES)
    return f"{settings.PUBLIC_URL}/c/p/{token}"


def _list_name(purpose: str) -> str:
    """By which a mail program files the message: each newsletter is a list of its own."""
    if not purpose.startswith(NEWSLETTER):
        return "marketing"
    return f"newsletter-{purpose.removeprefix(NEWSLETTER).lower()}"


_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_MARK = re.compile("\ue000(\\d+)\ue001")


def _as_text(source: str) -> str:
    """The plain-text template of an HTML template: Liquid passes through the conversion as marks."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match.group())
        return f"\ue000{len(held) - 1}\ue001"

    marked = _LIQUID.sub(hold, re.sub("[\ue000\ue001]", "", source))
    text = get_text(marked, ParserConfig(display_links=True)) if marked.strip() else ""
    lines = [line.rstrip() for line in text.splitlines()]
    tidy = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return _MARK.sub(lambda match: held[int(match[1])], tidy)
