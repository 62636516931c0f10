"""
What a marketer may write between {{ }} and {% %}: a closed set, checked when a campaign is saved.

Templates are Liquid, strict: an unknown field, filter or tag is a mistake with a line, never an
empty space in somebody's mail. Values are plain text and numbers; the one loop is over products.
"""

from __future__ import annotations

import re
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
    "preferences_url": "The customer's own link to their choices and their data",
    "recommendations": "Products for this customer, for a loop: {% for product in recommendations limit: 4 %} with "
    "product.name, .price, .reason, .url, .image_url, .category {% else %} for when there are none {% endfor %}",
    "recommendations.size": "How many products there are",
}
PRODUCT = "product"
"""What the variable of the loop has to be called where a link leads to {{ product.url }}."""
SAMPLE_PRODUCTS: tuple[dict[str, str], ...] = (
    {
        "name": "A product", "category": "Things", "price": "19.00", "reason": "because you bought another",
        "url": "https://shop.example/a", "image_url": "https://shop.example/a.jpg",
    },
    dict.fromkeys(("name", "category", "price", "reason", "url", "image_url"), ""),
)  # fmt: skip
"""To try a template with: one of which all is known, and one of which nothing is."""
LINKS = "links"  # put in by us for the addresses of links; not for marketers

_TAGS = {
    "if", "unless", "case", "for", "assign", "capture", "comment", "#", "echo",
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
    loop_iteration_limit = 200  # the products of a message, a few times over
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
    found = sorted([*_other_loops(source), *_unknown(template, source)])
    return [f"{where}, line {line}: {text}" for line, text in found]


def fields_used(source: str) -> set[str]:
    """The merge fields of a template that has no problems."""
    analysis = environment(html=True).from_string(source).analyze()
    return {str(use) for uses in analysis.globals.values() for use in uses}


def uses(field: str, *sources: str) -> bool:
    """Whether a template without problems asks for `field`; one with problems asks for nothing."""
    try:
        used = set().union(*(fields_used(source) for source in sources))
    except LiquidError:
        return False
    return any(name == field or name.startswith(f"{field}.") for name in used)


def uses_recommendations(*sources: str) -> bool:
    return uses("recommendations", *sources)


_LOOP = re.compile(r"{%-?\s*for\s+(\S+)\s+in\s+([^\s%]+)")


def _other_loops(source: str) -> Iterator[tuple[int, str]]:
    """Loops over anything but products could make a message without end."""
    for match in _LOOP.finditer(source):
        if match[2] != "recommendations" or match[1] != PRODUCT:
            line = source.count("\n", 0, match.start()) + 1
            yield line, f"the only loop there is begins {{% for {PRODUCT} in recommendations %}}."


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
