from __future__ import annotations

import pytest
from django.conf import settings

from consent import tokens


def test_a_token_carries_its_numbers() -> None:
    token = tokens.make(1, 2, 2**62, purpose=tokens.UNSUBSCRIBE)
    assert tokens.read(token, count=3, purpose=tokens.UNSUBSCRIBE) == (1, 2, 2**62)
    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_token_is_for_one_purpose() -> None:
    token = tokens.make(1, 2, 3, purpose=tokens.UNSUBSCRIBE)
    with pytest.raises(tokens.BadTokenError):
        tokens.read(token, count=3, purpose=tokens.CLICK)


def test_no_changed_character_is_accepted() -> None:
    token = tokens.make(7, purpose=tokens.CLICK)
    accepted = []
    for place in range(len(token)):
        for letter in "AZaz09-_":
            changed = token[:place] + letter + token[place + 1 :]
            if changed != token:
                try:
                    tokens.read(changed, count=1, purpose=tokens.CLICK)
                    accepted.append(changed)
                except tokens.BadTokenError:
                    pass
    assert accepted == []


@pytest.mark.parametrize("token", ["", "a", "Ü" * 30, "....", "AAAA" * 20, "a b", "%00", "=" * 9])
def test_rubbish_is_refused(token: str) -> None:
    with pytest.raises(tokens.BadTokenError):
        tokens.read(token, count=1, purpose=tokens.CLICK)


def test_a_retired_key_still_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.make(7, purpose=tokens.CLICK)
    old = settings.LINK_KEY
    monkeypatch.setattr(settings, "LINK_KEY", b"another key")
    with pytest.raises(tokens.BadTokenError):
        tokens.read(token, count=1, purpose=tokens.CLICK)
    monkeypatch.setattr(settings, "LINK_KEYS_RETIRED", [old], raising=False)
    assert tokens.read(token, count=1, purpose=tokens.CLICK) == (7,)
