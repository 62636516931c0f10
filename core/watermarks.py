"""What a file of personal data carries in every row, so that a copy of it can be traced; and sets of numbers, small."""

from __future__ import annotations

import re
import secrets
import zlib
from array import array
from collections.abc import Iterable
from datetime import UTC, datetime


COLUMN = "export_mark"
_PREFIX = "ctr-"
_MARK = re.compile(_PREFIX + "[0-9a-f]{16}")


def new() -> str:
    """A random name for one export: `ctr-` and 16 hexadecimal digits."""
    return _PREFIX + secrets.token_hex(8)


def stamp(mark: str, *, who: str, at: datetime) -> str:
    """What stands in the file: the mark, who took it and when, e.g. `ctr-5f… 2026-06-01T12:00Z clerk`."""
    return f"{mark} {at.astimezone(UTC):%Y-%m-%dT%H:%MZ} {who}"


def mark_in(text: str) -> str:
    """The mark of a stamp, or of a whole line of a file; empty when there is none."""
    found = _MARK.search(text)
    return found.group() if found is not None else ""


def packed(numbers: Iterable[int]) -> bytes:
    """A set of numbers in few bytes: sorted, as differences, compressed. About 1 byte each."""
    found = array("q", sorted(set(numbers)))
    steps = array("q", (b - a for a, b in zip([0, *found], found, strict=False)))
    return zlib.compress(steps.tobytes(), level=6)


def unpacked(content: bytes | memoryview) -> list[int]:
    """What `packed` was given, ascending."""
    steps = array("q")
    steps.frombytes(zlib.decompress(bytes(content)))
    total, found = 0, []
    for step in steps:
        total += step
        found.append(total)
    return found
