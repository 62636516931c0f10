"""A rule as one sentence in plain words.

All English is in `templates.py`; `translate` turns a template into another language's before it is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from segmentation.rules import fields, operators, templates, vocabulary
from segmentation.rules.rule import Rule
from segmentation.rules.tree import (
    Bucket,
    ConsentIs,
    Did,
    FieldIs,
    Group,
    Leaf,
    Node,
    PropertyIs,
    ScoreIs,
    SegmentIs,
    Value,
)


@dataclass(frozen=True, kw_only=True)
class Names:
    """
    How the shop calls what rules name by number, and its currency. What is missing is shown as it is.

    minor_units: how many of what is stored as cents make one of the currency: 100, or 1 where it has no cents.
    """

    segments: Mapping[int, str] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[int, str] = field(default_factory=dict)
    currency: str = ""
    minor_units: int = 100


NO_NAMES = Names()
Pair = tuple[str, str]


def in_words(rule: Rule, names: Names = NO_NAMES, *, translate: Callable[[str], str] = str) -> str:
    """One sentence without a full stop: "Customers who ordered at least 2 times and are in ..."."""
    words = Words(names=names, translate=translate)
    return words.fill(templates.SENTENCE, conditions=words.node(rule.root, holds=True, inner=False))


class Words:
    """Fills templates in one language, with one shop's names."""

    def __init__(self, *, names: Names, translate: Callable[[str], str]) -> None:
        self.names, self.translate = names, translate

    def fill(self, template: str, **values: object) -> str:
        return self.translate(template).format(**values)

    def node(self, node: Node, *, holds: bool, inner: bool = True) -> str:
        """A group's or condition's words; `holds` False turns them round, down to each condition."""
        if not isinstance(node, Group):
            return self.leaf(node, holds=holds)
        wanted = holds != (node.quantifier == "none")
        # none of a, b: not a and not b; not all of a, b: not a or not b; not none of a, b: a or b
        together = holds != (node.quantifier == "any")
        if len(node.nodes) == 1:
            return self.node(node.nodes[0], holds=wanted, inner=inner)
        joined = self.list([self.node(one, holds=wanted) for one in node.nodes], together=together)
        return self.fill(templates.INNER, conditions=joined) if inner else joined

    def list(self, parts: Sequence[str], *, together: bool) -> str:
        *first, last = parts
        if not first:
            return last
        template = templates.AND if together else templates.OR
        return self.fill(template, first=", ".join(first), last=last)

    def leaf(self, leaf: Leaf, *, holds: bool) -> str:
        """The words of one condition that holds, or does not."""
        match leaf:
            case FieldIs() | ScoreIs():
                return self._compared(leaf, holds=holds)
            case Did():
                return self._deed(leaf, holds=holds != leaf.negated)
            case ConsentIs():
                purpose, channel = (
                    vocabulary.PURPOSES[leaf.purpose],
                    vocabulary.CHANNELS[leaf.channel],
                )
                both = self.fill(
                    templates.PURPOSE_ON, purpose=self.translate(purpose), channel=channel and self.translate(channel),
                )  # fmt: skip
                return self._either(templates.CONSENT, holds == leaf.given, purpose=both.strip())
            case SegmentIs():
                name = self.names.segments.get(leaf.segment, str(leaf.segment))
                return self._either(templates.SEGMENT, holds == leaf.inside, segment=f"“{name}”")
            case Bucket():
                return self._either(
                    templates.BUCKET, holds, start=shown(leaf.start), stop=shown(leaf.stop),
                    salt=f"“{leaf.salt}”",
                )  # fmt: skip

    def amount(self, value: Value, *, unit: str) -> str:
        """One value with its unit."""
        if not isinstance(value, int | float):
            return str(value)
        if unit == "cents":
            units = self.names.minor_units
            return f"{value / units:,.{0 if units == 1 else 2}f} {self.names.currency}".strip()
        number = shown(value * 100 if unit == "share" else value)
        return (
            self.fill(templates.UNITS[unit], number=number) if unit in templates.UNITS else number
        )

    def _either(self, pair: Pair, holds: bool, **values: object) -> str:  # noqa: FBT001 - it chooses
        return self.fill(pair[0] if holds else pair[1], **values)

    def _compared(self, leaf: FieldIs | ScoreIs, *, holds: bool) -> str:
        if isinstance(leaf, ScoreIs):
            score = vocabulary.SCORES[leaf.score]
            label, phrase, unit, measured = score.label, score.phrase, score.unit, False
        else:
            known = fields.find(leaf.field)
            if known is None:
                raise LookupError(f"no field {leaf.field}")
            label, phrase, unit, measured = known.label, known.phrase, known.unit, known.measured
        operator = leaf.operator
        if operator in operators.NEGATIVE:
            operator, holds = operators.COUNTERPART[operator], not holds
        label, phrase = self.translate(label), self.translate(phrase)
        if operator == "is_known":
            return self._either(templates.KNOWN, holds, label=label)
        if operator == operators.TOP:
            return self._either(templates.TOP, holds, number=shown(leaf.value), label=label)
        if unit == "flag" and operator == "equals" and leaf.value in {0, 1}:
            return self._either(templates.FLAG, holds == (leaf.value == 1), label=label)
        if operator in operators.TEXT:
            is_source = isinstance(leaf, FieldIs) and leaf.field == "source"
            pair = templates.CONTAINS if operator == "contains" else templates.TEXT
            value = self._values(leaf.value, self.names.sources if is_source else {})
            return self._either(
                templates.SOURCE if is_source else pair, holds,
                phrase=phrase, a_phrase=_with_article(phrase), value=value,
            )  # fmt: skip
        amount = self._amount(operator, leaf.value, unit=unit)
        pair = templates.MEASURED if measured else templates.VALUED
        first, _, rest = phrase.partition(" ")
        if measured and first == "since":
            pair = templates.PAST
        elif measured and first in {"spent", "paid"}:
            pair = templates.SPENT
        return self._either(
            pair, holds, phrase=phrase, a_phrase=_with_article(phrase), amount=amount, first=first, rest=rest,
        )  # fmt: skip

    def _amount(self, operator: str, value: Value, *, unit: str) -> str:
        template = templates.AMOUNT[operator]
        if isinstance(value, tuple):
            low, high = (self.amount(one, unit=unit) for one in value)
            return self.fill(template, low=low, high=high)
        return self.fill(template, value=self.amount(value, unit=unit))

    def _values(self, value: Value, names: Mapping[Any, str]) -> str:
        values = value if isinstance(value, tuple) else (value,)
        return self.list([names.get(one, str(one)) for one in values], together=False)

    def _deed(self, deed: Did, *, holds: bool) -> str:
        known = vocabulary.DEEDS.get(deed.event)
        if known is None:
            did, have_not = (self.fill(one, name=deed.event) for one in templates.CUSTOM)
        else:
            did, have_not = self.translate(known.did), self.translate(known.have_not)
        how, number = deed.count.operator, deed.count.number
        if number == 0:  # at most or exactly 0 times
            holds = not holds
        if number == 0 or (how, number) == ("at_least", 1):
            pair = templates.DID
        else:
            pair = {"at_least": templates.AT_LEAST, "at_most": templates.AT_MOST}.get(how, templates.EXACTLY)  # fmt: skip
        times = self.fill(templates.ONCE if number == 1 else templates.TIMES, number=number)
        parts = self.list([self._filter(one, deed.event) for one in deed.where], together=True) if deed.where else ""  # fmt: skip
        return self._either(
            pair, holds, did=did, have_not=have_not, times=times,
            filters=self.fill(templates.FILTERS, filters=parts) if parts else "",
            when=self._when(deed, never=pair is templates.DID and not holds),
        )  # fmt: skip

    def _when(self, deed: Did, *, never: bool) -> str:
        window = deed.window
        if window.start and window.end:
            last = window.end - timedelta(days=1)
            return self.fill(
                templates.BETWEEN, first=window.start.isoformat(), last=last.isoformat()
            )
        if window.kind == "ever":
            return ""
        older = templates.OLDER[1 if never else 0]
        return self.fill(templates.WITHIN if window.kind == "within_days" else older, number=window.days)  # fmt: skip

    def _filter(self, one: PropertyIs, event: str) -> str:
        known = fields.property_of(event, one.property)
        if known is None:
            raise LookupError(f"no property {one.property}")
        phrase = self.translate(known.phrase)
        if one.operator in operators.KNOWN or one.operator == "contains":
            value = self._values(one.value, {})
            return self.fill(templates.FILTER[one.operator], phrase=phrase, value=value)
        if one.operator in operators.TEXT:
            key = "not_text" if one.operator in operators.NEGATIVE else "text"
            names = self.names.products if one.property == "product" else {}
            return self.fill(
                templates.FILTER[key], phrase=phrase, value=self._values(one.value, names)
            )
        amount = self._amount(one.operator, one.value, unit=known.unit)
        return self.fill(templates.FILTER["number"], phrase=phrase, amount=amount)


def shown(number: Value) -> str:
    """A number without needless digits: 2, 2.5, 1,200; small ones with up to four."""
    if not isinstance(number, int | float):
        return str(number)
    text = f"{number:,.{1 if abs(number) >= 10 else 4}f}" if number != int(number) else f"{number:,.0f}"  # fmt: skip
    return text.rstrip("0").rstrip(".") if "." in text else text


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[:1] in 'aeiou' else 'a'} {phrase}"
