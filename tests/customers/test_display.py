from __future__ import annotations

import math

import pytest
from django.conf import settings

from customers import display


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "€0.00"),
        (123_456_789, "€1,234,567.89"),
        (-5, "−\u2060€0.05"),
        (-0.2, "€0.00"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_money_shows_currency_groups_and_a_real_minus(cents: float | None, text: str) -> None:
    assert display.money(cents) == text


def test_money_knows_other_currencies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CURRENCY", "CHF")
    assert display.money(150) == "CHF\u00a01.50"
    assert display.money(150, currency="JPY") == "¥150"


@pytest.mark.parametrize(
    ("cents", "text"),
    [(10, "+\u2060€0.10"), (-10, "−\u2060€0.10"), (0, "€0.00"), (0.001, "€0.00"), (None, "–")],
)
def test_signed_money_shows_a_plus_only_where_there_is_one(cents: float | None, text: str) -> None:
    assert display.signed_money(cents) == text


def test_shares_are_per_cent_and_their_differences_points() -> None:
    assert display.percent(0.1234) == "12.3\u00a0%"
    assert display.points(0.0123) == "+1.2\u00a0points"
    assert display.points(-0.0123) == "−1.2\u00a0points"
    assert (display.percent(None), display.points(None), display.number(None)) == ("–", "–", "–")


@pytest.mark.parametrize(
    ("largest", "texts"),
    [
        (90_000_00, ["€0", "€22,500", "€45,000", "€67,500", "€90,000"]),
        (400_000_00, ["€0", "€100k", "€200k", "€300k", "€400k"]),
        (5_000_000_00, ["€0", "€1.25M", "€2.5M", "€3.75M", "€5M"]),
    ],
)
def test_axis_of_money_has_room_for_its_ticks(largest: int, texts: list[str]) -> None:
    ticks = [largest * part / 4 for part in range(5)]
    assert [display.short_money(tick, largest=largest) for tick in ticks] == texts
