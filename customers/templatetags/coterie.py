"""Filters for the pages: `{{ order.total_cents|money }}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.conf import settings

from customers import display, empty_lists


register = template.Library()


@register.filter
def money(cents: float | None, decimals: int = 2) -> str:
    return display.money(cents, decimals=decimals)


@register.filter
def empty_list(label: str) -> str:
    """What the empty list of `app.model` says."""
    return empty_lists.in_words(label)


@register.filter
def as_in_menu(part: Mapping[str, Any]) -> object:
    """What the menu calls the list that a part of a heading links to; its own title where it has no line for it."""
    link = part.get("link")
    lines = [line for group in settings.UNFOLD["SIDEBAR"]["navigation"] for line in group["items"]]
    return next((line["title"] for line in lines if link and line["link"] == link), part["title"])


@register.filter
def signed_money(cents: float | None, decimals: int = 2) -> str:
    return display.signed_money(cents, decimals=decimals)


@register.filter
def number(value: float | None, decimals: int = 0) -> str:
    return display.number(value, decimals=decimals)


@register.filter
def percent(share: float | None, decimals: int = 1) -> str:
    return display.percent(share, decimals=decimals)


@register.filter
def points(share: float | None, decimals: int = 1) -> str:
    return display.points(share, decimals=decimals)


@register.filter
def customer_number(external_id: str) -> str:
    return display.customer_number(external_id)


@register.filter
def dash(value: object) -> object:
    """What there is, or a dash."""
    return display.NOTHING if value is None or value == "" else value


@register.filter
def minus(left: float, right: float) -> float:
    """For positions in charts."""
    return left - right


@register.filter
def plus(left: float, right: float) -> float:
    """For positions in charts."""
    return left + right


@register.filter
def times(value: float, factor: float) -> float:
    """For positions in charts."""
    return value * factor


@register.filter
def fraction(value: float) -> str:
    """0 to 1 for an opacity: a decimal point whatever the language of the page."""
    return f"{value:.2f}"


@register.filter
def absolute(value: float | None) -> float | None:
    """Without its sign, where words say the direction."""
    return None if value is None else abs(value)


@register.filter
def plain(value: float) -> str:
    """A coordinate: a decimal point whatever the language of the page."""
    return f"{value:g}" if isinstance(value, int) else f"{value:.1f}"
