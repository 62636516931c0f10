"""Finding a person in text that was kept as it came: requests, refused rows, files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet

from consent.desk.personal_data import Person
from core import ids


_ADDRESS = re.compile(r"[^\s\"'<>(),;:\\@=&?|\[\]{}]{1,64}@[^\s\"'<>(),;:\\@=&?|\[\]{}/]{1,255}")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_LONG = 5
"""A number of fewer characters than this would be found in every price; it must stand behind an `id`."""


@lru_cache(maxsize=50_000)
def _hmac(address: str, pepper: bytes) -> str:
    return ids.address_hmac(address, pepper=pepper)


def addresses(text: str) -> Iterator[str]:
    """What looks like an e-mail address in `text`."""
    for match in _ADDRESS.finditer(text):
        yield match[0].rstrip(".")


def hashes(text: str) -> set[str]:
    """The keyed hashes of the addresses in `text`."""
    return {_hmac(address, settings.SUPPRESSION_PEPPER) for address in addresses(text)}


class Finder:
    """
    Says whether a text names a person: by an address, whose hash is enough, or by one of their numbers.

    Their name alone is not looked for: it is also other people's.
    """

    def __init__(self, person: Person) -> None:
        self._hmacs = person.address_hmacs
        words = sorted(number for number in person.numbers if number)
        patterns = []
        if words:
            either = "|".join(re.escape(word) for word in words)
            patterns.append(rf"id[\"']?\s*[:=]\s*[\"']?(?:{either})(?![\w-])")
        if long := [re.escape(word) for word in words if len(word) >= _LONG]:
            patterns.append(rf"(?<![\w.-])(?:{'|'.join(long)})(?![\w-])")
        self._numbers = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    @property
    def looks(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._hmacs or self._numbers)

    def finds(self, raw: bytes | str) -> bool:
        text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
        if "\\u" in text:
            text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        if "%40" in text:
            text = text.replace("%40", "@")
        if self._hmacs and "@" in text and self._hmacs & hashes(text):
            return True
        return self._numbers is not None and self._numbers.search(text) is not None

    def keys(self, rows: QuerySet[Any], *fields: str) -> list[int]:
        """The keys of the rows in whose `fields` (text, bytes or JSON) the person is named."""
        if not self.looks:
            return []
        # a request may be half a megabyte: few at a time
        found = rows.order_by("pk").values_list("pk", *fields).iterator(chunk_size=50)
        return [key for key, *values in found if any(self._named(value) for value in values)]

    def _named(self, value: Any) -> bool:
        if isinstance(value, memoryview):
            value = bytes(value)
        return bool(value) and self.finds(value if isinstance(value, (str, bytes)) else str(value))

    def in_file(self, path: Path) -> bool:
        """Read line by line: a file may be larger than memory."""
        if not self.looks or not path.is_file():
            return False
        with path.open("rb") as lines:
            # what is no plain text (Parquet, an archive) cannot be searched: it may name anybody
            if b"\0" in lines.read(4_096):
                return True
            lines.seek(0)
            return any(self.finds(line) for line in _pieces(lines))


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """An endless line comes in pieces that overlap."""
    for line in lines:
        if len(line) <= 1_000_000:
            yield line
            continue
        for start in range(0, len(line), 999_000):
            yield line[start : start + 1_000_000]


def update(model: type[Model], keys: list[int], fields: Mapping[str, Any]) -> int:
    if not keys:
        return 0
    return int(model._default_manager.filter(pk__in=keys).update(**fields))
