"""Reasons as numbers and as sentences."""

from enum import IntEnum


class Reason(IntEnum):
    """Stored as numbers; never renumber."""

    POPULAR = 0
    BECAUSE = 1
    GOES_WITH = 2
    USUALLY = 3
    OTHERS_AGAIN = 4
    AGAIN = 5


def in_words(code: int, *, product: str = "", days: int = 0) -> str:
    """A sentence that may be shown to the customer."""
    match Reason(code):
        case Reason.BECAUSE:
            return f"because you bought {product}"
        case Reason.GOES_WITH:
            return f"goes with {product}, which you bought"
        case Reason.USUALLY:
            return f"you usually buy this every {days} days" if days > 1 else "you buy this daily"
        case Reason.OTHERS_AGAIN:
            return f"you bought this before; such things are usually bought again after {days} days"
        case Reason.AGAIN:
            return "you bought this before"
        case Reason.POPULAR:
            return "popular at this time"
