"""How a condition compares, by the type of what it compares; one list for the parser and the builder."""

from __future__ import annotations


NUMBER = ("at_least", "at_most", "between", "equals")
TEXT = ("is", "is_not", "in", "not_in", "contains")
KNOWN = ("is_known", "is_unknown")
TOP = "top_percent"

NEGATIVE = frozenset({"is_not", "not_in", "is_unknown"})
"""They hold exactly when their counterpart does not, so for an unknown value too."""
COUNTERPART = {"is_not": "is", "not_in": "in", "is_unknown": "is_known"}

BY_KIND: dict[str, tuple[str, ...]] = {
    "number": (*NUMBER, TOP, *KNOWN),
    "age": (*NUMBER, *KNOWN),
    "text": (*TEXT, *KNOWN),
    "id": ("is", "is_not", "in", "not_in"),
    "any": (*NUMBER, *TEXT, *KNOWN),
}
"""
The kinds: a number of the feature or score table; an age in days; a text; the id of a source; and what
shops send of their own accord (traits, properties of events), which may be a number or a text.
"""

LABELS: dict[str, str] = {
    "at_least": "is at least",
    "at_most": "is at most",
    "between": "is between",
    "equals": "is exactly",
    "top_percent": "is in the top per cent",
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "contains": "contains",
    "is_known": "is known",
    "is_unknown": "is not known",
}
