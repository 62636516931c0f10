"""Checks of single values. Each returns the value, or raises UnfitError with what to do."""

from __future__ import annotations

from datetime import date
from typing import Any

from segmentation.rules import operators
from segmentation.rules.problems import UnfitError
from segmentation.rules.tree import Value


LONGEST_TEXT = 200
LONGEST_LIST = 200
LARGEST_NUMBER = 1e12
MOST_DAYS = 36_500
MOST_TIMES = 100_000
LARGEST_ID = 2**63 - 1


def number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnfitError("give a number")
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:  # nor is NaN
        raise UnfitError("give a number of a sensible size")
    return value


def whole(value: Any, *, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UnfitError(f"give a whole number from {least} to {most}")
    return value


def text(value: Any, *, may_be_empty: bool = False) -> str:
    if not isinstance(value, str):
        raise UnfitError("give a text")
    if not (value or may_be_empty):
        raise UnfitError("give a text; use is_known or is_unknown to ask whether there is one")
    if len(value) > LONGEST_TEXT:
        raise UnfitError(f"give at most {LONGEST_TEXT} characters")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UnfitError("leave out characters that no text can hold (NUL, half of a pair)")
    return value


def identifier(value: Any) -> int:
    return whole(value, least=1, most=LARGEST_ID)


def day(value: Any) -> date:
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    # before year 2 or after 9998 a time zone leaves the calendar
    if found is None or not 1900 <= found.year <= 2200:
        raise UnfitError('give a date like "2026-01-31"')
    return found


def two_days(value: Any) -> tuple[date, date]:
    if not isinstance(value, list) or len(value) != 2:
        raise UnfitError("give two dates: the first day, and the day after the last")
    start, end = day(value[0]), day(value[1])
    if start >= end:
        raise UnfitError("put the earlier date first; the second day is not counted any more")
    return start, end


def one_of(value: Any, known: Any, *, what: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise UnfitError(f"choose {what}: {', '.join(known)}")
    return value


def compared(value: Any, *, operator: str, kind: str) -> Value:
    """What `operator` compares a value of this kind with (see `operators.BY_KIND`)."""
    if operator in operators.KNOWN:
        if value is not None:
            raise UnfitError(f"leave the value out: {operator} compares with nothing")
        return None
    if value is None:
        raise UnfitError("give a value")
    if operator == "between":
        return _two_numbers(value)
    if operator == operators.TOP:
        if not 0 < number(value) <= 100:
            raise UnfitError("give a percentage above 0 and up to 100")
        return number(value)
    if operator in operators.NUMBER:
        return number(value)
    if operator in {"in", "not_in"}:
        if not isinstance(value, list) or not value or len(value) > LONGEST_LIST:
            raise UnfitError(f"give a list of 1 to {LONGEST_LIST} values")
        return tuple(_single(one, kind=kind) for one in value)
    return _single(value, kind=kind)


def _single(value: Any, *, kind: str) -> str | int:
    return identifier(value) if kind == "id" else text(value)


def _two_numbers(value: Any) -> tuple[int | float, int | float]:
    if not isinstance(value, list) or len(value) != 2:
        raise UnfitError("give two numbers: the smallest and the largest")
    smallest, largest = number(value[0]), number(value[1])
    if smallest > largest:
        raise UnfitError("put the smaller number first")
    return smallest, largest
