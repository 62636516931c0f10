"""The texts that Coterie ships, so that a fresh installation can record what people agreed to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from consent.enums import Channel, Purpose
from consent.models import Topic, Wording
from consent.purposes import CHANNEL_OF, channel_of
from consent.wordings_translated import TOPIC_TEXTS, TRANSLATED


DEFAULT_VERSION = "default-1"

# A text that somebody has agreed to is never changed: a better one is a new version.
DEFAULT_TEXTS: dict[tuple[str, str], str] = {
    (Purpose.MARKETING, Channel.EMAIL): (
        "Yes, please send me offers and news of this shop by e-mail. I can stop this at any time, "
        "free of charge, with the unsubscribe link in every message or by writing to the shop. "
        "Whether I agree has no influence on my orders."
    ),
    (Purpose.PROFILING, Channel.ANY): (
        "Yes, the shop may use my orders, my reviews and my visits to predict what may interest me, "
        "and choose by that which messages I get. No decision with legal or similar effect is made "
        "this way. I can object at any time; my orders are not affected."
    ),
    (Purpose.CLICK_TRACKING, Channel.ANY): (
        "Yes, the shop may note which links I click in its messages, to learn which of them are "
        "useful to me. I can stop this at any time; the links work just the same without it."
    ),
    (Purpose.RECOMMENDATIONS, Channel.ANY): (
        "Yes, the shop may choose products for me by what I and others bought. I can stop this at any time."
    ),
    (Purpose.REVIEW_FOLLOWUP, Channel.ANY): (
        "Yes, the shop may ask me for a review of what I bought, and answer mine. I can stop this at "
        "any time."
    ),
    (Purpose.OPEN_TRACKING, Channel.ANY): (
        "Yes, the shop may note whether I open its messages. I can stop this at any time, also for "
        "messages that I have already got."
    ),
    (Purpose.RESEARCH, Channel.ANY): (
        "Yes, the shop may invite me to surveys and learn from my answers about groups of customers. "
        "I can stop this at any time."
    ),
    (Purpose.SHARING, Channel.ANY): (
        "Yes, the shop may share with its advertising partners that I am a customer, so that I see "
        "fitting advertisements elsewhere. I can stop this at any time."
    ),
}

# What a source tells us of consents that its own form collected. Of those we know when and where they
# were given, and not the words.
SHOP_FORM = "shop-form"
_SHOP_FORM_TEXT = (
    "Collected by the shop's own form, checkout or account page, outside Coterie. The text that was "
    "shown there ({about}) is kept by the shop and not here; the shop vouches for it. The act's "
    "evidence says through which way, when and in which state the shop reported it."
)
SHOP_FORM_TEXTS: dict[tuple[str, str], str] = {
    key: _SHOP_FORM_TEXT.format(about=about)
    for key, about in {
        (Purpose.MARKETING, Channel.EMAIL): "on promotions and news by e-mail",
        (Purpose.MARKETING, Channel.SMS): "on promotions and news by text message",
        (Purpose.PROFILING, Channel.ANY): "on predicting interests from orders and visits",
        (Purpose.CLICK_TRACKING, Channel.ANY): "on noting which links are clicked",
        (Purpose.RECOMMENDATIONS, Channel.ANY): "on choosing products by what was bought",
        (Purpose.REVIEW_FOLLOWUP, Channel.ANY): "on asking for reviews and answering them",
        (Purpose.OPEN_TRACKING, Channel.ANY): "on noting whether messages are opened",
        (Purpose.RESEARCH, Channel.ANY): "on invitations to surveys",
        (Purpose.SHARING, Channel.ANY): "on sharing with advertising partners",
    }.items()
}
SHIPPED = {DEFAULT_VERSION: DEFAULT_TEXTS, SHOP_FORM: SHOP_FORM_TEXTS}


def install_defaults(*, now: datetime) -> int:
    """Add the shipped texts where they are missing; returns how many were."""
    texts = {
        (purpose, channel, version, "en"): text
        for version, of_version in SHIPPED.items()
        for (purpose, channel), text in of_version.items()
    }
    texts |= {
        (purpose, CHANNEL_OF[Purpose(purpose)], DEFAULT_VERSION, language): text
        for language, of_language in TRANSLATED.items()
        for purpose, text in of_language.items()
    }
    known = set(Wording.objects.values_list("purpose", "channel", "version", "language"))
    return add({key: text for key, text in texts.items() if key not in known}, now=now)


def install_topic(topic: Topic, *, now: datetime) -> int:
    """
    The texts by which somebody agrees to a topic's newsletter, in every language.

    A changed title makes a new version of its texts: those that people agreed to stay as they were shown.
    """
    own = Wording.objects.filter(purpose=topic.purpose).exclude(version=SHOP_FORM)
    texts: dict[tuple[str, str, str, str], str] = {}
    for language, template in TOPIC_TEXTS.items():
        known = own.filter(language=language).order_by("-created_at", "-pk")
        text, newest = template.format(title=topic.title_in(language)), known.first()
        if newest is None or newest.text != text:
            number = known.count() + 1
            version = DEFAULT_VERSION if number == 1 else f"default-{number}"
            texts[topic.purpose, Channel.EMAIL, version, language] = text
    texts[topic.purpose, Channel.EMAIL, SHOP_FORM, "en"] = _SHOP_FORM_TEXT.format(
        about=f"on the newsletter “{topic.title}”"
    )
    return add(texts, now=now)


def add(texts: Mapping[tuple[str, str, str, str], str], *, now: datetime) -> int:
    """Texts by purpose, channel, version and language; what is there already stays as it is."""
    rows = [
        Wording(
            purpose=purpose, channel=channel, version=version, language=language, text=text,
            text_sha256=hashlib.sha256(text.encode()).hexdigest(), created_at=now,
        )
        for (purpose, channel, version, language), text in texts.items()
    ]  # fmt: skip
    return len(Wording.objects.bulk_create(rows, ignore_conflicts=True))


def shown(purpose: str, *, language: str) -> Wording | None:
    """The newest text of Coterie's own for a purpose, in `language` if there is one, else in English."""
    texts = Wording.objects.filter(purpose=purpose, channel=channel_of(purpose))
    own = texts.exclude(version=SHOP_FORM).order_by("-created_at", "-pk")
    return own.filter(language=language).first() or own.filter(language="en").first()
