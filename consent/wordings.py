"""The texts that Coterie ships, so that a fresh installation can record what people agreed to."""

from __future__ import annotations

import hashlib
from datetime import datetime

from consent.enums import Channel, Purpose
from consent.models import Wording


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
    }.items()
}
SHIPPED = {DEFAULT_VERSION: DEFAULT_TEXTS, SHOP_FORM: SHOP_FORM_TEXTS}


def install_defaults(*, now: datetime) -> int:
    """Add the shipped texts where they are missing; returns how many were."""
    missing = [
        Wording(
            purpose=purpose,
            channel=channel,
            version=version,
            language="en",
            text=text,
            text_sha256=hashlib.sha256(text.encode()).hexdigest(),
            created_at=now,
        )
        for version, texts in SHIPPED.items()
        for (purpose, channel), text in texts.items()
        if not Wording.objects.filter(
            purpose=purpose, channel=channel, version=version, language="en"
        ).exists()
    ]
    return len(Wording.objects.bulk_create(missing, ignore_conflicts=True))
