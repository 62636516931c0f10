"""Fields that refuse what a database of text, a 64-bit integer or a calendar cannot hold."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers


MAX_ID = 2**63 - 1
MAX_CENTS = 100_000_000_000
_DEPTH, _NODES, _TEXT = 8, 500, 20_000
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def flaw(text: str) -> str | None:
    """Why PostgreSQL could not keep `text`, in words, or None."""
    if "\0" in text:
        return "It holds a NUL character."
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "It holds half of a surrogate pair."
    return None


class Text(serializers.CharField):
    """Text in NFC, without NUL and lone surrogates; leading and trailing blanks are cut off."""

    default_error_messages = {"bad_text": "{why}"}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if why := flaw(data):
            self.fail("bad_text", why=why)
        return super().to_internal_value(unicodedata.normalize("NFC", data))


class Number(serializers.IntegerField):
    """A whole number between bounds; a JSON number, not a text of digits, unless it is in the address."""

    def __init__(self, *, min_value: int = 0, max_value: int = MAX_ID, **more: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **more)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or (isinstance(data, str) and len(data) > 20):
            self.fail("invalid")
        if isinstance(data, int) and abs(data) > MAX_ID:
            self.fail("max_value", max_value=self.max_value)
        return super().to_internal_value(data)


class Cents(Number):
    """Money: whole cents (minor units); the currency is beside it."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_value=MAX_CENTS, **more)


class Moment(serializers.DateTimeField):
    """A time of ISO 8601 between 1990 and 2200; without an offset it is taken as UTC."""

    default_error_messages = {"absurd_date": "The time is before 1990 or after 2199."}

    def __init__(self, **more: Any) -> None:
        super().__init__(default_timezone=UTC, **more)

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            self.fail("invalid", format="ISO 8601")
        moment = super().to_internal_value(value)
        if not EARLIEST <= moment < LATEST:
            self.fail("absurd_date")
        return moment


class JsonObject(serializers.DictField):
    """An object of our limits: eight deep, 500 values, texts that can be stored, numbers of 64 bits."""

    default_error_messages = {
        "too_large": "At most 500 values, nested at most eight deep.",
        "bad_text": "{why}",
        "bad_number": "A number is beyond 64 bits.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        self._left = _NODES
        self._check(data, depth=0)
        return data

    def _check(self, value: Any, *, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > _DEPTH:
            self.fail("too_large")
        if isinstance(value, str):
            if len(value) > _TEXT:
                self.fail("bad_text", why="A text is longer than 20,000 characters.")
            if why := flaw(value):
                self.fail("bad_text", why=why)
        elif isinstance(value, int | float) and abs(value) > MAX_ID:
            self.fail("bad_number")
        elif isinstance(value, dict):
            for name, inner in value.items():
                self._check(name, depth=depth)
                self._check(inner, depth=depth + 1)
        elif isinstance(value, list):
            for inner in value:
                self._check(inner, depth=depth + 1)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses names it does not know: a mistyped field is told, not dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(
                {
                    (name if flaw(name) is None else "body")[:100]: [
                        serializers.ErrorDetail(
                            "There is no such field here.", code="unknown_field"
                        )
                    ]
                    for name in unknown[:20]
                }
            )
        return super().to_internal_value(data)
