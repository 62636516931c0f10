"""What the builder warns of before a rule is saved: conditions that may reveal what the law protects."""

from __future__ import annotations

from segmentation.rules import fields
from segmentation.rules.problems import Problem
from segmentation.rules.rule import Rule
from segmentation.rules.tree import Did, FieldIs, Leaf, Value


MESSAGE = (
    "this may reveal health, belief, origin or the like, even of people who did not say so;"
    " use it only with their explicit consent"
)


def warnings(rule: Rule) -> tuple[Problem, ...]:
    """One for each condition whose field, property, event or value hints at GDPR Art. 9. Hints, no refusals."""
    return tuple(
        Problem(placed.path, MESSAGE) for placed in rule.leaves() if _is_sensitive(placed.leaf)
    )


def _is_sensitive(leaf: Leaf) -> bool:
    if isinstance(leaf, FieldIs):
        known = fields.find(leaf.field)
        return bool(known and known.sensitive) or _in_values(leaf.value)
    if isinstance(leaf, Did):
        return fields.is_sensitive(leaf.event) or any(
            fields.is_sensitive(one.property) or _in_values(one.value) for one in leaf.where
        )
    return False


def _in_values(value: Value) -> bool:
    values = value if isinstance(value, tuple) else (value,)
    return any(isinstance(one, str) and fields.is_sensitive(one) for one in values)
