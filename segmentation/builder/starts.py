"""Rules to start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Start:
    """A ready-made segment; `code` stands in the address."""

    code: str
    name: str
    description: str
    definition: Mapping[str, Any]


READY_MADE: tuple[Start, ...] = ()
