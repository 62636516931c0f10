"""A sender killed in mid-message loses no message that somebody asked for, and sends it under its name."""

from __future__ import annotations

from collections import Counter

import pytest
from django.conf import settings

from consent import wordings
from consent.enums import Purpose
from consent.models import ServiceMessage
from consent.public import signing_up
from core import clock
from tests.stories.stage import Stage


pytestmark = pytest.mark.django_db(transaction=True)
DIED = 137
# the point, and how often the message reaches the mail server after all
POINTS = {
    "service-after-take": 1,
    "mid-data": 1,
    "after-dot": 2,
    "service-after-handover": 2,
    "service-after-mark": 1,
}


@pytest.mark.parametrize("point", POINTS)
def test_no_crash_loses_a_message(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    wordings.install_defaults(now=clock.now())
    monkeypatch.setattr(settings, "SMTP_URL", stage.start_sink())
    texts = signing_up.texts_of([Purpose.MARKETING], language="en")
    signing_up.ask(
        address="ada@example.com", texts=texts, language="en", form="test", now=clock.now()
    )
    assert stage.end(stage.start("send", "--once", crash_at=point)) == DIED
    ServiceMessage.objects.update(leased_until=None)  # the lease runs out
    assert stage.end(stage.start("send", "--once")) == 0
    row = ServiceMessage.objects.get()
    assert row.state == ServiceMessage.State.SENT
    assert Counter(stage.received()) == {row.message_id: POINTS[point]}
