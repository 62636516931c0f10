"""Comparisons as SQL. An unknown value makes a comparison NULL, which counts as "does not hold".

Groups of AND and OR may be built of such conditions as they are: Kleene's AND and OR give TRUE exactly when
two-valued logic with "unknown = does not hold" does. Only what is turned round needs care, and is always
written `(...) IS NOT TRUE`.
"""

from __future__ import annotations

from segmentation.rules import operators
from segmentation.rules.plan import Plan
from segmentation.rules.tree import Count, Value


def turned_round(condition: str) -> str:
    """Holds exactly when `condition` does not."""
    return f"({condition}) IS NOT TRUE"


def compare(
    column: str, operator: str, value: Value, *, kind: str, plan: Plan, best: str = ""
) -> str:
    """`column` compared; `best` is a SELECT of all values of the column, for `top_percent`."""
    if operator in operators.NEGATIVE:
        positive = operators.COUNTERPART[operator]
        return turned_round(compare(column, positive, value, kind=kind, plan=plan))
    if operator == "is_known":
        return f"{column} <> ''" if kind in {"text", "any"} else f"{column} IS NOT NULL"
    if operator in operators.TEXT:
        return _text(column, operator, value, plan=plan)
    if operator == operators.TOP:
        return f"{column} >= ({best})"
    return _number(as_number(column) if kind == "any" else column, operator, value, plan=plan)


def count(times: str, asked: Count, *, plan: Plan) -> str:
    """`times` is NULL for who never did it."""
    number = plan.value(asked.number)
    if asked.operator == "at_least":  # as it is, it lets the optimiser make an inner join of it
        return f"{times} >= {number}"
    return f"coalesce({times}, 0) {'<=' if asked.operator == 'at_most' else '='} {number}"


def as_number(text: str) -> str:
    """A text as a finite number; NULL when it is none."""
    return f"CASE WHEN isfinite(TRY_CAST({text} AS DOUBLE)) THEN TRY_CAST({text} AS DOUBLE) END"


def property_text(document: str, key: str, *, plan: Plan) -> str:
    """A property of a JSON text, as text. The key goes in as a JSON pointer, where no sign is special."""
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    return f"json_extract_string(nullif({document}, ''), {plan.value(pointer)})"


def _text(column: str, operator: str, value: Value, *, plan: Plan) -> str:
    if operator == "contains":
        return f"contains(lower({column}), lower({plan.value(value)}))"
    if operator == "in" and isinstance(value, tuple):
        return f"{column} IN ({', '.join(map(plan.value, value))})"
    return f"{column} = {plan.value(value)}"


def _number(column: str, operator: str, value: Value, *, plan: Plan) -> str:
    if operator == "between" and isinstance(value, tuple):
        return f"{column} BETWEEN {plan.value(value[0])} AND {plan.value(value[1])}"
    sign = {"at_least": ">=", "at_most": "<=", "equals": "="}[operator]
    return f"{column} {sign} {plan.value(value)}"
