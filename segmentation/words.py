"""Rules in the shop's own words: its names of segments, products and sources, its currency."""

from __future__ import annotations

from customers import display
from customers.models import Product, Source
from segmentation.models import Segment
from segmentation.rules import Names, Rule, in_words
from segmentation.rules.tree import Did


def words_of(rule: Rule) -> str:
    """The rule as one sentence with a full stop."""
    return f"{in_words(rule, names_for(rule))}."


def names_for(rule: Rule) -> Names:
    """The names of what `rule` says by number."""
    products: set[str] = set()
    for placed in rule.leaves():
        filters = placed.leaf.where if isinstance(placed.leaf, Did) else ()
        for one in filters:
            if one.property == "product":
                values = one.value if isinstance(one.value, tuple) else (one.value,)
                products |= {str(value) for value in values}
    named = Product.objects.filter(external_id__in=products).exclude(name="")
    return Names(
        segments=_segments(rule),
        products=dict(named.values_list("external_id", "name")) if products else {},
        sources=dict(Source.objects.values_list("pk", "name")),
        currency=display.currency_code(),
        minor_units=display.minor_units(),
    )


def _segments(rule: Rule) -> dict[int, str]:
    """Deleted ones have a name that says so; of what is wholly gone the number is all that is known."""
    known = Segment.everything.filter(pk__in=rule.uses.segments).values_list("pk", "name")
    gone = {pk: f"number {pk}, which is not there any more" for pk in rule.uses.segments}
    return gone | dict(known)
