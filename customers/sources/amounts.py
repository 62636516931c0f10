"""Numbers as shops write them: `12.5`, `"12.50"`, `" 7 "`; money into the currency's smallest unit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from customers.currencies import minor_digits


class AmountError(ValueError):
    """It is no finite number, or one beyond every shop."""


_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?")
_LARGEST = Decimal(10) ** 15
# "1.234,50" and "12,5" are sure; "1,234" is not: it may be a thousand
_DECIMAL_COMMA = re.compile(r"(\d{1,3}(\.\d{3})+,\d*|\d*,(\d{1,2}|\d{4,}))")
_DECIMAL_POINT = re.compile(r"(\d{1,3}(,\d{3})+\.\d*|\d*\.(\d{1,2}|\d{4,}))")


def number(value: Any) -> Decimal | None:
    """
    A number, or a text that is one with a decimal point; None for nothing (None, blank).

    Raises AmountError: texts with thousands separators or signs of currency mean different things in
    different countries and are not guessed at.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise AmountError
    if isinstance(value, int):
        if not -(10**15) < value < 10**15:
            raise AmountError
        return Decimal(value)
    text = str(value).strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise AmountError
    found = Decimal(text)
    if not -_LARGEST < found < _LARGEST:
        raise AmountError
    return found


def cents(value: Any, *, currency: str) -> int | None:
    """Minor units, half a unit rounded away from zero: "12.345" EUR is 1235, 100 JPY is 100. Raises AmountError."""
    found = number(value)
    if found is None:
        return None
    scaled = found.scaleb(minor_digits(currency))
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def whole(value: Any) -> int | None:
    """A whole number, also as `2.0` or "2". Raises AmountError for a fraction."""
    found = number(value)
    if found is None:
        return None
    if found != found.to_integral_value():
        raise AmountError
    return int(found)


def decimal_sign(texts: Iterable[str]) -> tuple[str, str]:
    """
    The sign before the cents in a sample of amounts, "." or ",", and a text that shows it.

    ("", "") where no text does, or where they contradict each other.
    """
    found: dict[str, str] = {}
    for text in texts:
        bare = text.strip(" \t\u00a0€$£+-")
        if _DECIMAL_COMMA.fullmatch(bare):
            found.setdefault(",", text.strip())
        elif _DECIMAL_POINT.fullmatch(bare):
            found.setdefault(".", text.strip())
    return next(iter(found.items())) if len(found) == 1 else ("", "")
