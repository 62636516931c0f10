"""
Numbers for people: money with its currency, grouped thousands, a dash for nothing.

The end of a line parts neither a number from its unit nor a sign from its number. The project writes
`12.3 %`, with a no-break space; a test holds templates and sentences to it.
"""

from __future__ import annotations

import math
from datetime import datetime

from django.conf import settings
from django.utils.formats import number_format

from customers.identity.names import is_guest_name


NOTHING = "–"
NBSP = "\N{NO-BREAK SPACE}"
_JOINED = "\N{WORD JOINER}"
"""Browsers may end a line between a sign and the sign of a currency."""
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"}
_WITHOUT_CENTS = frozenset({"JPY", "KRW", "CLP", "VND"})


def _is_missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def number(value: float | None, *, decimals: int = 0) -> str:
    """`1234.5` as `1,234` (or with `decimals`), a real minus, a dash for None and NaN."""
    if value is None or _is_missing(value):
        return NOTHING
    rounded = round(value, decimals)
    sign = "−" if rounded < 0 else ""
    text: str = number_format(
        abs(rounded), decimal_pos=decimals, use_l10n=True, force_grouping=True
    )
    return sign + text


def _symbol(code: str) -> str:
    return _SYMBOLS.get(code, f"{code}{NBSP}")


def money(cents: float | None, *, decimals: int = 2, currency: str | None = None) -> str:
    """Minor units as `€1,234.50`, in the shop's currency unless another is given."""
    if cents is None or _is_missing(cents):
        return NOTHING
    code = currency or settings.CURRENCY
    if code in _WITHOUT_CENTS:
        amount, decimals = cents, 0
    else:
        amount = cents / 100
    sign = f"−{_JOINED}" if round(amount, decimals) < 0 else ""
    return f"{sign}{_symbol(code)}{number(abs(amount), decimals=decimals)}"


def short_money(cents: float, *, largest: float) -> str:
    """A tick of an axis from nothing to `largest`, where six digits have no room: `€1.25M`, `€400k`, `€900`."""
    units = largest / minor_units()
    if units < 100_000 or not cents:
        return money(cents, decimals=0)
    size, letter = (1_000_000, "M") if units >= 1_000_000 else (1_000, "k")
    scaled = number(cents / minor_units() / size, decimals=2).rstrip("0").rstrip(".,")
    return f"{_symbol(currency_code())}{scaled}{letter}"


def currency_code() -> str:
    """The shop's own currency."""
    return str(settings.CURRENCY)


def minor_units() -> int:
    """How many of what is stored make one of what people type: 100 cents, or 1 yen."""
    return 1 if settings.CURRENCY in _WITHOUT_CENTS else 100


def signed_money(cents: float | None, *, decimals: int = 2) -> str:
    """Like `money`, with a plus where it is one: for differences."""
    text = money(cents, decimals=decimals)
    is_some = any(digit in text for digit in "123456789")
    return f"+{_JOINED}{text}" if is_some and cents is not None and cents > 0 else text


def percent(share: float | None, *, decimals: int = 1) -> str:
    """`0.1234` as `12.3 %`."""
    if share is None or _is_missing(share):
        return NOTHING
    return f"{number(share * 100, decimals=decimals)}{NBSP}%"


def points(share: float | None, *, decimals: int = 1) -> str:
    """A difference of two shares in percentage points, signed."""
    if share is None or _is_missing(share):
        return NOTHING
    sign = "+" if share > 0 else ""
    return f"{sign}{number(share * 100, decimals=decimals)}{NBSP}points"


def day(moment: datetime | None) -> str:
    """`3 May 2026`: for lists, where the hour is noise."""
    return NOTHING if moment is None else f"{moment:%-d %b %Y}"


def moment(at: datetime | None) -> str:
    """`3 May 2026, 09:12`, in UTC; in words, since noon and midnight say nothing of a day's date."""
    return NOTHING if at is None else f"{at:%-d %b %Y, %H:%M}"


def customer_number(external_id: str) -> str:
    """The shop's number of a customer in words; who has none of their own is a guest."""
    if is_guest_name(external_id):
        return f"guest {external_id.removeprefix('email:')[:8]}"
    return f"customer {external_id}"
