"""
What a marketer may write between {{ }} and {% %}: a closed set, checked when a campaign is saved.

Templates are Liquid, strict: an unknown field, filter or tag is a mistake with a line, never an
empty space in somebody's mail. Values are plain text and numbers; there are no loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError


FIELDS = {
    "customer.first_name": "First name of the customer; may be empty, so give a default",
    "customer.last_name": "Last name of the customer; may be empty",
    "discount_percent": "The campaign's discount, per cent",
    "shop.postal_address": "Postal address of the shop (required)",
    "unsubscribe_url": "The customer's own link to unsubscribe (required)",
}
LINKS = "links"  # put in by us for the addresses of links; not for marketers

_TAGS = {
    "if", "unless", "case", "assign", "capture", "comment", "#", "echo",
    "content", "output", "illegal",
}  # fmt: skip
_FILTERS = {
    "append", "at_least", "at_most", "capitalize", "ceil", "default", "divided_by", "downcase",
    "floor", "lstrip", "minus", "modulo", "plus", "prepend", "remove", "replace", "round", "rstrip",
    "size", "slice", "strip", "times", "truncate", "truncatewords", "upcase",
}  # fmt: skip


class _ClosedEnvironment(Environment):
    output_stream_limit = 500_000  # bytes; Gmail cuts a message off at 102,000
    local_namespace_limit = 10_000
    loop_iteration_limit = 0
    context_depth_limit = 10
    block_nesting_limit = 20


@cache
def environment(*, html: bool) -> Environment:
    """The Liquid environment for HTML, where values are escaped, or for plain text."""
    closed = _ClosedEnvironment(undefined=StrictUndefined, autoescape=html, strict_filters=True)
    closed.tags = {name: tag for name, tag in closed.tags.items() if name in _TAGS}
    closed.filters = {name: filt for name, filt in closed.filters.items() if name in _FILTERS}
    return closed


def problems(source: str, *, where: str, html: bool) -> list[str]:
    """What is wrong with a template, in words with lines; `where` names the field on the screen."""
    try:
        template = environment(html=html).from_string(source)
    except LiquidError as error:
        return [f"{where}, line {_line_of_error(error, source)}: {error.message}."]
    return [f"{where}, line {line}: {text}" for line, text in sorted(_unknown(template, source))]


def fields_used(source: str) -> set[str]:
    """The merge fields of a template that has no problems."""
    analysis = environment(html=True).from_string(source).analyze()
    return {str(use) for uses in analysis.globals.values() for use in uses}


def _unknown(template: BoundTemplate, source: str) -> Iterator[tuple[int, str]]:
    analysis = template.analyze()
    known = ", ".join(FIELDS)
    for uses in analysis.globals.values():
        for use in uses:
            if str(use) not in FIELDS:
                line = source.count("\n", 0, use.span.index) + 1
                yield line, f"{{{{ {use} }}}} is not a merge field; there are {known}."
    for name, spans in analysis.filters.items():
        if name not in _FILTERS:
            for span in spans:
                line = source.count("\n", 0, span.index) + 1
                yield line, f"there is no filter {name!r}; there are {', '.join(sorted(_FILTERS))}."


def _line_of_error(error: LiquidError, source: str) -> int:
    start = error.token.start_index if error.token else 0
    return source.count("\n", 0, max(start, 0)) + 1
