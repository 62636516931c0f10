"""What a purpose is called."""

from __future__ import annotations

import pytest

from consent.models import ConsentEvent, ConsentState, Wording


@pytest.mark.parametrize("row", [Wording, ConsentEvent, ConsentState])
@pytest.mark.parametrize(
    ("purpose", "said"),
    [("MARKETING", "Promotions and news"), ("NEWSLETTER:garden", "Newsletter: garden")],
)
def test_purpose_is_said_in_words_by_every_row(row: type, purpose: str, said: str) -> None:
    assert row(purpose=purpose).get_purpose_display() == said
