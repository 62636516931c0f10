"""What people type against what is stored: money in currency units, shares in per cent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from customers import display


_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
"""Commas that group thousands; any other comma stands for the decimal point."""


@dataclass(frozen=True)
class Unit:
    """`suffix` stands behind the field; a typed number times `factor` is the stored one."""

    suffix: str = ""
    factor: Decimal = Decimal(1)


def of(unit: str) -> Unit:
    """How people type a number of this unit of the feature catalogue."""
    if unit == "cents":
        return Unit(display.currency_code(), Decimal(display.minor_units()))
    if unit == "share":
        return Unit("%", Decimal("0.01"))
    return Unit(unit if unit in {"days", "hours", "stars"} else "")


def stored(text: str, unit: Unit) -> int | float | str:
    """The number that is compared with; the text itself when it is none, for the parser to say so."""
    plain = text.strip().replace("−", "-").replace("\u00a0", "").replace(" ", "")
    plain = plain.replace(",", "" if _GROUPED.fullmatch(plain) else ".")
    try:
        value = Decimal(plain) * unit.factor
    except ArithmeticError:  # no number, or one beyond all measure
        return text
    if not value.is_finite():
        return text
    return int(value) if value == value.to_integral_value() else float(value)


def shown(value: object, unit: Unit) -> str:
    """A stored value as people type it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    typed = Decimal(str(value)) / unit.factor
    return f"{typed.normalize():f}"
