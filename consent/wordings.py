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


def install_defaults(*, now: datetime) -> int:
    """Add the shipped texts where they are missing; returns how many were."""
    missing = [
        Wording(
            purpose=purpose,
            channel=channel,
            version=DEFAULT_VERSION,
            language="en",
            text=text,
            text_sha256=hashlib.sha256(text.encode()).hexdigest(),
            created_at=now,
        )
        for (purpose, channel), text in DEFAULT_TEXTS.items()
        if not Wording.objects.filter(
            purpose=purpose, channel=channel, version=DEFAULT_VERSION, language="en"
        ).exists()
    ]
    return len(Wording.objects.bulk_create(missing, ignore_conflicts=True))
