"""Which counts of people are too small to be told, and which others must go with them."""

from __future__ import annotations

from collections.abc import Sequence

from customers import display


SMALLEST = 10
"""A cell of fewer people is not told: it could be about somebody one knows."""
FEW = "fewer than 10"
WITHHELD = "not told"
"""Of a cell, large or small, with which and with the sum of all a small one could be worked out."""
OPEN = 5
"""At least so many numbers each small cell could be."""


def hidden(counts: Sequence[int]) -> frozenset[int]:
    """
    The positions in `counts` that are not told, where their sum is known.

    Those of 1 to 9 people; and the next larger ones until at least two cells with SMALLEST people together are
    hidden, for what is left of the sum is what the hidden cells hold; and each of them holds somebody.
    """
    small = {place for place, count in enumerate(counts) if 0 < count < SMALLEST}
    if not small:
        return frozenset()
    larger = sorted((count, place) for place, count in enumerate(counts) if count >= SMALLEST)
    while larger and not _is_safe([counts[place] for place in small]):
        small.add(larger.pop(0)[1])
    return frozenset(small)


def _is_safe(held: Sequence[int]) -> bool:
    return len(held) > 1 and sum(held) >= max(SMALLEST, len(held) + OPEN - 1)


def told(number: int) -> str:
    """A count of people as it may be shown where no sum is known."""
    return FEW if 0 < number < SMALLEST else display.number(number)


def all_told(counts: Sequence[int]) -> list[str]:
    """`counts` as they may be shown beside their sum."""
    secret = hidden(counts)
    few = WITHHELD if _names_tell([counts[place] for place in secret]) else FEW
    return [
        told(count) if place not in secret else few if count < SMALLEST else WITHHELD
        for place, count in enumerate(counts)
    ]


def _names_tell(held: Sequence[int]) -> bool:
    """Whether a small one of the hidden cells follows from their sum and from which of them are said to be small."""
    few = sum(count < SMALLEST for count in held)
    larger = len(held) - few
    most = min(SMALLEST - 1, sum(held) - SMALLEST * larger - (few - 1))
    least = 1 if larger else max(1, sum(held) - (SMALLEST - 1) * (few - 1))
    return few > 0 and most - least < OPEN - 1


def share_told(part: int, whole: int, *, decimals: int = 1) -> str:
    """`part` of `whole` people as a share; all but a few is as telling of the few as the few themselves."""
    if 0 < part < SMALLEST:
        return f"< {SMALLEST}"
    if 0 < whole - part < SMALLEST:
        return "nearly all" if part >= 0.9 * whole else "most"
    return display.percent(part / whole if whole else 0.0, decimals=decimals)
