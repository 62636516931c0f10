"""Single values out of what a client said: nothing here trusts a type, and nothing raises but Refused."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec


Fields = Mapping[str, Any]

NOTHING: Fields = {}
LARGEST_ITEM = 32 * 1024
"""Bytes of one item as JSON: the limit of the published clients."""
LONGEST_ID = 200
_LARGEST_NUMBER = 10**30
_SUSPECT = re.compile(rb"\\u0000|[0-9]{31}")
_NOBODY = frozenset({
    "null", "undefined", "none", "nan", "nil", "true", "false", "[object object]", "{}", "[]",
    "anonymous", "guest",
})  # fmt: skip
"""What a faulty script sends for a person it does not know; as a number it would join everybody."""


class Refused(Exception):  # noqa: N818 - it says what becomes of the item
    """The item cannot be taken; `reason` is a key of quality.REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(value: Any, *, limit: int) -> bytes:
    """JSON of a value that is safe for the database. Raises Refused."""
    try:
        text = msgspec.json.encode(value)
    except UnicodeEncodeError:
        raise Refused("bad_text") from None
    except RecursionError:
        raise Refused("too_deep") from None
    except (TypeError, OverflowError, ValueError):
        raise Refused("not_json") from None
    if len(text) > limit:
        raise Refused("too_large")
    return text


def examine(body: Any) -> None:
    """Refuse an item that could not be stored as it is, before anything reads it."""
    if not isinstance(body, Mapping):
        raise Refused("not_an_object")
    text = encode(body, limit=LARGEST_ITEM)
    if _SUSPECT.search(text):
        for value in _scalars(body):
            if isinstance(value, str) and "\0" in value:
                raise Refused("nul_byte")
            if isinstance(value, int | float) and not -_LARGEST_NUMBER < value < _LARGEST_NUMBER:
                raise Refused("bad_number")


def _scalars(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            waiting.extend(found)
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
        else:
            yield found


def fields(value: Any) -> Fields:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else NOTHING


@lru_cache(maxsize=512)
def camel(name: str) -> str:
    """`order_id` as `orderId`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def pick(said: Fields, name: str) -> Any:
    """`order_id` or `orderId`."""
    found = said.get(name)
    return said.get(camel(name)) if found is None else found


def ident(value: Any) -> str:
    """An identifier as text, numbers included; "" for none. Raises Refused."""
    if value is None:
        return ""
    if isinstance(value, str):
        found = value.strip()
        if found.lower() in _NOBODY:
            return ""
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused("bad_id")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Refused("bad_id")
        found = str(int(value)) if value.is_integer() else repr(value)
    else:
        found = str(value)
    if len(found) > LONGEST_ID:
        raise Refused("text_too_long")
    return found


def text(value: Any, *, limit: int) -> str:
    """A text of at most so many characters; "" for what is neither text nor number."""
    if isinstance(value, str):
        return value.strip()[:limit]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:limit]
    return ""


def moment(value: Any) -> int | None:
    """
    Epoch seconds of an ISO 8601 text or of epoch seconds or milliseconds; None for nothing.

    Without an offset it is UTC. Raises Refused.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip())
            if found.tzinfo is None:
                found = found.replace(tzinfo=UTC)
            return math.floor((found - _EPOCH).total_seconds())
        except (ValueError, OverflowError):
            if not re.fullmatch(r"[0-9]{9,13}(\.[0-9]+)?", value.strip()):
                raise Refused("bad_date") from None
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**14:
        raise Refused("bad_date")
    # 10**11 seconds is the year 5138, 10**11 milliseconds are in 1973
    return int(value) if value < 10**11 else int(value / 1000)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
