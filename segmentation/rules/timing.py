"""When the answer for a customer may change although nothing happens: the calendar of dynamic membership.

What a condition waits for, and how exactly it is known:

- a window of days: the second in which the row leaves (enters) it that makes the count cross what is asked;
- an age ("days since ..."): the second in which it crosses the value, or up to two seconds before;
- a feature of the last n days: the second in which the next of the customer's rows crosses an edge of the
  window, whether or not the value crosses what is asked;
- the features of `DAILY`: the next midnight (UTC). Their edges are not easily told; such a rule may be late by
  up to a day;
- rows dated in the future by a wrong clock: the second in which they begin to count;
- scores, consents, memberships, buckets, and features that are not about time: never. `top_percent` compares
  customers with one another and is only brought up to date when everybody is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Any

from segmentation.ml.features import FEATURES
from segmentation.rules import deeds
from segmentation.rules.plan import DAY, Plan
from segmentation.rules.rule import Rule
from segmentation.rules.tree import Did, FieldIs, Leaf


CLOCKS: dict[str, tuple[str, str, str]] = {
    "joined_days": ("customers", "joined_at", "TRUE"),
    "recency_days": ("orders", "placed_at", "TRUE"),
    "tenure_days": ("orders", "placed_at", "TRUE"),
    "visit_recency_days": (
        "events", "happened_at", "kind IN ('SITE_VISIT', 'PRODUCT_VIEW', 'CART', 'SEARCH', 'WISHLIST')",
    ),
    "mail_recency_days": ("events", "happened_at", "kind = 'DELIVERED'"),
    "click_recency_days": ("events", "happened_at", "kind = 'CLICKED'"),
    "review_recency_days": ("reviews", "written_at", "TRUE"),
    "refund_recency_days": ("refunds", "refunded_at", "TRUE"),
}  # fmt: skip
"""Features that grow by a day a day, with the rows since the last (tenure: the first) of which they count."""

DAILY = frozenset({
    "recency_to_gap", "active_months_12", "order_days_per_year", "due_products", "overdue_days",
    "coming_season_share", "carts_left_90d", "cart_open_days", "survey_recency_days",
})  # fmt: skip
"""Features that change with time in ways that are not followed: looked at every midnight."""

_MOMENTS = {
    "customers": "joined_at",
    "orders": "placed_at",
    "order_lines": "placed_at",
    "refunds": "refunded_at",
    "events": "happened_at",
    "reviews": "written_at",
}
_TABLES = {
    "customers": ("customers",),
    "orders": ("customers", "orders", "refunds"),
    "basket": ("customers", "orders", "order_lines"),
    "habits": ("customers", "orders"),
    "engagement": ("customers", "events"),
    "carts": ("customers", "events", "orders"),
    "reviews": ("customers", "reviews"),
    "refunds": ("customers", "refunds", "orders"),
    "declared": ("customers", "events"),
}
_EVERY = tuple(_MOMENTS)
_LONGEST_EXACT = 50
"""Up to this rank the k-th row is looked up; beyond it the next row stands for it, which is earlier."""


def next_flip(
    rule: Rule,
    connection: Any,
    *,
    customer_ids: Sequence[int] | None = None,
    now: int,
    zone: tzinfo = UTC,
) -> Any:
    """
    Return an Arrow table (customer_id, flips_at), both int64: the first second after `now` (epoch seconds) in
    which time alone may change the answer of `rule` for a customer. Never later than it does (see above for
    the exception of `DAILY`); may be earlier. Who is not in the table has nothing to wait for.
    """
    plan = Plan(now=now, zone=zone, customer_ids=customer_ids)
    parts = dict.fromkeys(
        part for placed in rule.leaves() for part in _flips(placed.leaf, plan=plan)
    )
    flips = " UNION ALL ".join(parts) or "SELECT 0 AS customer_id, NULL AS at"
    who = " AND people.may_profile" if rule.uses.profiling else ""
    found = connection.sql(
        "SELECT CAST(customer_id AS BIGINT) AS customer_id, CAST(min(flip.at) AS BIGINT) AS flips_at"
        f" FROM ({flips}) AS flip JOIN people USING (customer_id)"
        f" WHERE flip.at IS NOT NULL{who} GROUP BY customer_id ORDER BY customer_id",
        params=plan.parameters,
    )
    return found.to_arrow_table()


def changes_with_time(rule: Rule) -> bool:
    """Whether time alone can change an answer: whether `next_flip` is worth asking."""
    return any(True for placed in rule.leaves() for _ in _flips(placed.leaf, plan=Plan(now=0)))


def is_timeless(feature: str) -> bool:
    """Whether a feature changes only when rows come (or the rest of the shop changes)."""
    return feature not in CLOCKS and feature not in DAILY and not edges(feature)


def edges(feature: str) -> tuple[int, ...]:
    """The days ago at which rows enter or leave what a feature counts, as its name says them."""
    found = re.search(r"_(\d+)d(_|$)", feature)
    if not found:
        return ()
    days = int(found[1])
    if "season" in feature:  # the same weeks a year ago
        return 365, 365 - days
    return (days, 2 * days) if "trend" in feature else (days,)


def _flips(leaf: Leaf, *, plan: Plan) -> Iterator[str]:
    """SELECTs of (customer_id, at): later than now, or NULL."""
    if isinstance(leaf, Did):
        yield from _of_deed(leaf, plan=plan)
    elif isinstance(leaf, FieldIs) and leaf.field in FEATURES:
        yield from _of_feature(leaf, plan=plan)
    elif isinstance(leaf, FieldIs) and leaf.field == "joined_days_ago":
        yield from (
            f"SELECT customer_id, {_crossing('joined_at', value, plan=plan)} AS at FROM people WHERE {plan.scope}"
            for value in _numbers(leaf)
        )


def _of_deed(deed: Did, *, plan: Plan) -> Iterator[str]:
    done, now = f"({deeds.rows(deed, plan=plan)})", plan.value(plan.now)
    number, how = deed.count.number, deed.count.operator
    ranks = {"at_least": (number,), "at_most": (number + 1,)}.get(how, (number, number + 1))
    if deed.window.kind == "within_days":
        length, since = deed.window.days * DAY, plan.ago(deed.window.days)
        for rank in ranks:
            last = _ranked("max", rank, otherwise="min")
            if last:  # the window holds this many until the rank-th newest row leaves
                yield (
                    f"SELECT customer_id, {last} + {plan.value(length)} AS at FROM {done}"
                    f" WHERE moment > {since} AND moment <= {now} GROUP BY customer_id"
                )
        yield f"SELECT customer_id, min(moment) AS at FROM {done} WHERE moment > {now} GROUP BY customer_id"
        return
    # older than n days, or ever (n = 0), or between dates: rows only ever enter, the oldest first
    length = deed.window.days * DAY
    dates = "".join(f" AND {one}" for one in deeds.dated(deed.window, plan=plan))
    for rank in ranks:
        at = _ranked("min", rank, otherwise="")
        if at:
            enters = f"{at} + {plan.value(length)}"
            yield (
                f"SELECT customer_id, CASE WHEN {enters} > {now} THEN {enters} END AS at"
                f" FROM {done} WHERE TRUE{dates} GROUP BY customer_id"
            )
    if max(ranks) > _LONGEST_EXACT:
        yield (
            f"SELECT customer_id, min(moment) + {plan.value(length)} AS at FROM {done}"
            f" WHERE moment > {plan.ago(deed.window.days)}{dates} GROUP BY customer_id"
        )


def _ranked(which: str, rank: int, *, otherwise: str) -> str:
    """The rank-th newest (max) or oldest (min) moment; NULL with fewer rows; empty when there is none to ask."""
    if rank == 0:
        return ""
    if rank > _LONGEST_EXACT:
        return otherwise and f"{otherwise}(moment)"
    return f"{which}(moment, {rank})[{rank}]"


def _of_feature(leaf: FieldIs, *, plan: Plan) -> Iterator[str]:
    """Features count rows before the moment (moment < as_of), so a row begins to count a second after."""
    name, now = leaf.field, plan.value(plan.now)
    tables = _TABLES.get(FEATURES[name].theme, _EVERY)
    for table in tables:
        moment = _MOMENTS[table]
        yield (
            f"SELECT customer_id, min(greatest({moment}, arrived_at)) + 1 AS at FROM {table}"
            f" WHERE greatest({moment}, arrived_at) >= {now} AND {plan.scope} GROUP BY customer_id"
        )
        for days in edges(name):
            length = plan.value(days * DAY)
            yield (
                f"SELECT customer_id, min({moment}) + {length} + 1 AS at FROM {table}"
                f" WHERE {moment} >= {plan.ago(days)} AND {plan.scope} GROUP BY customer_id"
            )
    if name in CLOCKS:
        table, moment, condition = CLOCKS[name]
        first_or_last = "min" if name == "tenure_days" else "max"
        for value in _numbers(leaf):
            at = _crossing(f"{first_or_last}({moment})", value, plan=plan)
            yield (
                f"SELECT customer_id, {at} AS at FROM {table} WHERE {condition} AND {moment} < {now}"
                f" AND arrived_at < {now} AND {plan.scope} GROUP BY customer_id"
            )
    elif name in DAILY:
        midnight = plan.value((plan.now // DAY + 1) * DAY)
        yield f"SELECT customer_id, {midnight} AS at FROM people WHERE {plan.scope}"


def _numbers(leaf: FieldIs) -> tuple[int | float, ...]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    return tuple(one for one in values if isinstance(one, int | float))


def _crossing(since: str, days: float, *, plan: Plan) -> str:
    """When so many days have passed since a moment: the seconds around it are all looked at."""
    edge, now = f"({since} + {plan.value(int(days * DAY))})", plan.value(plan.now)
    return f"CASE WHEN {now} <= {edge} + 1 THEN greatest({now} + 1, {edge}) END"
