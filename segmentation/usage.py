"""Who uses a segment: told by the layers above, which this one may not import."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True, kw_only=True)
class Use:
    """
    One thing that uses a segment.

    waits: it will look at the members when its time comes. is_over: it will never look at them again.
    """

    segment_id: int
    name: str
    state: str
    link: str
    waits: bool
    is_over: bool = False


_declared: list[str] = []


def declare(module: str) -> None:
    """Let `module.of_segments(segment_ids)`, which returns uses, be asked; called by an AppConfig."""
    if module not in _declared:
        _declared.append(module)


def of_segments(segment_ids: Collection[int]) -> dict[int, list[Use]]:
    """Every use of these segments, those that wait first."""
    found: dict[int, list[Use]] = {segment_id: [] for segment_id in segment_ids}
    for module in _declared:
        for use in import_module(module).of_segments(segment_ids):
            found[use.segment_id].append(use)
    return {pk: sorted(uses, key=lambda use: not use.waits) for pk, uses in found.items()}
