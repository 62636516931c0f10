"""JSON as RFC 8259 has it, and strictly: no NaN, no name twice, no depth that Python cannot follow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class StrictJson(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(
                stream.read().decode("utf-8"),
                parse_constant=_refuse_constant,
                object_pairs_hook=_refuse_doubles,
            )
        except (ValueError, RecursionError) as error:
            # the decoder's own words name a place, never the text
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            if isinstance(error, UnicodeDecodeError):
                reason = "it is not UTF-8"
            raise ParseError(f"The body is not JSON that we read: {reason[:200]}.") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same name twice")
    return found
