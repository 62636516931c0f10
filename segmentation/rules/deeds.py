"""What customers did, as SQL: the rows that a condition speaks of, and their count in its window."""

from __future__ import annotations

from segmentation.rules import fields
from segmentation.rules.comparing import compare, property_text
from segmentation.rules.plan import Plan
from segmentation.rules.tree import Did, PropertyIs, Window
from segmentation.rules.vocabulary import DEEDS, ORDER


def rows(deed: Did, *, plan: Plan) -> str:
    """A SELECT of (customer_id, moment): a row a time it was done, whenever that was."""
    if deed.event != ORDER:
        return _events(deed, plan=plan)
    of_lines = [one for one in deed.where if one.property in fields.OF_LINES]
    of_orders = [one for one in deed.where if one.property not in fields.OF_LINES]
    conditions = [_order_property(one, plan=plan) for one in of_orders]
    if not of_lines:
        return (
            "SELECT customer_id, placed_at AS moment FROM orders"
            f" WHERE {_all(plan.scope, *conditions)}"
        )
    lines = [_line_property(one, plan=plan) for one in of_lines]
    if conditions:
        lines.append(
            f"order_id IN (SELECT order_id FROM orders WHERE {_all(plan.scope, *conditions)})"
        )
    # an order counts once, however many of its lines fit
    return (
        "SELECT DISTINCT customer_id, order_id, placed_at AS moment FROM order_lines"
        f" WHERE {_all(plan.scope, *lines)}"
    )


def times(deed: Did, *, plan: Plan) -> str:
    """A SELECT of (customer_id, times) for the customers who did it in its window up to `plan.now`."""
    return (
        f"SELECT customer_id, count(*) AS times FROM ({rows(deed, plan=plan)}) AS done"
        f" WHERE {_in_window(deed.window, plan=plan)} GROUP BY customer_id"
    )


def _events(deed: Did, *, plan: Plan) -> str:
    column = "kind" if deed.event in DEEDS else "name"
    conditions = [
        compare(
            property_text("properties", one.property, plan=plan), one.operator, one.value,
            kind="any", plan=plan,
        )
        for one in deed.where
    ]  # fmt: skip
    return (
        "SELECT customer_id, happened_at AS moment FROM events"
        f" WHERE {_all(plan.scope, f'{column} = {plan.value(deed.event)}', *conditions)}"
    )


_ORDER_COLUMNS = {"value_cents": "total_cents", "discount": "discount_cents", "channel": "channel"}
_PRODUCT_COLUMNS = {"product": "external_id", "brand": "brand"}


def _order_property(one: PropertyIs, *, plan: Plan) -> str:
    kind = fields.ORDER_PROPERTIES[one.property].kind
    return compare(_ORDER_COLUMNS[one.property], one.operator, one.value, kind=kind, plan=plan)


def _line_property(one: PropertyIs, *, plan: Plan) -> str:
    if one.property == "category":
        return compare("category", one.operator, one.value, kind="text", plan=plan)
    column = _PRODUCT_COLUMNS[one.property]
    fits = compare(column, one.operator, one.value, kind="text", plan=plan)
    return f"product_id IN (SELECT product_id FROM products WHERE {fits})"


def _in_window(window: Window, *, plan: Plan) -> str:
    if window.kind == "older_than_days":
        return f"moment <= {plan.ago(window.days)}"
    now = plan.value(plan.now)
    if window.kind == "within_days":
        return f"moment > {plan.ago(window.days)} AND moment <= {now}"
    return _all(f"moment <= {now}", *dated(window, plan=plan))


def dated(window: Window, *, plan: Plan) -> tuple[str, ...]:
    """The conditions of a window between two dates; none for others."""
    if window.start is None or window.end is None:
        return ()
    return f"moment >= {plan.midnight(window.start)}", f"moment < {plan.midnight(window.end)}"


def _all(*conditions: str) -> str:
    return " AND ".join(f"({one})" if " OR " in one else one for one in conditions)
